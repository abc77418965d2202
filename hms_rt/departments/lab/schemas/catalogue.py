"""Catalogue, panels and reference ranges on the wire."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.panel import MOST_TESTS
from hms_rt.departments.lab.model.ranges import MAX_AGE_DAYS, RangeSex
from hms_rt.kernel.schema import Moment, Name, Schema

AnalysisCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_.-]{0,23}$")]
"""Code of a test in the catalogue: upper-case letters, digits, ``_``, ``.`` and ``-``; at most 24."""

Unit = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,40}$")]
"""A unit in UCUM, such as ``mmol/L``; ``1`` for a bare number."""

Bound = Annotated[str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?$")]
"""A decimal, written like ``4.0``."""


class Definition(Schema):
    """How a test is measured. Without a unit its result is text, and there are no decimals and bounds."""

    name: Name
    specimen_kind: SpecimenKind
    unit: Unit | None = None
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None
    """How many decimal places a result may have."""
    reference_low: Bound | None = None
    reference_high: Bound | None = None
    critical_low: Bound | None = None
    """Results at or below it are critical."""
    critical_high: Bound | None = None
    """Results at or above it are critical."""
    active: bool = True
    """False: it can no longer be ordered."""
    plausible_low: Bound | None = None
    plausible_high: Bound | None = None
    """Beyond them a value is believed only when it says that it was checked."""
    delta_absolute: Bound | None = None
    """By how much a value may differ from the last verified one of the patient, in the unit."""
    delta_percent: Bound | None = None
    """The same, in percent of the last one."""
    delta_hours: Annotated[int, Field(ge=1, le=87_600)] | None = None
    """How old the last one may be to be compared with."""


class CatalogueIn(Definition):
    """A test to define."""

    code: AnalysisCode


class CatalogueChange(Schema):
    """What to change of a test. What is left out stays; null clears a unit, decimals or a bound."""

    name: Name | None = None
    specimen_kind: SpecimenKind | None = None
    active: bool | None = None
    unit: Unit | None = None
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None
    reference_low: Bound | None = None
    reference_high: Bound | None = None
    critical_low: Bound | None = None
    critical_high: Bound | None = None
    plausible_low: Bound | None = None
    plausible_high: Bound | None = None
    delta_absolute: Bound | None = None
    delta_percent: Bound | None = None
    delta_hours: Annotated[int, Field(ge=1, le=87_600)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "CatalogueChange":
        if not self.model_fields_set:
            raise ValueError("say what to change")
        return self


class CatalogueOut(Definition):
    """A test of the catalogue."""

    code: str
    version: int


class PanelDefinition(Schema):
    """Several tests that are ordered under one name."""

    name: Name
    tests: Annotated[list[AnalysisCode], Field(min_length=1, max_length=MOST_TESTS)]
    active: bool = True
    """False: it can no longer be ordered."""

    @model_validator(mode="after")
    def _each_once(self) -> "PanelDefinition":
        if len(set(self.tests)) != len(self.tests):
            raise ValueError("a test is named twice")
        return self


class PanelIn(PanelDefinition):
    """A panel to define."""

    code: AnalysisCode


class PanelOut(PanelDefinition):
    """A panel."""

    code: str
    version: int


class PanelChange(Schema):
    """What to change of a panel. What is left out stays; orders that exist keep the tests of their time."""

    name: Name | None = None
    tests: Annotated[list[AnalysisCode], Field(min_length=1, max_length=MOST_TESTS)] | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> "PanelChange":
        if not any(getattr(self, name) is not None for name in self.model_fields_set):
            raise ValueError("say what to change")
        if self.tests is not None and len(set(self.tests)) != len(self.tests):
            raise ValueError("a test is named twice")
        return self


class RangeIn(Schema):
    """Bounds for patients of a sex and age. A day of life counts from the birth date; the end is excluded."""

    sex: RangeSex = RangeSex.ANY
    age_from_days: Annotated[int, Field(ge=0, le=MAX_AGE_DAYS)] = 0
    age_to_days: Annotated[int, Field(ge=1, le=MAX_AGE_DAYS)] | None = None
    """Null: no upper end."""
    reference_low: Bound | None = None
    reference_high: Bound | None = None
    critical_low: Bound | None = None
    critical_high: Bound | None = None

    @model_validator(mode="after")
    def _ascends(self) -> "RangeIn":
        if self.age_to_days is not None and self.age_to_days <= self.age_from_days:
            raise ValueError("age_to_days lies above age_from_days")
        return self


class RangeSetIn(Schema):
    """Reference ranges of a test from a day on, until the next set begins. Together they cover every age of
    both sexes, each once."""

    valid_from: date
    unit: Unit
    """The unit of the bounds: the test's own."""
    source: Name
    """Where the figures come from, such as the reagent's manufacturer."""
    ranges: Annotated[list[RangeIn], Field(min_length=1, max_length=100)]


class RangeSetOut(Schema):
    """A set of reference ranges."""

    id: uuid.UUID
    code: str
    unit: str
    valid_from: date
    source: str
    defined_by: uuid.UUID
    defined_at: Moment
    ranges: list[RangeIn]
    version: int


class RangeSetCursor(Schema):
    """Sort key of the sets of a test."""

    valid_from: date


class CatalogueCursor(Schema):
    """Sort key of the catalogue."""

    code: str


def decimal(bound: str | None) -> Decimal | None:
    """A bound as a number."""
    return Decimal(bound) if bound is not None else None


def written(bound: Decimal | None) -> str | None:
    """A number as it is written on the wire."""
    return format(bound, "f") if bound is not None else None
