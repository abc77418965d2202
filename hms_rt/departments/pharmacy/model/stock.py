"""Lots, what moves stock, and which lot goes first."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from hms_rt.kernel.errors import conflict, forbidden, illegal_move


class LedgerKind(StrEnum):
    """Why stock moved."""

    RECEIVE = "receive"
    DISPENSE = "dispense"
    DISPENSE_CANCELLED = "dispense_cancelled"
    RETURN = "return"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    COUNT = "count"
    WRITE_OFF = "write_off"
    SALE = "sale"
    SALE_RETURN = "sale_return"


class WriteOffState(StrEnum):
    """States of a write-off."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"


WRITE_OFF_MOVES: Mapping[WriteOffState, frozenset[WriteOffState]] = {
    WriteOffState.REQUESTED: frozenset({WriteOffState.APPROVED, WriteOffState.REFUSED}),
    WriteOffState.APPROVED: frozenset(),
    WriteOffState.REFUSED: frozenset(),
}
"""Every legal move of a write-off: it is decided once."""


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot of a medicine. What is recalled or expired reaches no patient and no ward.

    ``expired_at`` is when the hospital noticed; until then the last day of use says it.
    """

    id: uuid.UUID
    medicine: str
    number: str
    expires_on: date
    recall_reason: str | None = None
    recalled_at: datetime | None = None
    recalled_by: uuid.UUID | None = None
    expired_at: datetime | None = None
    version: int = 1

    def usable(self, today: date) -> bool:
        """Whether it may be handed over: until the end of the day on which it expires."""
        return self.recalled_at is None and self.expired_at is None and today <= self.expires_on

    def recall(self, reason: str, by: uuid.UUID, at: datetime) -> "Lot":
        """The maker or an authority calls it back; raises ``conflict`` if that is known."""
        if self.recalled_at is not None:
            raise conflict("that lot was recalled before")
        return replace(self, recall_reason=reason, recalled_by=by, recalled_at=at, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Held:
    """How much of a lot a store has; ``near_expiry``: its people were told that it will not last."""

    lot: Lot
    store: str
    quantity: Decimal
    near_expiry: bool = False


@dataclass(frozen=True, slots=True)
class Movement:
    """One row of the ledger; ``reference`` is the dispense, transfer or write-off that it belongs to."""

    id: uuid.UUID
    lot_id: uuid.UUID
    store: str
    kind: LedgerKind
    delta: Decimal
    reference: uuid.UUID | None
    reason: str | None
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: uuid.UUID


@dataclass(frozen=True, slots=True)
class WriteOff:
    """Stock that is lost, broken or expired, waiting for another person's word."""

    id: uuid.UUID
    lot_id: uuid.UUID
    store: str
    quantity: Decimal
    reason: str
    state: WriteOffState
    requested_by: uuid.UUID
    requested_at: datetime
    decided_by: uuid.UUID | None = None
    decided_at: datetime | None = None
    version: int = 1

    def decide(self, to: WriteOffState, by: uuid.UUID, at: datetime) -> "WriteOff":
        """Approved or refused; raises ``forbidden`` for who asked, ``illegal_move`` if it is decided."""
        legal = WRITE_OFF_MOVES[self.state]
        if to not in legal:
            raise illegal_move("the write-off", self.state.value, to.value, [each.value for each in legal])
        if by == self.requested_by:
            raise forbidden("somebody else decides on a write-off than who asked for it")
        return replace(self, state=to, decided_by=by, decided_at=at, version=self.version + 1)


def first_expired_first_out(held: Sequence[Held], wanted: Decimal, today: date) -> list[tuple[Lot, Decimal]]:
    """Which lots give ``wanted``, the first to expire first; raises ``conflict`` if there is too little."""
    taken: list[tuple[Lot, Decimal]] = []
    missing = wanted
    for one in sorted(held, key=lambda each: (each.lot.expires_on, each.lot.id)):
        if missing <= 0:
            break
        if one.lot.usable(today) and one.quantity > 0:
            part = min(one.quantity, missing)
            taken.append((one.lot, part))
            missing -= part
    if missing > 0:
        raise conflict(f"the store has {wanted - missing:f} of {wanted:f} that may be handed over")
    return taken


def check_choice(held: Sequence[Held], chosen: uuid.UUID, today: date, reason: str | None) -> Held:
    """The chosen lot; raises ``conflict`` if it is not usable, or not the first and no reason is told."""
    usable = [one for one in held if one.lot.usable(today) and one.quantity > 0]
    found = [one for one in usable if one.lot.id == chosen]
    if not found:
        raise conflict("the store has nothing of that lot that may be handed over")
    if reason is None and any(one.lot.expires_on < found[0].lot.expires_on for one in usable):
        raise conflict("another lot expires earlier: say why this one is taken")
    return found[0]
