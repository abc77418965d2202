"""Discounts: who may give how much, and what of a charge is left after one.

A discount is given to lines of a draft, in gross. Tax, the payer's and the patient's part of what is left
keep the proportions that the charge had, each rounded once from the charge itself; so, however many
discounts follow each other, a discount of all that is left leaves exactly nothing of every part.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hms_rt.departments.billing.model.tariff import Amounts
from hms_rt.kernel.errors import forbidden, illegal_move
from hms_rt.kernel.money import RATE_PLACES, proportion, rounded

HUNDRED = Decimal(100)


class DiscountState(StrEnum):
    """States of a discount."""

    GRANTED = "granted"  # within the authority of who gave it
    REQUESTED = "requested"  # beyond it: a second person decides
    APPROVED = "approved"
    DECLINED = "declined"


class DiscountMove(StrEnum):
    """What a second person decides."""

    APPROVE = "approve"
    DECLINE = "decline"


MOVES: Mapping[DiscountMove, Mapping[DiscountState, DiscountState]] = {
    DiscountMove.APPROVE: {DiscountState.REQUESTED: DiscountState.APPROVED},
    DiscountMove.DECLINE: {DiscountState.REQUESTED: DiscountState.DECLINED},
}


@dataclass(frozen=True, slots=True)
class Limit:
    """How much a role or assignment (``holder``) may give alone: per cent of what it is of, and at most
    ``amount`` in all if that is set."""

    holder: str
    percent: Decimal
    amount: Decimal | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Discount:
    """On a whole draft, or on one of its lines (``charge_id``): so many per cent, or an amount of gross.

    ``gross`` is what that comes to; ``share`` how many per cent all discounts of the line or invoice come to
    with this one; ``authority`` what whoever gave it may give alone.
    """

    id: uuid.UUID
    invoice_id: uuid.UUID
    charge_id: uuid.UUID | None
    percent: Decimal | None
    amount: Decimal | None
    reason: str
    state: DiscountState
    gross: Decimal
    share: Decimal
    authority: Decimal
    requested_by: uuid.UUID
    requested_at: datetime
    decided_by: uuid.UUID | None = None
    decided_at: datetime | None = None
    version: int = 1

    def decided(self, move: DiscountMove, by: uuid.UUID, at: datetime) -> "Discount":
        """Approved or declined; raises ``illegal_move``, and ``forbidden`` for the one who asked."""
        after = MOVES[move].get(self.state)
        if after is None:
            legal = [other.value for other, steps in MOVES.items() if self.state in steps]
            raise illegal_move("the discount", self.state.value, move.value, legal)
        if by == self.requested_by:
            raise forbidden("a discount is decided by another person than the one who asked for it")
        return replace(self, state=after, decided_by=by, decided_at=at, version=self.version + 1)


def authority(limits: Iterable[Limit], holders: Iterable[str], given: Decimal) -> Decimal:
    """How many per cent somebody with these roles and assignments may give alone, ``given`` being the amount
    that it comes to; 0 for who has no limit, or beyond its amount."""
    held = set(holders)
    return max(
        (one.percent for one in limits if one.holder in held and (one.amount is None or given <= one.amount)),
        default=Decimal(0),
    )


def share(given: Decimal, whole: Decimal) -> Decimal:
    """``given`` in per cent of ``whole``, never less than it is."""
    exact = given * HUNDRED / whole
    shown = rounded(exact, RATE_PLACES)
    return shown if shown >= exact else shown + Decimal(1).scaleb(-RATE_PLACES)


def left(original: Amounts, gross: Decimal, scale: int) -> Amounts:
    """What is left of a charge of which ``gross`` is to be paid."""
    tax = proportion(original.tax, gross, original.gross, scale)
    payer_part = proportion(original.payer_part, gross, original.gross, scale)
    return Amounts(gross - tax, tax, gross, payer_part, gross - payer_part)


def reduction(original: Amounts, already: Decimal, by: Decimal, scale: int) -> Amounts:
    """The negative amounts that take ``by`` more off a charge from which ``already`` was taken."""
    before = left(original, original.gross - already, scale)
    after = left(original, original.gross - already - by, scale)
    return Amounts(
        after.net - before.net,
        after.tax - before.tax,
        after.gross - before.gross,
        after.payer_part - before.payer_part,
        after.patient_part - before.patient_part,
    )
