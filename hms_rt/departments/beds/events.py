"""Facts that the beds service records."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from hms_rt.departments.beds.model import BedStatus
from hms_rt.kernel.changes import Cause, Event


@dataclass(frozen=True, slots=True)
class WardDefined(Event):
    """A ward was made or renamed."""

    ward: str


@dataclass(frozen=True, slots=True)
class BedMove:
    """One bed's part in a change; ``before`` is None for a new bed."""

    bed_id: uuid.UUID
    ward: str
    before: BedStatus | None
    after: BedStatus
    counted: bool = True
    """False for a cot: the ward's counts are of beds."""


@dataclass(frozen=True, slots=True)
class BedsChanged(Event):
    """Beds changed state, flag or occupant together: a transfer is one event with two moves."""

    moves: tuple[BedMove, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class CleaningChanged(Event):
    """A request to housekeeping was made, moved, or became overdue. Its bed is locked, but for the last."""

    cleaning_id: uuid.UUID
    ward: str
    cause: Cause


class HoldEnd(StrEnum):
    """How a hold ended."""

    TAKEN = "taken"
    CANCELLED = "cancelled"  # by a command of its own
    RELEASED = "released"  # by what was done with the patient or the bed
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class HoldEnded(Event):
    """A bed is not held for an admission any more."""

    bed_id: uuid.UUID
    bed: str
    ward: str
    admission_id: uuid.UUID
    patient_id: uuid.UUID
    how: HoldEnd
