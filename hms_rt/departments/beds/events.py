"""Facts that the beds service records."""

import uuid
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class BedsChanged(Event):
    """Beds changed state, flag or occupant together: a transfer is one event with two moves."""

    moves: tuple[BedMove, ...]
    cause: Cause
