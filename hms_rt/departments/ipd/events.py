"""Facts about inpatients that other departments may listen to."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from hms_rt.departments.ipd.model import AdmissionState
from hms_rt.kernel.changes import Event


@dataclass(frozen=True, slots=True)
class StayMoved(Event):
    """At ``at`` a patient came into a bed (``from_*`` None), went to another, or left (``to_*`` None)."""

    stay_id: uuid.UUID
    admission_id: uuid.UUID
    patient_id: uuid.UUID
    from_ward: str | None
    to_ward: str | None
    from_bed: uuid.UUID | None
    to_bed: uuid.UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class AdmissionChanged(Event):
    """An admission changed its state; ``before`` is None for a new request."""

    admission_id: uuid.UUID
    patient_id: uuid.UUID
    before: AdmissionState | None
    after: AdmissionState


@dataclass(frozen=True, slots=True)
class PatientDied(Event):
    """A patient died in the hospital, ``at`` the time of the departure that says so."""

    admission_id: uuid.UUID
    patient_id: uuid.UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class DeathRevoked(Event):
    """The departure of a patient as died, ``at`` that time, was entered in error."""

    admission_id: uuid.UUID
    patient_id: uuid.UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class DosesChanged(Event):
    """What is due of a patient's medication is not what it was: given, refused, overdue, taken back.

    Recorded once the doses are written; medication and doses are locked.
    """

    patient_ids: frozenset[uuid.UUID]
