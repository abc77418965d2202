"""Statements of account on the wire."""

import uuid
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.model.statement import StatementKind
from hms_rt.departments.billing.schemas.tariffs import CurrencyOut
from hms_rt.kernel.money import Money
from hms_rt.kernel.schema import Moment, PlaceCode, Schema

FIRST_DAY = date(1900, 1, 1)
StatementDay = Annotated[date, Field(ge=FIRST_DAY, le=date(2999, 12, 31))]


class StatementQuery(Schema):
    """Which days, by the hospital's clocks."""

    since: StatementDay = FIRST_DAY
    """The first day; what was before is the opening balance."""
    until: StatementDay | None = None
    """The last day; today, if left out."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("until: is before since")
        return self


class StatementPaperQuery(StatementQuery):
    """Which days, and whose letterhead."""

    facility: PlaceCode = "MAIN"
    """Who sends it, and in whose language; the account is of all facilities."""


class StatementEntry(Schema):
    """One paper that moved the balance."""

    at: Moment
    kind: StatementKind
    facility: str
    number: int | None
    """Of the invoice, credit note or receipt, in its facility."""
    paper_id: uuid.UUID
    """The invoice, credit note, payment or refund."""
    means: Means | None
    amount: Money
    """What is owed more; negative: less."""
    settled: Money
    """Of a settlement: what of a deposit pays the invoice; negative where it is free again."""
    balance: Money
    """After it."""


class StatementOut(Schema):
    """What a patient owed, what moved it, and what is owed: less the deposit, so that it can be negative."""

    patient_id: uuid.UUID
    currency: CurrencyOut
    since: date
    until: date
    opening: Money
    entries: list[StatementEntry]
    """In order of time; at most 1000: ask for fewer days."""
    closing: Money
    """At the end of the last day: what is due less the deposit."""
    unbilled: Money
    """What is on no invoice now; not part of the balance."""
