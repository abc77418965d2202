"""What a department sells at its own counter, on the wire."""

from typing import Annotated

from pydantic import Field, model_validator

from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.schemas.accounts import InvoiceOut, PaymentOut, RefundOut
from hms_rt.kernel.money import AmountDue
from hms_rt.kernel.schema import Name, Schema


class Tender(Schema):
    """How a customer pays, or a part."""

    means: Means
    amount: AmountDue | None = None
    """All that is still to be paid, if left out."""
    reference: Name | None = None
    """Of the card's slip, the transfer, the cheque."""


class Paid(Schema):
    """What is paid at a counter, all of it at once."""

    payments: Annotated[list[Tender], Field(max_length=5)]
    """In several means; none, if there is nothing for the customer to pay."""

    @model_validator(mode="after")
    def _sensible(self) -> "Paid":
        if sum(one.amount is None for one in self.payments) > 1:
            raise ValueError("one payment at most takes what is left")
        if sum(one.means is Means.CASH for one in self.payments) > 1:
            raise ValueError("cash is told once")
        return self


class SaleMoney(Schema):
    """What a sale cost, and what became of the money."""

    invoices: list[InvoiceOut]
    """The sale's, and another one for what was kept after something was brought back."""
    payments: list[PaymentOut]
    refunds: list[RefundOut]
    """Asked for; another person decides."""
