"""Facts about patients that other departments may listen to."""

import uuid
from dataclasses import dataclass

from hms_rt.departments.patients.model.patient import PatientBrief
from hms_rt.kernel.changes import Event

__all__ = ["PatientBrief", "PatientRegistered", "PatientRenamed", "PatientsMerged", "PatientsUnmerged"]


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


@dataclass(frozen=True, slots=True)
class PatientsMerged(Event):
    """Two records were of one person: everything of ``from_id`` belongs to ``into`` from now on.

    Recorded while both rows are locked FOR UPDATE, so that nobody adds work to either. Each department moves
    its own rows (``repoint``) and shows the survivor on its boards.
    """

    merge_id: uuid.UUID
    from_id: uuid.UUID
    into: PatientBrief


@dataclass(frozen=True, slots=True)
class PatientsUnmerged(Event):
    """A merge was undone: what it moved goes back to ``restored``; what came since stays with ``into``.

    Recorded while both rows are locked FOR UPDATE.
    """

    merge_id: uuid.UUID
    restored: PatientBrief
    into: PatientBrief
