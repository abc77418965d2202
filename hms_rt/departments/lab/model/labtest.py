"""One test of an order, from ordered to released: the only table of its legal moves (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hms_rt.departments.lab.model.catalogue import Flag, SpecimenKind
from hms_rt.kernel.errors import conflict, forbidden, illegal_move


class LabState(StrEnum):
    """States of a test of an order."""

    ORDERED = "ordered"
    COLLECTED = "collected"
    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    RESULTED = "resulted"
    VERIFIED = "verified"
    RELEASED = "released"
    CANCELLED = "cancelled"


class LabMove(StrEnum):
    """What can be done with a test."""

    COLLECT = "collect"
    RECEIVE = "receive"
    REJECT = "reject"
    START = "start"
    ENTER = "enter"
    DISAGREE = "disagree"
    VERIFY = "verify"
    RELEASE = "release"
    RELEASE_ALONE = "release_alone"
    CORRECT = "correct"
    CANCEL = "cancel"


_S = LabState
_M = LabMove

MOVES: Mapping[LabMove, Mapping[LabState, LabState]] = {
    _M.COLLECT: {_S.ORDERED: _S.COLLECTED},
    _M.RECEIVE: {_S.COLLECTED: _S.RECEIVED},
    _M.REJECT: {_S.COLLECTED: _S.ORDERED, _S.RECEIVED: _S.ORDERED, _S.IN_PROGRESS: _S.ORDERED},
    _M.START: {_S.RECEIVED: _S.IN_PROGRESS},
    _M.ENTER: {_S.IN_PROGRESS: _S.RESULTED},
    _M.DISAGREE: {_S.RESULTED: _S.IN_PROGRESS},
    _M.VERIFY: {_S.RESULTED: _S.VERIFIED},
    _M.RELEASE: {_S.VERIFIED: _S.RELEASED},
    _M.RELEASE_ALONE: {_S.RESULTED: _S.RELEASED},
    _M.CORRECT: {_S.RELEASED: _S.RELEASED},
    _M.CANCEL: {
        _S.ORDERED: _S.CANCELLED,
        _S.COLLECTED: _S.CANCELLED,
        _S.RECEIVED: _S.CANCELLED,
        _S.IN_PROGRESS: _S.CANCELLED,
        _S.RESULTED: _S.CANCELLED,
        _S.VERIFIED: _S.CANCELLED,
    },
}
"""Move -> state before -> state after. What is not here is illegal."""

FINISHED = frozenset({_S.RELEASED, _S.CANCELLED})


def legal_moves(state: LabState) -> list[str]:
    """The moves that are legal in ``state``."""
    return [move.value for move, steps in MOVES.items() if state in steps]


@dataclass(frozen=True, slots=True)
class LabTest:
    """A test as its row holds it.

    ``board`` is the room of the ward or clinic that shows it (``ward:ICU``; None: no room), since
    ``board_since``. ``entered_by`` entered the result that was, or is to be, verified. ``review_due`` marks
    what one person released alone at night, until somebody else has looked at it.
    """

    id: uuid.UUID
    order_id: uuid.UUID
    code: str
    name: str
    specimen_kind: SpecimenKind
    state: LabState
    specimen_id: uuid.UUID | None = None
    specimen_barcode: str | None = None
    result_version: int | None = None
    flag: Flag | None = None
    entered_by: uuid.UUID | None = None
    resulted_at: datetime | None = None
    verified_by: uuid.UUID | None = None
    verified_at: datetime | None = None
    released_by: uuid.UUID | None = None
    released_at: datetime | None = None
    alone_reason: str | None = None
    review_due: bool = False
    reviewed_by: uuid.UUID | None = None
    reviewed_at: datetime | None = None
    cancel_reason: str | None = None
    board: str | None = None
    board_since: datetime | None = None
    version: int = 1

    @classmethod
    def ordered(
        cls,
        test_id: uuid.UUID,
        order_id: uuid.UUID,
        code: str,
        name: str,
        kind: SpecimenKind,
        board: str,
        now: datetime,
    ) -> "LabTest":
        """A test that waits for its specimen, shown on ``board``."""
        return cls(
            id=test_id,
            order_id=order_id,
            code=code,
            name=name,
            specimen_kind=kind,
            state=LabState.ORDERED,
            board=board,
            board_since=now,
        )

    def collect(self, specimen_id: uuid.UUID, barcode: str) -> "LabTest":
        """The specimen was taken."""
        return replace(self._moved(_M.COLLECT), specimen_id=specimen_id, specimen_barcode=barcode)

    def receive(self) -> "LabTest":
        """The specimen reached the laboratory."""
        return self._moved(_M.RECEIVE)

    def reject(self) -> "LabTest":
        """The specimen is of no use: another one must be taken."""
        return replace(self._moved(_M.REJECT), specimen_id=None, specimen_barcode=None)

    def start(self) -> "LabTest":
        """Work on it begins."""
        return self._moved(_M.START)

    def enter(self, by: uuid.UUID, flag: Flag | None, at: datetime) -> "LabTest":
        """A result; work that nobody said had begun begins with it."""
        if self.state is _S.RECEIVED:
            return self.start().enter(by, flag, at)
        return replace(
            self._moved(_M.ENTER),
            result_version=(self.result_version or 0) + 1,
            flag=flag,
            entered_by=by,
            resulted_at=at,
        )

    def disagree(self) -> "LabTest":
        """The verifier does not believe it: it is measured again."""
        return replace(self._moved(_M.DISAGREE), flag=None)

    def verify(self, by: uuid.UUID, at: datetime) -> "LabTest":
        """Another person vouches for the result; raises ``forbidden`` for the one who entered it."""
        after = self._moved(_M.VERIFY)
        if by == self.entered_by:
            raise forbidden("a result is verified by another person than the one who entered it")
        return replace(after, verified_by=by, verified_at=at)

    def release(
        self, by: uuid.UUID, at: datetime, now: datetime, alone: str | None, *, at_night: bool
    ) -> "LabTest":
        """Show it to those who treat the patient.

        ``alone`` is the reason to release without a verification: possible at night only (``conflict``), and
        a second person reviews it later.
        """
        if alone is None or self.state is not _S.RESULTED:
            after = self._moved(_M.RELEASE)
        elif not at_night:
            raise conflict("without a verification a result is released at night only")
        else:
            after = replace(self._moved(_M.RELEASE_ALONE), alone_reason=alone, review_due=True)
        return replace(after, released_by=by, released_at=at, board_since=now)

    def review(self, by: uuid.UUID, at: datetime) -> "LabTest":
        """The second look at what was released alone; raises ``conflict`` if none is due."""
        if not self.review_due:
            raise conflict("no review is due for this result")
        if by in (self.entered_by, self.released_by):
            raise forbidden("a result is reviewed by another person than the one who released it")
        return replace(self, review_due=False, reviewed_by=by, reviewed_at=at)

    def correct(self, flag: Flag | None, now: datetime, board: str) -> "LabTest":
        """A released result was wrong: a new version, shown on the board again."""
        return replace(
            self._moved(_M.CORRECT),
            result_version=(self.result_version or 0) + 1,
            flag=flag,
            board=board,
            board_since=now,
        )

    def cancel(self, reason: str) -> "LabTest":
        """It is not needed any more; impossible once released."""
        return replace(self._moved(_M.CANCEL), cancel_reason=reason, board=None, board_since=None)

    def moved_to(self, board: str | None) -> "LabTest":
        """Shown in another room, or in none."""
        return replace(self, board=board, board_since=self.board_since if board is not None else None)

    def _moved(self, move: LabMove) -> "LabTest":
        after = MOVES[move].get(self.state)
        if after is None:
            raise illegal_move(f"test {self.code}", self.state.value, move.value, legal_moves(self.state))
        return replace(self, state=after)
