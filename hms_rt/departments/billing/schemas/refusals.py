"""What payers refuse, on the wire; and an invoice with all that it says."""

import uuid

from pydantic import Field

from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.schemas.accounts import InvoiceOut, PaymentOut
from hms_rt.departments.billing.schemas.charges import ChargeOut
from hms_rt.kernel.money import AmountDue, Balance
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Reason, Schema


class RemittedIn(Schema):
    """What the payer did pay: it is taken before the rest is refused."""

    counter: PlaceCode
    """Where: it goes into the shift that is open there."""
    means: Means = Means.TRANSFER
    amount: AmountDue
    reference: Name | None = None
    """Of the remittance advice."""


class RefusalIn(Schema):
    """A payer refuses what an invoice asks for, or a part of it."""

    amount: AmountDue | None = None
    """All that is due (after ``remitted``), if left out."""
    reason: Reason = Field(examples=["Not covered by the policy: letter of 12 March, code 96"])
    """What the payer says, with the code of the refusal."""
    payer: PlaceCode = "SELF"
    """Who owes it now: the patient, or another payer of the patient's coverage."""
    counter: PlaceCode | None = None
    """Where the patient is to pay."""
    remitted: RemittedIn | None = None


class RefusalOut(Schema):
    """What was refused, and who owes it since."""

    id: uuid.UUID
    invoice_id: uuid.UUID
    payer: str
    amount: Balance
    reason: str
    recorded_at: Moment
    recorded_by: uuid.UUID


class InvoiceDetail(InvoiceOut):
    """An invoice with what it charges."""

    charges: list[ChargeOut]
    refusal: RefusalOut | None = None
    """Why it asks for, or credits, what a payer refused."""


class RefusedOut(RefusalOut):
    """What was refused, with the papers that say so."""

    refused: InvoiceOut
    """The invoice that the payer refused, as it stands now."""
    credit_note: InvoiceOut
    invoice: InvoiceOut
    """To who owes it now."""
    payment: PaymentOut | None
    """What the payer did pay."""
    version: int
    """Of the refused invoice."""
