"""One test of an order, from ordered to released: the only table of its legal moves (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
    REVIEW = "review"
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
    _M.REVIEW: {_S.RELEASED: _S.RELEASED},
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

REVIEW_AFTER = timedelta(hours=8)
"""How long a second look may take before the laboratory is reminded: until the next shift has come."""

FINISHED = frozenset({_S.RELEASED, _S.CANCELLED})


def legal_moves(state: LabState) -> list[str]:
    """The moves that are legal in ``state``."""
    return [move.value for move, steps in MOVES.items() if state in steps]


@dataclass(frozen=True, slots=True)
class LabTest:
    """A test as its row holds it.

    ``board`` is the room of the ward or clinic that shows it (``ward:ICU``; None: no room), since
    ``board_since``. ``entered_by`` entered the result that was, or is to be, verified. ``review_due`` marks
    what one person alone released at night, or corrected, until somebody else has looked at it; the
    laboratory is reminded at ``review_remind_at``. ``panel`` is what was ordered, ``definition`` the version
    of the catalogue at that moment. ``recollect_of``: a rejected specimen that another one must replace.
    ``delta``: the value changed more since the last verified one than the catalogue expects.
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
    panel: str | None = None
    definition: int | None = None
    recollect_of: uuid.UUID | None = None
    delta: bool = False
    corrected_by: uuid.UUID | None = None
    corrected_at: datetime | None = None
    review_remind_at: datetime | None = None
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
        *,
        panel: str | None = None,
        definition: int | None = None,
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
            panel=panel,
            definition=definition,
        )

    def collect(self, specimen_id: uuid.UUID, barcode: str) -> "LabTest":
        """The specimen was taken."""
        after = self._moved(_M.COLLECT)
        return replace(after, specimen_id=specimen_id, specimen_barcode=barcode, recollect_of=None)

    def receive(self) -> "LabTest":
        """The specimen reached the laboratory."""
        return self._moved(_M.RECEIVE)

    def reject(self) -> "LabTest":
        """The specimen is of no use: another one must be taken in its place."""
        after = self._moved(_M.REJECT)
        return replace(after, specimen_id=None, specimen_barcode=None, recollect_of=self.specimen_id)

    def start(self) -> "LabTest":
        """Work on it begins."""
        return self._moved(_M.START)

    def enter(self, by: uuid.UUID, flag: Flag | None, at: datetime, *, delta: bool = False) -> "LabTest":
        """A result; work that nobody said had begun begins with it."""
        if self.state is _S.RECEIVED:
            return self.start().enter(by, flag, at, delta=delta)
        return replace(
            self._moved(_M.ENTER),
            result_version=(self.result_version or 0) + 1,
            flag=flag,
            delta=delta,
            entered_by=by,
            resulted_at=at,
        )

    def disagree(self) -> "LabTest":
        """The verifier does not believe it: it is measured again."""
        return replace(self._moved(_M.DISAGREE), flag=None, delta=False)

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
            after = _to_review(replace(self._moved(_M.RELEASE_ALONE), alone_reason=alone), now)
        return replace(after, released_by=by, released_at=at, board_since=now)

    def review(self, by: uuid.UUID, at: datetime) -> "LabTest":
        """The second look at what one person alone released or corrected.

        Raises ``conflict`` if none is due, ``forbidden`` for that person.
        """
        after = self._moved(_M.REVIEW)
        if not self.review_due:
            raise conflict("no review is due for this result")
        alone = (self.entered_by, self.released_by) if self.corrected_by is None else (self.corrected_by,)
        if by in alone:
            raise forbidden(
                "a result is reviewed by another person than the one who released or corrected it"
            )
        return replace(after, review_due=False, review_remind_at=None, reviewed_by=by, reviewed_at=at)

    def correct(
        self,
        by: uuid.UUID,
        flag: Flag | None,
        at: datetime,
        now: datetime,
        board: str,
        *,
        delta: bool = False,
    ) -> "LabTest":
        """A released result was wrong: a new version, shown on the board again.

        It is told at once, and a second person looks at it afterwards.
        """
        after = replace(
            self._moved(_M.CORRECT),
            result_version=(self.result_version or 0) + 1,
            flag=flag,
            delta=delta,
            corrected_by=by,
            corrected_at=at,
            board=board,
            board_since=now,
        )
        return _to_review(after, now)

    def cancel(self, reason: str) -> "LabTest":
        """It is not needed any more; impossible once released."""
        after = self._moved(_M.CANCEL)
        return replace(after, cancel_reason=reason, board=None, board_since=None, recollect_of=None)

    def moved_to(self, board: str | None) -> "LabTest":
        """Shown in another room, or in none."""
        return replace(self, board=board, board_since=self.board_since if board is not None else None)

    def _moved(self, move: LabMove) -> "LabTest":
        after = MOVES[move].get(self.state)
        if after is None:
            raise illegal_move(f"test {self.code}", self.state.value, move.value, legal_moves(self.state))
        return replace(self, state=after)


def _to_review(test: LabTest, now: datetime) -> LabTest:
    """What one person did alone: a second one is to look at it."""
    return replace(
        test, review_due=True, review_remind_at=now + REVIEW_AFTER, reviewed_by=None, reviewed_at=None
    )
