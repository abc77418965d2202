"""Discounts on the wire."""

import uuid

from pydantic import model_validator

from hms_rt.departments.billing.model.discount import DiscountState
from hms_rt.kernel.money import AmountDue, Balance, Rate
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.principal import AssignmentKind, Role
from hms_rt.kernel.schema import Moment, Reason, Schema


class LimitIn(Schema):
    """How much a role, or who is assigned as cashier, may take off alone."""

    holder: Role | AssignmentKind
    percent: Rate
    """Of the line or invoice, all its discounts together."""
    amount: AmountDue | None = None
    """At most so much at once; null: no bound but the percentage."""


class LimitOut(Schema):
    """How much a role or assignment may take off alone."""

    holder: str
    percent: Rate
    amount: Balance | None
    version: int


class Limits(Schema):
    """Who may take off how much alone; who is not here nothing."""

    items: list[LimitOut]


class DiscountIn(Schema):
    """Take something off a draft, or off one of its lines: per cent, or an amount of gross."""

    charge_id: uuid.UUID | None = None
    """The line; the whole invoice, if left out."""
    percent: Rate | None = None
    """Of what is left of it."""
    amount: AmountDue | None = None
    reason: Reason

    @model_validator(mode="after")
    def _either(self) -> "DiscountIn":
        if (self.percent is None) == (self.amount is None) or self.percent == 0:
            raise ValueError("say how many per cent, or which amount")
        return self


class DiscountOut(Schema):
    """A discount; ``requested`` ones wait for a second person, and take nothing off yet."""

    id: uuid.UUID
    invoice_id: uuid.UUID
    charge_id: uuid.UUID | None
    percent: Rate | None
    amount: Balance | None
    reason: str
    state: DiscountState
    gross: Balance
    """What it comes to."""
    share: Rate
    """How many per cent all discounts of the line or invoice come to with this one."""
    authority: Rate
    """How many per cent whoever gave it may give alone."""
    requested_by: uuid.UUID
    requested_at: Moment
    decided_by: uuid.UUID | None
    decided_at: Moment | None
    version: int


class DiscountQuery(PageQuery):
    """Which discounts to list, newest first."""

    invoice_id: uuid.UUID | None = None
    state: DiscountState | None = None
