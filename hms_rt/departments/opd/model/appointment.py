"""An appointment, and which moves its state allows (DESIGN §8). Pure: decides or raises."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from hms_rt.kernel.commands import LATE_ENTRY_SKEW
from hms_rt.kernel.errors import Code, HmsError, illegal_move


class AppointmentState(StrEnum):
    """States of an appointment."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    RESCHEDULED = "rescheduled"  # goes on as an appointment of its own, at another time


_S = AppointmentState

OPEN = frozenset({_S.BOOKED, _S.ARRIVED})
"""The patient is still to come, or to be seen."""

HOLDING = frozenset({_S.BOOKED, _S.ARRIVED, _S.FULFILLED, _S.NO_SHOW})
"""These take a place in their slot: one that nobody came for cannot be given to somebody else any more."""


class AppointmentMove(StrEnum):
    """What can be done with an appointment."""

    ARRIVE = "arrive"
    FULFIL = "fulfil"
    CANCEL = "cancel"
    NO_SHOW = "no_show"
    RESCHEDULE = "reschedule"


MOVES: Mapping[AppointmentMove, Mapping[AppointmentState, AppointmentState]] = {
    AppointmentMove.ARRIVE: {_S.BOOKED: _S.ARRIVED},
    AppointmentMove.FULFIL: {_S.ARRIVED: _S.FULFILLED},
    AppointmentMove.CANCEL: {_S.BOOKED: _S.CANCELLED},
    AppointmentMove.NO_SHOW: {_S.BOOKED: _S.NO_SHOW},
    AppointmentMove.RESCHEDULE: {_S.BOOKED: _S.RESCHEDULED},
}
"""Move -> state -> state after. What is not here is illegal."""


def legal_moves(state: AppointmentState) -> list[AppointmentMove]:
    """The moves that ``state`` allows."""
    return [move for move, steps in MOVES.items() if state in steps]


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment as its row holds it. ``since`` is when the last move occurred; clinic, doctor and times
    are those of the slot; ``overbooked`` is one that did not fit and was given a place by authority."""

    id: uuid.UUID
    slot_id: uuid.UUID
    clinic: str
    doctor_id: uuid.UUID
    day: date
    starts_at: datetime
    ends_at: datetime
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    category: str
    note: str
    state: AppointmentState
    overbooked: bool
    since: datetime
    recorded_at: datetime
    rescheduled_from: uuid.UUID | None = None
    token_id: uuid.UUID | None = None
    arrived_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str | None = None
    version: int = 1
    restricted: bool = False

    def moved(
        self,
        move: AppointmentMove,
        at: datetime,
        *,
        reason: str | None = None,
        token_id: uuid.UUID | None = None,
    ) -> "Appointment":
        """The appointment after ``move``; raises ``illegal_move`` with the moves that are legal, or
        ``invalid`` if ``at`` lies before the move before it. ``token_id`` is what an arrival was given."""
        after = MOVES[move].get(self.state)
        if after is None:
            raise illegal_move("the appointment", self.state, move, list(legal_moves(self.state)))
        if at + LATE_ENTRY_SKEW < self.since:
            raise HmsError(Code.INVALID, "occurred_at lies before what already happened to this appointment")
        when = max(at, self.since)
        moved = replace(self, state=after, since=when, reason=reason, version=self.version + 1)
        if move is AppointmentMove.ARRIVE:
            return replace(moved, token_id=token_id, arrived_at=when)
        return replace(moved, finished_at=when)
