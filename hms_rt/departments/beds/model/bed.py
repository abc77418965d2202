"""What a bed is and which moves its state allows (DESIGN §8). Pure: decides or raises."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hms_rt.departments.beds.model.suitability import Feature, Isolation, Precaution
from hms_rt.kernel.errors import Code, HmsError, conflict, illegal_move

MAX_RESERVATION = timedelta(hours=24)
DEFAULT_RESERVATION = timedelta(hours=2)


class BedStatus(StrEnum):
    """States of a bed."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    OCCUPIED = "occupied"
    CLEANING = "cleaning"
    CONTAMINATED = "contaminated"
    OUT_OF_SERVICE = "out_of_service"


class BedKind(StrEnum):
    """What stands there. Cots are a newborn's: not counted among the beds of a ward, nor given to others."""

    BED = "bed"
    COT = "cot"


_S = BedStatus

MOVES: dict[BedStatus, frozenset[BedStatus]] = {
    _S.AVAILABLE: frozenset({_S.RESERVED, _S.OCCUPIED, _S.CLEANING, _S.OUT_OF_SERVICE}),
    _S.RESERVED: frozenset({_S.OCCUPIED, _S.AVAILABLE, _S.OUT_OF_SERVICE}),
    _S.OCCUPIED: frozenset({_S.CLEANING, _S.CONTAMINATED}),
    _S.CLEANING: frozenset({_S.AVAILABLE, _S.OUT_OF_SERVICE}),
    _S.CONTAMINATED: frozenset({_S.CLEANING, _S.OUT_OF_SERVICE}),
    _S.OUT_OF_SERVICE: frozenset({_S.CLEANING}),
}
"""Every legal move, whoever makes it."""

BY_STAY = frozenset({_S.OCCUPIED})
"""Entered and left only with a patient's stay: assignment, transfer, departure."""


def manual_moves(status: BedStatus) -> frozenset[BedStatus]:
    """The moves that a person may make by changing the bed's state."""
    return frozenset() if status in BY_STAY else MOVES[status] - BY_STAY


@dataclass(frozen=True, slots=True)
class Bed:
    """A bed as its row holds it."""

    id: uuid.UUID
    ward: str
    code: str
    status: BedStatus
    isolation: bool
    since: datetime
    reserved_for: uuid.UUID | None
    reserved_until: datetime | None
    version: int
    room: str = ""
    kind: BedKind = BedKind.BED
    features: frozenset[Feature] = frozenset()
    isolation_kind: Isolation | None = None
    organism: str | None = None
    out_of_service_reason: str | None = None
    expected_back_at: datetime | None = None

    def change_status(self, to: BedStatus, now: datetime) -> "Bed":
        """A person sets the state. Raises ``illegal_move`` with the moves that are legal.

        A bed that comes back into use keeps nothing of why it was closed, nor of a patient's isolation.
        """
        if to not in manual_moves(self.status):
            raise self._illegal(to, manual_moves(self.status))
        moved = self._moved(to, now)
        return moved.isolated(None) if to is _S.AVAILABLE and self.isolation_kind else moved

    def close(self, reason: str, back_at: datetime | None, now: datetime) -> "Bed":
        """Take the bed out of service; one that is closed gets another reason or expected end.

        Raises ``illegal_move``, and ``invalid`` for an end that is past.
        """
        if back_at is not None and back_at <= now:
            raise HmsError(Code.INVALID, "expected_back_at lies in the past")
        closed = self if self.status is _S.OUT_OF_SERVICE else self.change_status(_S.OUT_OF_SERVICE, now)
        return replace(closed, out_of_service_reason=reason, expected_back_at=back_at)

    def isolated(self, precaution: Precaution | None) -> "Bed":
        """The bed of a patient in isolation; None: of nobody in isolation."""
        kind, organism = (precaution.kind, precaution.organism) if precaution is not None else (None, None)
        return replace(self, isolation=kind is not None, isolation_kind=kind, organism=organism)

    def made_ready(self, now: datetime) -> "Bed":
        """Cleaned: from cleaning, or from contaminated through cleaning. Raises ``illegal_move``."""
        if self.status is _S.CONTAMINATED:
            return self.change_status(_S.CLEANING, now).change_status(_S.AVAILABLE, now)
        return self.change_status(_S.AVAILABLE, now)

    def reserve(self, holder: uuid.UUID | None, until: datetime, now: datetime) -> "Bed":
        """Keep the bed for ``holder`` (an admission; None: for nobody in particular) until ``until``."""
        if not now < until <= now + MAX_RESERVATION:
            raise HmsError(Code.INVALID, "a reservation ends in the future, within 24 hours")
        return replace(self.change_status(_S.RESERVED, now), reserved_for=holder, reserved_until=until)

    def occupy(self, holder: uuid.UUID | None, now: datetime) -> "Bed":
        """A patient is put into the bed; a reserved bed only for the admission that holds it."""
        if _S.OCCUPIED not in MOVES[self.status]:
            raise self._illegal(_S.OCCUPIED, MOVES[self.status])
        if self.status is _S.RESERVED and self.reserved_for not in (None, holder):
            raise conflict("the bed is reserved for somebody else")
        return self._moved(_S.OCCUPIED, now)

    def vacate(self, to: BedStatus, now: datetime) -> "Bed":
        """The patient leaves; the bed is to be cleaned, or is contaminated first: always, after isolation."""
        if self.isolation_kind is not None:
            to = _S.CONTAMINATED
        if self.status is not _S.OCCUPIED or to not in MOVES[_S.OCCUPIED]:
            raise self._illegal(to, MOVES[self.status])
        return self._moved(to, now)

    def exchanged(self, now: datetime) -> "Bed":
        """One patient leaves and another comes at once: the bed stays occupied."""
        if self.status is not _S.OCCUPIED:
            raise self._illegal(_S.OCCUPIED, MOVES[self.status])
        return replace(self, since=now)

    def expired(self, now: datetime) -> bool:
        """True if the reservation has run out."""
        return self.status is _S.RESERVED and self.reserved_until is not None and self.reserved_until <= now

    def _moved(self, to: BedStatus, now: datetime) -> "Bed":
        return replace(
            self,
            status=to,
            since=now,
            reserved_for=None,
            reserved_until=None,
            out_of_service_reason=None,
            expected_back_at=None,
        )

    def _illegal(self, to: BedStatus, legal: frozenset[BedStatus]) -> HmsError:
        return illegal_move(f"bed {self.code}", self.status.value, to.value, [move.value for move in legal])
