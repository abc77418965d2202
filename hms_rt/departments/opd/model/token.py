"""A patient's number in a queue, and which moves its state allows (DESIGN §8). Pure: decides or raises."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from hms_rt.kernel.commands import LATE_ENTRY_SKEW
from hms_rt.kernel.errors import Code, HmsError, illegal_move


class TokenState(StrEnum):
    """States of a token."""

    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    ON_HOLD = "on_hold"
    NO_SHOW = "no_show"
    DONE = "done"
    TRANSFERRED = "transferred"  # goes on in another queue, as a token of its own with the same number
    CANCELLED = "cancelled"
    CLOSED = "closed"  # left over when the day ended


_S = TokenState

UNFINISHED = frozenset({_S.WAITING, _S.CALLED, _S.SERVING, _S.ON_HOLD, _S.NO_SHOW})
"""What the clinic's room shows."""

AT_COUNTER = frozenset({_S.CALLED, _S.SERVING})
"""The patient is called to, or sits at, a counter; a counter has one such token at most."""


class Move(StrEnum):
    """What can be done with a token."""

    CALL = "call"
    RECALL = "recall"  # take the call back: the token waits again, at its old place
    SERVE = "serve"
    HOLD = "hold"
    RESUME = "resume"
    NO_SHOW = "no_show"
    REQUEUE = "requeue"  # after a no-show, or back from the laboratory
    TRANSFER = "transfer"
    DONE = "done"
    CANCEL = "cancel"
    DAY_END = "day_end"


MOVES: Mapping[Move, Mapping[TokenState, TokenState]] = {
    Move.CALL: {_S.WAITING: _S.CALLED},
    Move.RECALL: {_S.CALLED: _S.WAITING},
    Move.SERVE: {_S.CALLED: _S.SERVING},
    Move.HOLD: {_S.WAITING: _S.ON_HOLD, _S.CALLED: _S.ON_HOLD},
    Move.RESUME: {_S.ON_HOLD: _S.WAITING},
    Move.NO_SHOW: {_S.CALLED: _S.NO_SHOW},
    Move.REQUEUE: {_S.NO_SHOW: _S.WAITING, _S.SERVING: _S.WAITING},
    Move.TRANSFER: {_S.SERVING: _S.TRANSFERRED},
    Move.DONE: {_S.SERVING: _S.DONE},
    Move.CANCEL: {_S.WAITING: _S.CANCELLED, _S.ON_HOLD: _S.CANCELLED},
    Move.DAY_END: dict.fromkeys(sorted(UNFINISHED), _S.CLOSED),
}
"""Move -> state -> state after. What is not here is illegal."""


def legal_moves(state: TokenState) -> list[Move]:
    """The moves that ``state`` allows."""
    return [move for move, steps in MOVES.items() if state in steps]


class Priority(StrEnum):
    """Who is called first; within one priority, who joined the queue first."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    ROUTINE = "routine"

    @property
    def rank(self) -> int:
        """0 is called first."""
        return list(Priority).index(self)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its row holds it.

    ``origin`` is the clinic that gave the number, ``clinic`` the one whose queue it is in now. ``since``
    is when the last move occurred, ``queued_at`` when it joined this queue, ``recorded_at`` when the server
    heard of it. ``due_at`` is the time of the appointment that it was issued for; a walk-in has none.
    ``doctor_id`` is whom the patient waits for, or who sees them; None: whoever calls next.
    """

    id: uuid.UUID
    clinic: str
    origin: str
    day: date
    number: int
    category: str
    priority: Priority
    state: TokenState
    counter: str | None
    patient_id: uuid.UUID | None
    patient_name: str | None
    mrn: str | None
    issued_at: datetime
    queued_at: datetime
    since: datetime
    recorded_at: datetime
    called_at: datetime | None = None
    serving_at: datetime | None = None
    finished_at: datetime | None = None
    transferred_from: uuid.UUID | None = None
    due_at: datetime | None = None
    reason: str | None = None
    version: int = 1
    restricted: bool = False
    doctor_id: uuid.UUID | None = None

    @property
    def label(self) -> str:
        """What is printed and called, such as ``A-017``."""
        return f"{self.category}-{self.number:03}"

    @property
    def journey(self) -> str:
        """The number that the patient keeps from queue to queue, such as ``GEN/2026-03-02/A-017``."""
        return f"{self.origin}/{self.day}/{self.label}"

    def moved(
        self, move: Move, at: datetime, *, counter: str | None = None, reason: str | None = None
    ) -> "Token":
        """The token after ``move``; raises ``illegal_move`` with the moves that are legal, or ``invalid``
        if ``at`` lies before the move before it. ``counter`` is where a called patient is to go."""
        after = MOVES[move].get(self.state)
        if after is None:
            raise illegal_move(f"token {self.label}", self.state, move, list(legal_moves(self.state)))
        when = self._not_before_last_move(at)
        moved = replace(self, state=after, since=when, reason=reason, version=self.version + 1)
        if move is Move.CALL:
            return replace(moved, counter=counter, called_at=when)
        if move is Move.SERVE:
            return replace(moved, serving_at=when)
        if after in UNFINISHED:
            return replace(moved, counter=None, called_at=None, serving_at=None)
        return replace(moved, finished_at=when)

    def continued(
        self, token_id: uuid.UUID, clinic: str, now: datetime, before: "Token | None" = None
    ) -> "Token":
        """The transferred token as it waits in the queue of ``clinic``: same number, label and day.

        ``before`` is its first stay there, if it comes back: then it has its old place in line, as one has
        who was sent to the laboratory and never left the queue, and waits for the same doctor.
        """
        at = self.since
        return Token(
            id=token_id,
            clinic=clinic,
            origin=self.origin,
            day=self.day,
            number=self.number,
            category=self.category,
            priority=self.priority,
            state=_S.WAITING,
            counter=None,
            patient_id=self.patient_id,
            patient_name=self.patient_name,
            mrn=self.mrn,
            restricted=self.restricted,
            issued_at=self.issued_at,
            queued_at=before.queued_at if before is not None else at,
            since=at,
            recorded_at=now,
            transferred_from=self.id,
            due_at=before.due_at if before is not None else None,
            doctor_id=before.doctor_id if before is not None else None,
        )

    def _not_before_last_move(self, at: datetime) -> datetime:
        """Clocks of ward computers drift a little; a late entry from before the last move is a mistake."""
        if at + LATE_ENTRY_SKEW < self.since:
            raise HmsError(Code.INVALID, "occurred_at lies before what already happened to this token")
        return max(at, self.since)


def hospital_day(moment: datetime, zone: ZoneInfo) -> date:
    """The day of the queue that ``moment`` belongs to, in the hospital's time zone."""
    return moment.astimezone(zone).date()


def to_milliseconds(moment: datetime) -> datetime:
    """``moment`` as the wire tells it, so that the order of a queue is the order clients see."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
