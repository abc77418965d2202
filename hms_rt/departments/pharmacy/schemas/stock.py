"""Stock and dispensing on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from hms_rt.departments.pharmacy.model.dispense import DispenseState, Disposition
from hms_rt.departments.pharmacy.model.shelf import StockStanding
from hms_rt.departments.pharmacy.model.stock import LedgerKind, WriteOffState
from hms_rt.departments.pharmacy.schemas.formulary import MedicineCode
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Amount, Difference, Quantity
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema

LotNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,39}$")]
"""The maker's number of a lot, as it is printed on the pack."""


class ReceiptIn(Schema):
    """Goods that came in."""

    medicine: MedicineCode
    lot: LotNumber
    expires_on: date
    """The last day on which it may be handed over."""
    quantity: Quantity
    """In the medicine's ``dispense_unit``."""
    occurred_at: Moment | None = None


class StockOut(Schema):
    """How much of a lot a store has."""

    lot_id: uuid.UUID
    medicine: str
    lot: str
    expires_on: date
    recalled: bool
    expired: bool
    """To be written off."""
    near_expiry: bool
    store: str
    quantity: Amount


class StockQuery(PageQuery):
    """Which stock to list; empty shelves are left out."""

    store: PlaceCode | None = None
    medicine: MedicineCode | None = None
    expires_before: date | None = None
    standing: StockStanding | None = None


class StockCursor(Schema):
    """Sort key of stock."""

    lot_id: uuid.UUID
    store: str


class TransferIn(Schema):
    """Stock that goes from one store to another, such as a ward's cupboard."""

    lot_id: uuid.UUID
    from_store: PlaceCode
    to_store: PlaceCode
    quantity: Quantity
    occurred_at: Moment | None = None

    @model_validator(mode="after")
    def _elsewhere(self) -> "TransferIn":
        if self.from_store == self.to_store:
            raise ValueError("a transfer goes to another store")
        return self


class TransferOut(Schema):
    """A transfer, and what both stores have of the lot now."""

    id: uuid.UUID
    lot_id: uuid.UUID
    from_store: str
    to_store: str
    quantity: Quantity
    left: Amount
    arrived: Amount


class CountIn(Schema):
    """What somebody counted on the shelf."""

    lot_id: uuid.UUID
    store: PlaceCode
    counted: Amount
    reason: Reason
    occurred_at: Moment | None = None


class CountOut(Schema):
    """A count: what the ledger said, what was there, and the difference that was booked."""

    lot_id: uuid.UUID
    store: str
    expected: Amount
    counted: Amount
    variance: Difference


class WriteOffIn(Schema):
    """Stock that is lost, broken or expired; another person decides."""

    lot_id: uuid.UUID
    store: PlaceCode
    quantity: Quantity
    reason: Reason


class WriteOffOut(Schema):
    """A write-off and what became of the request."""

    id: uuid.UUID
    lot_id: uuid.UUID
    store: str
    quantity: Quantity
    reason: str
    state: WriteOffState
    requested_by: uuid.UUID
    requested_at: Moment
    decided_by: uuid.UUID | None
    decided_at: Moment | None
    version: int


class WriteOffQuery(PageQuery):
    """Which write-offs to list."""

    state: WriteOffState | None = None
    store: PlaceCode | None = None


class RecallIn(Schema):
    """Why a lot is called back."""

    reason: Reason


class MovementOut(Schema):
    """One row of the ledger."""

    id: uuid.UUID
    lot_id: uuid.UUID
    store: str
    kind: LedgerKind
    delta: Difference
    reference: uuid.UUID | None
    reason: str | None
    occurred_at: Moment
    recorded_at: Moment
    recorded_by: uuid.UUID


class LedgerQuery(PageQuery):
    """Of which lot."""

    lot_id: uuid.UUID


class DispenseLineIn(Schema):
    """So much for one line of the prescription."""

    line_id: uuid.UUID
    quantity: Quantity
    medicine: MedicineCode | None = None
    """Another medicine of the same generic, strength and unit; needs a reason."""
    lot_id: uuid.UUID | None = None
    """Which lot; those that expire first, if left out. A later one needs a reason."""
    reason: Reason | None = None


class DispenseIn(Schema):
    """What to take from a store for a prescription: all of it, or a part."""

    lines: Annotated[list[DispenseLineIn], Field(min_length=1, max_length=20)]
    store: PlaceCode | None = None
    """From which store; the prescription's dispensary, if left out."""


class CupboardIn(Schema):
    """What a ward takes from its cupboard, for a prescription that it gives."""

    prescription_id: uuid.UUID
    lines: Annotated[list[DispenseLineIn], Field(min_length=1, max_length=20)]
    occurred_at: Moment | None = None


class DispenseItemOut(Schema):
    """So much of one lot, for one line."""

    id: uuid.UUID
    line_id: uuid.UUID
    lot_id: uuid.UUID
    medicine: str
    quantity: Quantity
    reason: str | None
    returned: Amount
    """What of it was brought back so far."""


class DispenseOut(Schema):
    """A dispense with its items."""

    id: uuid.UUID
    prescription_id: uuid.UUID
    store: str
    state: DispenseState
    prepared_by: uuid.UUID
    prepared_at: Moment
    handed_over_by: uuid.UUID | None
    handed_over_at: Moment | None
    ended_by: uuid.UUID | None
    ended_at: Moment | None
    reason: str | None
    items: list[DispenseItemOut]
    version: int


class DispenseList(Schema):
    """Every dispense of a prescription, oldest first."""

    items: list[DispenseOut]


class ReturnItemIn(Schema):
    """So much of one item of a dispense."""

    item_id: uuid.UUID
    quantity: Quantity


class ReturnIn(Schema):
    """What was brought back, why, and what becomes of it."""

    reason: Reason
    disposition: Disposition = Disposition.DESTROY
    """``restock``: on the shelf it came from; ``quarantine``: kept apart until somebody has looked at it."""
    items: Annotated[list[ReturnItemIn], Field(min_length=1, max_length=50)] | None = None
    """Which items, and how much of each; all that is with the patient, if left out."""
    store: PlaceCode | None = None
    """Which quarantine; the first by code, if left out."""

    @model_validator(mode="after")
    def _sensible(self) -> "ReturnIn":
        if self.store is not None and self.disposition is not Disposition.QUARANTINE:
            raise ValueError("only a quarantine is named: what is restocked goes where it came from")
        named = [one.item_id for one in self.items or ()]
        if len(set(named)) != len(named):
            raise ValueError("name each item once")
        return self


class LabelQuery(Schema):
    """How many copies of each label."""

    copies: Annotated[int, Field(ge=1, le=10)] = 1


class NotDispensedIn(Schema):
    """Why the rest of a line is not dispensed."""

    line_id: uuid.UUID
    reason: Reason
