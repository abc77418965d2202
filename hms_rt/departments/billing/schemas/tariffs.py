"""Currency, payers, classes, services, prices and coverage on the wire."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import StringConstraints, model_validator

from hms_rt.departments.billing.model.tariff import REDUCTIONS, SELF, STANDARD, ServiceKind
from hms_rt.kernel.money import Rate, UnitPrice
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Schema

ServiceCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_.-]{0,31}$")]
"""The hospital's own code of a service: upper-case letters, digits, ``_``, ``.`` and ``-``; at most 32."""

Source = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Z0-9][A-Z0-9_.-]{0,31})$")]
"""Code of a clinic, test, panel, medicine or ward; ``*`` for all that have no service of their own."""

CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""A currency by ISO 4217."""


class CurrencyIn(Schema):
    """What every amount is to be in."""

    code: CurrencyCode


class CurrencyOut(Schema):
    """What every amount is in."""

    code: str
    scale: int
    """Decimal places of an amount, 0 to 3."""


class CodeIn(Schema):
    """A payer, or a class of patients."""

    code: PlaceCode
    name: Name


class CodeOut(Schema):
    """A payer, or a class of patients."""

    code: str
    name: str


class ServiceIn(Schema):
    """Something to charge for."""

    code: ServiceCode
    name: Name
    kind: ServiceKind
    source: Source | None = None
    """Of which clinic, test, medicine or ward: for what departments do by themselves."""
    chargeable: bool = True
    """False: what the source does costs nothing, such as the queue of the cashier."""

    @model_validator(mode="after")
    def _sensible(self) -> "ServiceIn":
        by_source = self.kind in {
            ServiceKind.CONSULTATION,
            ServiceKind.TEST,
            ServiceKind.MEDICINE,
            ServiceKind.BED_DAY,
        }
        if by_source != (self.source is not None):
            raise ValueError("consultations, tests, medicines and bed days name their source, others none")
        if self.kind in REDUCTIONS:
            raise ValueError("discounts are given on invoices, and what packages include follows from them")
        return self


class ServiceChange(Schema):
    """What to change; what is left out stays."""

    name: Name | None = None
    chargeable: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> "ServiceChange":
        if self.name is None and self.chargeable is None:
            raise ValueError("say what to change")
        return self


class ServiceOut(Schema):
    """Something that is charged for."""

    code: str
    name: str
    kind: ServiceKind
    source: str | None
    chargeable: bool
    version: int


class ServiceQuery(PageQuery):
    """Which services to list."""

    kind: ServiceKind | None = None


class PriceIn(Schema):
    """What one unit of a service costs a payer and class, from a day on."""

    service: ServiceCode
    payer: PlaceCode = SELF
    patient_class: PlaceCode = STANDARD
    valid_from: date
    valid_until: date | None = None
    """The first day on which it does not hold any more; null: until another one is set."""
    unit_price: UnitPrice
    """Net, with up to six places: finer than the currency."""
    tax_rate: Rate = Decimal(0)
    """Per cent that are added."""
    payer_share: Rate = Decimal(0)
    """Per cent of the sum that the payer takes; the patient pays the rest."""

    @model_validator(mode="after")
    def _sensible(self) -> "PriceIn":
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("valid_until lies after valid_from")
        return self


class PriceOut(Schema):
    """A price."""

    id: uuid.UUID
    service: str
    payer: str
    patient_class: str
    valid_from: date
    valid_until: date | None
    unit_price: UnitPrice
    tax_rate: Rate
    payer_share: Rate


class PriceQuery(PageQuery):
    """Which prices to list."""

    service: ServiceCode | None = None
    on: date | None = None
    """Only those that hold on this day."""


class CoverageIn(Schema):
    """Who pays for a patient, and in which class."""

    payer: PlaceCode = SELF
    patient_class: PlaceCode = STANDARD
    policy: Name | None = None
    """Number of the policy, as the payer wants it on invoices."""
    since: date


class CoverageOut(CoverageIn):
    """Who pays for a patient from a day on."""

    id: uuid.UUID
    recorded_at: Moment


class Coverages(Schema):
    """Who pays and paid for a patient, newest first; the newest of a day counts."""

    items: list[CoverageOut]


class IdCursor(Schema):
    """Sort key of lists by id (which is by time)."""

    id: uuid.UUID
