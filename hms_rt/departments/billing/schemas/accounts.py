"""Invoices, payments, refunds and shifts on the wire."""

import uuid
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from hms_rt.departments.billing.model.invoice import InvoiceKind, InvoiceState
from hms_rt.departments.billing.model.payment import Means, PaymentState, RefundState
from hms_rt.departments.billing.schemas.tariffs import CurrencyOut
from hms_rt.kernel.money import AmountDue, Balance, Money
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Reason, Schema


class InvoiceIn(Schema):
    """An invoice to prepare: everything of the patient, or of one admission, that is on none yet."""

    patient_id: uuid.UUID
    admission_id: uuid.UUID | None = None
    final: bool = False
    """True: the last one of an admission that is over; issued when all that was done is on an invoice. False:
    an interim invoice of what is charged so far. Without an admission every invoice is final; what is charged
    for an admission after its final invoice goes on a supplementary one."""
    facility: PlaceCode = "MAIN"
    """Whose number it gets."""


class IssueIn(Schema):
    """Give an invoice its number."""

    counter: PlaceCode | None = None
    """Where the patient is to pay."""


class InvoiceOut(Schema):
    """An invoice or credit note."""

    id: uuid.UUID
    facility: str
    kind: InvoiceKind
    number: int | None
    """Without gaps for each facility; null while it is a draft."""
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    counter: str | None
    state: InvoiceState
    total: Money
    patient_part: Money
    payer_part: Money
    payer: str
    """Whom it is to: ``SELF`` is the patient."""
    share_of: uuid.UUID | None
    """The patient's invoice of which a payer's is a part."""
    owed: Money
    """What it asks for; of the patient the patient's part, the rest is on invoices to the payers."""
    paid: Balance
    credited: Balance
    due: Balance
    refusal_id: uuid.UUID | None
    """Of what a payer refused: on the payer's credit note, and on the invoice to who owes it since."""
    credits: uuid.UUID | None
    """The invoice that a credit note is about."""
    created_at: Moment
    issued_at: Moment | None
    void_reason: str | None
    version: int


class InvoiceQuery(PageQuery):
    """Which invoices to list, newest first."""

    patient_id: uuid.UUID | None = None
    admission_id: uuid.UUID | None = None
    state: InvoiceState | None = None
    counter: PlaceCode | None = None
    payer: PlaceCode | None = None
    """Whom they are to."""


class WhyVoid(Schema):
    """Why an invoice should be void."""

    reason: Reason


class SettleIn(Schema):
    """Pay from the patient's deposits, oldest first."""

    amount: AmountDue | None = None
    """All that is due and there, if left out."""


class PaymentIn(Schema):
    """Money from a patient or payer: for an invoice, or a deposit."""

    patient_id: uuid.UUID
    counter: PlaceCode
    """Where: it goes into the shift that is open there."""
    means: Means
    amount: AmountDue
    payer: PlaceCode = "SELF"
    invoice_id: uuid.UUID | None = None
    """Pays this one; not more than is due. Null: a deposit."""
    reference: Name | None = None
    """Of the card's slip, the transfer, the cheque."""
    pending: bool = False
    """True: announced, not there yet; captured or failed later. Only for deposits."""
    tendered: AmountDue | None = None
    """The cash that was handed over, at least ``amount``: the answer and the receipt say the change."""

    @model_validator(mode="after")
    def _change(self) -> Self:
        if self.tendered is not None and self.means is not Means.CASH:
            raise ValueError("tendered: is told of cash only")
        if self.tendered is not None and self.tendered < self.amount:
            raise ValueError("tendered: is less than the amount")
        return self


class PaymentOut(Schema):
    """A payment; what is ``free`` is the patient's deposit."""

    id: uuid.UUID
    facility: str
    number: int | None
    """Of the receipt, without gaps for each facility; null until the money is there."""
    patient_id: uuid.UUID
    payer: str
    shift_id: uuid.UUID
    means: Means
    amount: Balance
    reference: str | None
    tendered: Balance | None
    """The cash that was handed over, if somebody said so."""
    change: Balance | None
    """What of it went back at once: it was never in the drawer."""
    state: PaymentState
    allocated: Balance
    refunded: Balance
    free: Balance
    created_at: Moment
    captured_at: Moment | None
    version: int


class PaymentQuery(PageQuery):
    """Which payments to list, newest first."""

    patient_id: uuid.UUID | None = None
    shift_id: uuid.UUID | None = None
    state: PaymentState | None = None


class RefundIn(Schema):
    """Ask to give money back."""

    amount: AmountDue
    counter: PlaceCode
    """Where it is handed out."""
    reason: Reason


class RefundOut(Schema):
    """Money to give back, as far as a second person agrees."""

    id: uuid.UUID
    payment_id: uuid.UUID
    amount: Balance
    reason: str
    state: RefundState
    requested_by: uuid.UUID
    requested_at: Moment
    decided_by: uuid.UUID | None
    decided_at: Moment | None
    version: int


class RefundQuery(PageQuery):
    """Which refunds to list, newest first."""

    state: RefundState | None = None
    payment_id: uuid.UUID | None = None


class CashierIn(Schema):
    """A counter at which money is taken."""

    code: PlaceCode
    name: Name
    facility: PlaceCode = "MAIN"


class CashierOut(CashierIn):
    """A counter at which money is taken."""


class ShiftIn(Schema):
    """Begin to take money."""

    opening_cash: Balance
    """What is in the drawer."""


class CountIn(Schema):
    """What was counted of one means: the terminal's total, the cheques, the transfers on the statement."""

    means: Means
    counted: Money
    """Negative where more was given back than came in."""
    reason: Reason | None = None
    """Why it is not what it should be; needed if it is not."""


class ShiftClose(Schema):
    """Count the drawer and every other means that was used, and stop."""

    counted: Balance
    """Cash in the drawer."""
    reason: Reason | None = None
    """Why it is not what it should be; needed if it is not."""
    means: Annotated[list[CountIn], Field(default_factory=list, max_length=len(Means) - 1)]
    """Every means besides cash that was used, each once; nothing if only cash was."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        told = [one.means for one in self.means]
        if Means.CASH in told:
            raise ValueError("means: cash is told as `counted`")
        if len(set(told)) < len(told):
            raise ValueError("means: each is told once")
        return self


class MeansOut(Schema):
    """What was received, given back and counted by one means."""

    means: Means
    opening: Balance
    """What was there before: in the drawer; of all but cash nothing."""
    received: Balance
    given_back: Balance
    expected: Money
    """What should be there."""
    counted: Money | None
    """Null until the shift is closed; also where it closed before every means was counted."""
    difference: Money | None


class MeansCounted(MeansOut):
    """What was received, given back and counted by one means in a shift."""

    reason: str | None
    """Why it differs."""


class ShiftOut(Schema):
    """A cashier's time at a counter."""

    id: uuid.UUID
    facility: str
    counter: str
    cashier: uuid.UUID
    day: date
    """The day that its money counts for."""
    opened_at: Moment
    opening_cash: Balance
    cash: Balance
    """What the drawer should hold."""
    closed_at: Moment | None
    counted: Balance | None
    """Cash in the drawer."""
    difference: Money | None
    """Of the cash."""
    reason: str | None
    means: list[MeansCounted]
    """Each that was used, and cash."""
    version: int


class ShiftQuery(PageQuery):
    """Which shifts to list, newest first."""

    counter: PlaceCode | None = None


class AccountOut(Schema):
    """How a patient stands: in whole units of the currency."""

    patient_id: uuid.UUID
    currency: CurrencyOut
    deposit: Balance
    due: Balance
    unbilled: Money
