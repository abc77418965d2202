"""A visit of an outpatient, from the first vitals to the disposition. Pure: decides or raises."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from hms_rt.kernel.commands import LATE_ENTRY_SKEW
from hms_rt.kernel.errors import Code, HmsError, illegal_move


class VisitState(StrEnum):
    """States of a visit."""

    ARRIVED = "arrived"
    TRIAGED = "triaged"  # vitals were taken
    IN_CONSULTATION = "in_consultation"
    CLOSED = "closed"
    LEFT = "left"  # before anybody saw the patient
    CANCELLED = "cancelled"  # opened by mistake


_S = VisitState

OPEN = frozenset({_S.ARRIVED, _S.TRIAGED, _S.IN_CONSULTATION})
"""Something is still to be done; a patient has one such visit in a clinic at most."""


class VisitMove(StrEnum):
    """What can be done with a visit."""

    TRIAGE = "triage"
    CONSULT = "consult"
    CLOSE = "close"
    LEAVE = "leave"
    CANCEL = "cancel"


MOVES: Mapping[VisitMove, Mapping[VisitState, VisitState]] = {
    VisitMove.TRIAGE: {_S.ARRIVED: _S.TRIAGED},
    VisitMove.CONSULT: {_S.ARRIVED: _S.IN_CONSULTATION, _S.TRIAGED: _S.IN_CONSULTATION},
    VisitMove.CLOSE: {_S.IN_CONSULTATION: _S.CLOSED},
    VisitMove.LEAVE: {_S.ARRIVED: _S.LEFT, _S.TRIAGED: _S.LEFT},
    VisitMove.CANCEL: {_S.ARRIVED: _S.CANCELLED, _S.TRIAGED: _S.CANCELLED},
}
"""Move -> state -> state after. What is not here is illegal."""


def legal_moves(state: VisitState) -> list[VisitMove]:
    """The moves that ``state`` allows."""
    return [move for move, steps in MOVES.items() if state in steps]


class Disposition(StrEnum):
    """Where the patient goes when a visit closes."""

    HOME = "home"
    FOLLOW_UP = "follow_up"  # comes again to this clinic
    REFERRED = "referred"  # to another clinic or hospital
    ADMITTED = "admitted"
    AGAINST_ADVICE = "against_advice"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit as its row holds it. ``since`` is when the last move occurred; ``doctor_id`` who consults."""

    id: uuid.UUID
    clinic: str
    day: date
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    state: VisitState
    opened_at: datetime
    since: datetime
    recorded_at: datetime
    token_id: uuid.UUID | None = None
    appointment_id: uuid.UUID | None = None
    doctor_id: uuid.UUID | None = None
    triaged_at: datetime | None = None
    consulted_at: datetime | None = None
    finished_at: datetime | None = None
    disposition: Disposition | None = None
    reason: str | None = None
    version: int = 1

    def moved(
        self,
        move: VisitMove,
        at: datetime,
        *,
        doctor_id: uuid.UUID | None = None,
        disposition: Disposition | None = None,
        reason: str | None = None,
    ) -> "Visit":
        """The visit after ``move``; raises ``illegal_move`` with the moves that are legal, or ``invalid`` if
        ``at`` lies before the move before it."""
        after = MOVES[move].get(self.state)
        if after is None:
            raise illegal_move("the visit", self.state, move, list(legal_moves(self.state)))
        if at + LATE_ENTRY_SKEW < self.since:
            raise HmsError(Code.INVALID, "occurred_at lies before what already happened to this visit")
        when = max(at, self.since)
        moved = replace(self, state=after, since=when, reason=reason, version=self.version + 1)
        match move:
            case VisitMove.TRIAGE:
                return replace(moved, triaged_at=when)
            case VisitMove.CONSULT:
                return replace(moved, consulted_at=when, doctor_id=doctor_id)
            case VisitMove.CLOSE:
                return replace(moved, finished_at=when, disposition=disposition)
        return replace(moved, finished_at=when)

    def check_open(self) -> None:
        """Raises ``illegal_move`` unless something may still be written into it."""
        if self.state not in OPEN:
            raise illegal_move("the visit", self.state, "write", list(legal_moves(self.state)))
