"""A payment, its refunds and the cashier's shift. A payment's state follows from its events (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from hms_rt.kernel.errors import conflict, forbidden, illegal_move

ZERO = Decimal(0)


class Means(StrEnum):
    """How somebody pays."""

    CASH = "cash"
    CARD = "card"
    TRANSFER = "transfer"
    CHEQUE = "cheque"
    MOBILE = "mobile"


class PaymentState(StrEnum):
    """States of a payment."""

    PENDING = "pending"  # announced, not there
    CAPTURED = "captured"
    FAILED = "failed"
    REFUNDED = "refunded"  # all of it


class PaymentMove(StrEnum):
    """What can happen to a payment; also what its events are called."""

    TAKE = "take"
    CAPTURE = "capture"
    FAIL = "fail"
    REFUND_PART = "refund_part"
    REFUND_REST = "refund_rest"


_S = PaymentState
_M = PaymentMove

MOVES: Mapping[PaymentMove, Mapping[PaymentState, PaymentState]] = {
    _M.CAPTURE: {_S.PENDING: _S.CAPTURED},
    _M.FAIL: {_S.PENDING: _S.FAILED},
    _M.REFUND_PART: {_S.CAPTURED: _S.CAPTURED},
    _M.REFUND_REST: {_S.CAPTURED: _S.REFUNDED},
}
"""Move -> state before -> state after. What is not here is illegal."""


class RefundState(StrEnum):
    """States of a refund."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"


class RefundMove(StrEnum):
    """What a second person decides."""

    APPROVE = "approve"
    DECLINE = "decline"


REFUND_MOVES: Mapping[RefundMove, Mapping[RefundState, RefundState]] = {
    RefundMove.APPROVE: {RefundState.REQUESTED: RefundState.APPROVED},
    RefundMove.DECLINE: {RefundState.REQUESTED: RefundState.DECLINED},
}


@dataclass(frozen=True, slots=True)
class Payment:
    """Money from a patient or payer. What is not ``allocated`` to invoices nor ``refunded`` is the patient's
    deposit. Of cash, what was handed over may be told (``tendered``)."""

    id: uuid.UUID
    facility: str
    patient_id: uuid.UUID
    payer: str
    shift_id: uuid.UUID
    means: Means
    amount: Decimal
    reference: str | None
    state: PaymentState
    created_at: datetime
    created_by: uuid.UUID
    number: int | None = None
    allocated: Decimal = ZERO
    refunded: Decimal = ZERO
    captured_at: datetime | None = None
    version: int = 1
    tendered: Decimal | None = None

    @property
    def change(self) -> Decimal | None:
        """What of the cash that was handed over went back at once; None if nobody said what was."""
        return self.tendered - self.amount if self.tendered is not None else None

    @property
    def free(self) -> Decimal:
        """What can be allocated or refunded."""
        return self.amount - self.allocated - self.refunded if self.state is _S.CAPTURED else ZERO

    def moved(self, move: PaymentMove) -> "Payment":
        """After ``move``; raises ``illegal_move`` with the moves that are legal."""
        after = MOVES.get(move, {}).get(self.state)
        if after is None:
            legal = [other.value for other, steps in MOVES.items() if self.state in steps]
            raise illegal_move("the payment", self.state.value, move.value, legal)
        return replace(self, state=after, version=self.version + 1)

    def captured(self, number: int, at: datetime) -> "Payment":
        """The money is there, under the number of the receipt."""
        return replace(self.moved(_M.CAPTURE), number=number, captured_at=at)

    def allotted(self, amount: Decimal) -> "Payment":
        """With ``amount`` more allocated to an invoice, or less; ``conflict`` for more than is free."""
        if amount > self.free:
            raise conflict("that is more than is left of the payment")
        return replace(self, allocated=self.allocated + amount, version=self.version + 1)

    def given_back(self, amount: Decimal) -> tuple[PaymentMove, "Payment"]:
        """With ``amount`` refunded; raises ``illegal_move``, ``conflict`` for more than is free."""
        rest = self.refunded + amount == self.amount
        move = _M.REFUND_REST if rest else _M.REFUND_PART
        after = self.moved(move)
        if amount > self.free:
            raise conflict("that is more than is left of the payment: credit the invoice first")
        return move, replace(after, refunded=self.refunded + amount)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to give back, asked for by one person, decided by another."""

    id: uuid.UUID
    payment_id: uuid.UUID
    shift_id: uuid.UUID
    amount: Decimal
    reason: str
    state: RefundState
    requested_by: uuid.UUID
    requested_at: datetime
    decided_by: uuid.UUID | None = None
    decided_at: datetime | None = None
    version: int = 1

    def decided(self, move: RefundMove, by: uuid.UUID, at: datetime) -> "Refund":
        """Approved or declined; raises ``illegal_move``, and ``forbidden`` for the one who asked."""
        after = REFUND_MOVES[move].get(self.state)
        if after is None:
            legal = [other.value for other, steps in REFUND_MOVES.items() if self.state in steps]
            raise illegal_move("the refund", self.state.value, move.value, legal)
        if by == self.requested_by:
            raise forbidden("a refund is decided by another person than the one who asked for it")
        return replace(self, state=after, decided_by=by, decided_at=at, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Shift:
    """A cashier's time at a counter. ``cash`` is what the drawer should hold; at the end it is counted, and
    every other means that was used (``counting.MeansCount``).

    ``day`` is the day that its money counts for: that on which it opened, unless that was closed already.
    """

    id: uuid.UUID
    facility: str
    counter: str
    cashier: uuid.UUID
    opened_at: datetime
    opening_cash: Decimal
    cash: Decimal
    day: date
    closed_at: datetime | None = None
    counted: Decimal | None = None
    difference: Decimal | None = None
    reason: str | None = None
    version: int = 1

    def require_open(self) -> None:
        """Raises ``conflict`` once it is closed."""
        if self.closed_at is not None:
            raise conflict("the shift is closed: open another one")

    def took(self, means: Means, amount: Decimal) -> "Shift":
        """With ``amount`` more by some means, or less: who counts has seen all of it (``version``).

        Cash goes into the drawer; raises ``conflict`` if there is not as much in it.
        """
        self.require_open()
        cash = self.cash + amount if means is Means.CASH else self.cash
        if cash < 0:
            raise conflict("there is not as much cash in the drawer")
        return replace(self, cash=cash, version=self.version + 1)

    def closed(self, at: datetime, counted: Decimal, reason: str | None) -> "Shift":
        """Closed with what was counted; a difference needs a reason (``conflict``)."""
        self.require_open()
        difference = counted - self.cash
        if difference and reason is None:
            raise conflict("the drawer does not hold what it should: count again, or say why")
        return replace(
            self,
            closed_at=at,
            counted=counted,
            difference=difference,
            reason=reason,
            version=self.version + 1,
        )
