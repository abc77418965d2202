"""What is sold at a dispensary's own counter, on the wire."""

import uuid
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from hms_rt.departments.billing.schemas.sales import Paid, SaleMoney
from hms_rt.departments.pharmacy.model.safety import WarningKind
from hms_rt.departments.pharmacy.schemas.formulary import MedicineCode
from hms_rt.kernel.money import Money
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Amount, Quantity
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema

Directions = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
"""How to take it, as it stands on the label: ``One tablet with food, at most three a day``."""


class TillIn(Schema):
    """Whose a counter is."""

    store: PlaceCode
    """The dispensary that sells there."""


class TillOut(TillIn):
    """A counter that is a dispensary's own."""

    counter: str
    version: int


class TillQuery(PageQuery):
    """Which counters to list."""

    store: PlaceCode | None = None


class SaleItemIn(Schema):
    """So much of a medicine that anybody may buy."""

    medicine: MedicineCode
    quantity: Quantity
    """In its ``dispense_unit``."""
    lot_id: uuid.UUID | None = None
    """Which lot; those that expire first, if left out. A later one needs a reason."""
    reason: Reason | None = None
    directions: Directions | None = Field(
        default=None, examples=["One tablet with food, at most three a day"]
    )


class CounterOverrideIn(Schema):
    """Why a warning does not hold the seller back."""

    medicine: MedicineCode
    kind: WarningKind
    reason: Reason


class CounterOverrideOut(CounterOverrideIn):
    """A warning that the seller went past."""

    warned: str


class Wanted(Schema):
    """What somebody wants to buy without a prescription."""

    patient_id: uuid.UUID
    items: Annotated[list[SaleItemIn], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _once(self) -> "Wanted":
        named = [one.medicine for one in self.items]
        if len(set(named)) != len(named):
            raise ValueError("name each medicine once")
        return self


class QuoteIn(Wanted):
    """What it would cost; nothing is sold."""

    counter: PlaceCode
    """The dispensary's own, where the seller works."""


class CounterWarningOut(Schema):
    """What the seller must know."""

    medicine: str
    kind: WarningKind
    text: str


class QuotedLine(Schema):
    """What one medicine would cost."""

    medicine: str
    name: str
    quantity: Quantity
    total: Money | None
    """With tax; null while it has no price."""
    own_part: Money | None
    """What the customer pays of it; a payer pays the rest."""


class QuoteOut(Schema):
    """What it would cost today, before what packages include, and what the seller must know."""

    lines: list[QuotedLine]
    owed: Money | None
    """By the customer; null while something has no price."""
    warnings: list[CounterWarningOut]


class SaleIn(Wanted, Paid):
    """Sell over the counter: handed over, charged, invoiced and paid at once."""

    counter: PlaceCode
    """The dispensary's own, where the seller has the open shift."""
    overrides: Annotated[list[CounterOverrideIn], Field(max_length=40)] = Field(default_factory=list)


class SellDispense(Paid):
    """Hand over what is prepared, or what was handed over already, and take the money for it."""

    counter: PlaceCode
    """The dispensary's own, where the seller has the open shift."""


class GiveBackIn(Schema):
    """Pay back what came back since; another person decides."""

    counter: PlaceCode
    """Where it is handed out: a counter of the same dispensary."""
    reason: Reason


class SaleItemOut(Schema):
    """So much of one lot."""

    id: uuid.UUID
    lot_id: uuid.UUID
    medicine: str
    quantity: Quantity
    directions: str | None
    reason: str | None
    returned: Amount


class SaleSummary(Schema):
    """A sale."""

    id: uuid.UUID
    number: int
    store: str
    counter: str
    patient_id: uuid.UUID
    dispense_id: uuid.UUID | None
    """Of what is prescribed; null for what was sold over the counter."""
    sold_by: uuid.UUID
    sold_at: Moment
    version: int


class SaleOut(SaleSummary):
    """A sale with what was sold over the counter, and its money."""

    items: list[SaleItemOut]
    overrides: list[CounterOverrideOut]
    money: SaleMoney


class SaleQuery(PageQuery):
    """Which sales of the own counters to list, newest first."""

    counter: PlaceCode | None = None
    patient_id: uuid.UUID | None = None
