"""A request to housekeeping to clean a bed, and its states. Pure: decides or raises."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hms_rt.kernel.errors import illegal_move


class CleaningKind(StrEnum):
    """How thoroughly."""

    ROUTINE = "routine"  # after a patient left
    TERMINAL = "terminal"  # the bed is contaminated: disinfection
    SPOT = "spot"  # something was spilled; the bed's state stays as it is


class CleaningState(StrEnum):
    """States of a request."""

    REQUESTED = "requested"
    CLAIMED = "claimed"
    DONE = "done"
    CANCELLED = "cancelled"


class CleaningMove(StrEnum):
    """What may be done with a request."""

    CLAIM = "claim"
    GIVE_BACK = "give_back"
    FINISH = "finish"
    CANCEL = "cancel"


_S = CleaningState

MOVES: Mapping[CleaningState, Mapping[CleaningMove, CleaningState]] = {
    _S.REQUESTED: {
        CleaningMove.CLAIM: _S.CLAIMED,
        CleaningMove.FINISH: _S.DONE,
        CleaningMove.CANCEL: _S.CANCELLED,
    },
    _S.CLAIMED: {
        CleaningMove.GIVE_BACK: _S.REQUESTED,
        CleaningMove.FINISH: _S.DONE,
        CleaningMove.CANCEL: _S.CANCELLED,
    },
    _S.DONE: {},
    _S.CANCELLED: {},
}
"""State -> move -> where it leads: every legal move of a request."""

OPEN = frozenset({_S.REQUESTED, _S.CLAIMED})
"""A bed has at most one request in these states."""

DUE_WITHIN: Mapping[CleaningKind, timedelta] = {
    CleaningKind.SPOT: timedelta(minutes=20),
    CleaningKind.ROUTINE: timedelta(minutes=45),
    CleaningKind.TERMINAL: timedelta(minutes=90),
}
"""How soon a bed should be clean: usual targets for bed turnaround; after that the ward is told."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """A request as its row holds it. Its moves raise ``illegal_move``."""

    id: uuid.UUID
    bed_id: uuid.UUID
    ward: str
    kind: CleaningKind
    state: CleaningState
    requested_at: datetime
    requested_by: uuid.UUID
    due_at: datetime
    note: str = ""
    claimed_at: datetime | None = None
    claimed_by: uuid.UUID | None = None
    claimed_by_name: str | None = None
    finished_at: datetime | None = None
    finished_by: uuid.UUID | None = None
    overdue_at: datetime | None = None
    version: int = 1

    def claim(self, who: uuid.UUID, name: str, at: datetime) -> "Cleaning":
        """Somebody starts to clean."""
        return replace(self._moved(CleaningMove.CLAIM), claimed_at=at, claimed_by=who, claimed_by_name=name)

    def give_back(self) -> "Cleaning":
        """Somebody else shall do it."""
        return replace(
            self._moved(CleaningMove.GIVE_BACK), claimed_at=None, claimed_by=None, claimed_by_name=None
        )

    def finish(self, who: uuid.UUID, at: datetime) -> "Cleaning":
        """The bed is clean."""
        return replace(self._moved(CleaningMove.FINISH), finished_at=at, finished_by=who)

    def cancel(self, who: uuid.UUID, at: datetime) -> "Cleaning":
        """Not needed any more."""
        return replace(self._moved(CleaningMove.CANCEL), finished_at=at, finished_by=who)

    def raised_to(self, kind: CleaningKind, at: datetime) -> "Cleaning":
        """The bed needs another cleaning than was asked for; the time runs anew."""
        return replace(
            self, kind=kind, due_at=at + DUE_WITHIN[kind], overdue_at=None, version=self.version + 1
        )

    def _moved(self, move: CleaningMove) -> "Cleaning":
        legal = MOVES[self.state]
        if move not in legal:
            raise illegal_move(
                "the cleaning request", self.state.value, move.value, [one.value for one in legal]
            )
        return replace(self, state=legal[move], version=self.version + 1)
