"""Facts about patients that other departments may listen to."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from hms_rt.departments.patients.model.patient import PatientBrief
from hms_rt.kernel.changes import Event

__all__ = [
    "AllergiesChanged",
    "DeathRevoked",
    "GlassBroken",
    "PatientBrief",
    "PatientDied",
    "PatientRegistered",
    "PatientRenamed",
    "PatientsMerged",
    "PatientsUnmerged",
    "RestrictionChanged",
]


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

    @property
    def both(self) -> list[PatientBrief]:
        """The two patients by id: whoever shows patients shows each anew, in the order of locks."""
        return sorted((self.restored, self.into), key=lambda each: each.id)


@dataclass(frozen=True, slots=True)
class PatientDied(Event):
    """A death was recorded: what is booked or ordered for the patient is looked at by whoever booked it."""

    patient: PatientBrief
    at: datetime


@dataclass(frozen=True, slots=True)
class DeathRevoked(Event):
    """The patient lives after all: the record of the death was a mistake."""

    patient: PatientBrief


@dataclass(frozen=True, slots=True)
class RestrictionChanged(Event):
    """Only those who treat the patient may see the record from now on, or everybody again."""

    patient: PatientBrief


@dataclass(frozen=True, slots=True)
class GlassBroken(Event):
    """Somebody saw a record that was closed to them, and gave a reason."""

    patient_id: uuid.UUID
    principal_id: uuid.UUID
    restricted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class AllergiesChanged(Event):
    """What a patient must not get is not what it was."""

    patient_id: uuid.UUID
