"""A dispense: prepared, handed over, perhaps brought back. The only table of its legal moves (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hms_rt.kernel.errors import conflict, illegal_move


class DispenseState(StrEnum):
    """States of a dispense."""

    PREPARED = "prepared"
    HANDED_OVER = "handed_over"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class DispenseMove(StrEnum):
    """What can be done with a dispense."""

    HAND_OVER = "hand_over"
    RETURN_PART = "return_part"  # the patient keeps the rest
    RETURN = "return"
    CANCEL = "cancel"


class Disposition(StrEnum):
    """What becomes of what was brought back."""

    RESTOCK = "restock"  # on the shelf that it came from
    QUARANTINE = "quarantine"  # kept apart until somebody has looked at it
    DESTROY = "destroy"


_S = DispenseState
_M = DispenseMove

MOVES: Mapping[DispenseMove, Mapping[DispenseState, DispenseState]] = {
    _M.HAND_OVER: {_S.PREPARED: _S.HANDED_OVER},
    _M.RETURN_PART: {_S.HANDED_OVER: _S.HANDED_OVER},
    _M.RETURN: {_S.HANDED_OVER: _S.RETURNED},
    _M.CANCEL: {_S.PREPARED: _S.CANCELLED},
}
"""Move -> state before -> state after. What is not here is illegal."""


@dataclass(frozen=True, slots=True)
class DispenseItem:
    """So much of one lot, for one line. ``reason``: why a substitute, or a lot that was not the first.

    ``returned`` of it came back so far.
    """

    id: uuid.UUID
    dispense_id: uuid.UUID
    line_id: uuid.UUID
    lot_id: uuid.UUID
    medicine: str
    quantity: Decimal
    reason: str | None
    returned: Decimal = Decimal(0)

    @property
    def kept(self) -> Decimal:
        """What the patient, or the ward, has of it."""
        return self.quantity - self.returned

    def take_back(self, quantity: Decimal) -> "DispenseItem":
        """So much came back; raises ``conflict`` for more than is kept."""
        if quantity > self.kept:
            raise conflict(f"only {self.kept.normalize():f} of that item can come back")
        return replace(self, returned=self.returned + quantity)


@dataclass(frozen=True, slots=True)
class Returned:
    """A part of an item that came back; ``store`` has it now, None if it is destroyed."""

    id: uuid.UUID
    item_id: uuid.UUID
    quantity: Decimal
    disposition: Disposition
    store: str | None
    reason: str
    recorded_at: datetime
    recorded_by: uuid.UUID


@dataclass(frozen=True, slots=True)
class Dispense:
    """Medicines taken from a store for one prescription."""

    id: uuid.UUID
    prescription_id: uuid.UUID
    store: str
    state: DispenseState
    prepared_by: uuid.UUID
    prepared_at: datetime
    handed_over_by: uuid.UUID | None = None
    handed_over_at: datetime | None = None
    ended_by: uuid.UUID | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    version: int = 1

    def hand_over(self, by: uuid.UUID, at: datetime) -> "Dispense":
        """The patient, or the ward, has it."""
        return replace(self._moved(_M.HAND_OVER), handed_over_by=by, handed_over_at=at)

    def return_part(self) -> "Dispense":
        """Something of it came back, the patient keeps the rest."""
        return self._moved(_M.RETURN_PART)

    def end(self, move: DispenseMove, reason: str, by: uuid.UUID, at: datetime) -> "Dispense":
        """Brought back after it was handed over, or cancelled before."""
        return replace(self._moved(move), ended_by=by, ended_at=at, reason=reason)

    def _moved(self, move: DispenseMove) -> "Dispense":
        after = MOVES[move].get(self.state)
        if after is None:
            legal = [each.value for each, steps in MOVES.items() if self.state in steps]
            raise illegal_move("the dispense", self.state.value, move.value, legal)
        return replace(self, state=after, version=self.version + 1)
