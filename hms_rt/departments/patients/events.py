"""Facts about patients that other departments may listen to."""

import uuid
from dataclasses import dataclass

from hms_rt.departments.patients.model.patient import PatientBrief
from hms_rt.kernel.changes import Event

__all__ = ["PatientBrief", "PatientRegistered", "PatientRenamed"]


@dataclass(frozen=True, slots=True)
class PatientRegistered(Event):
    """A patient exists."""

    patient_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PatientRenamed(Event):
    """What a board shows of a patient changed: name, sex or birth date (also: somebody was identified).

    Recorded while the patient's row is locked. ``patient`` is how it is now.
    """

    patient: PatientBrief
