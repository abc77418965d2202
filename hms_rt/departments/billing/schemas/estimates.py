"""Estimates on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import Field

from hms_rt.departments.billing.schemas.tariffs import ServiceCode
from hms_rt.kernel.money import Balance, Rate, UnitPrice
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Quantity
from hms_rt.kernel.schema import Moment, PlaceCode, Schema, Text


class PlannedIn(Schema):
    """A service that is planned."""

    service: ServiceCode
    quantity: Quantity


class EstimateIn(Schema):
    """What is planned for a patient: what it would cost by today's knowledge."""

    patient_id: uuid.UUID
    items: Annotated[list[PlannedIn], Field(min_length=1, max_length=200)]
    planned_on: date | None = None
    """The tariff and the payer of this day count; today, if left out."""
    valid_days: Annotated[int, Field(ge=1, le=366)] = 30
    """How long the estimate is said to hold, from today on."""
    note: Text | None = None
    facility: PlaceCode = "MAIN"
    """Whose number it gets; the series is that of estimates, not of invoices."""


class EstimateLineOut(Schema):
    """A planned service and what it would cost."""

    service: str
    description: str
    quantity: Quantity
    unit_price: UnitPrice
    tax_rate: Rate
    net: Balance
    tax: Balance
    gross: Balance
    payer_part: Balance
    patient_part: Balance


class EstimateOut(Schema):
    """An estimate. It charges nothing and never changes; write another one instead."""

    id: uuid.UUID
    facility: str
    number: int
    patient_id: uuid.UUID
    payer: str
    patient_class: str
    planned_on: date
    valid_until: date
    note: str | None
    total: Balance
    payer_part: Balance
    patient_part: Balance
    created_at: Moment
    lines: list[EstimateLineOut]


class EstimateQuery(PageQuery):
    """Which estimates to list, newest first."""

    patient_id: uuid.UUID | None = None
