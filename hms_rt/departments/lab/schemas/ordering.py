"""Catalogue, orders, tests and specimens on the wire."""

import uuid
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from hms_rt.departments.lab.model.catalogue import Flag, SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.order import OrderState, Priority
from hms_rt.departments.lab.model.specimen import SpecimenState
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Reason, Schema

AnalysisCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_.-]{0,23}$")]
"""Code of a test in the catalogue: upper-case letters, digits, ``_``, ``.`` and ``-``; at most 24."""

Unit = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,40}$")]
"""A unit in UCUM, such as ``mmol/L``; ``1`` for a bare number."""

Bound = Annotated[str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?$")]
"""A decimal, written like ``4.0``."""


def _not_issued(barcode: str) -> str:
    if barcode.startswith("LAB"):
        raise ValueError("barcodes that start with LAB are issued by the server")
    return barcode


Barcode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{3,31}$"), AfterValidator(_not_issued)]
"""Barcode of a label printed elsewhere: 4 to 32 of A-Z, 0-9 and ``-``."""


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

    @model_validator(mode="after")
    def _something(self) -> "CatalogueChange":
        if not self.model_fields_set:
            raise ValueError("say what to change")
        return self


class CatalogueOut(Definition):
    """A test of the catalogue."""

    code: str
    version: int


class CatalogueCursor(Schema):
    """Sort key of the catalogue."""

    code: str


class LabOrderIn(Schema):
    """Tests wanted for a patient, in the ward or the clinic (one of the two) where the patient is treated."""

    patient_id: uuid.UUID
    tests: Annotated[list[AnalysisCode], Field(min_length=1, max_length=30)]
    priority: Priority = Priority.ROUTINE
    ward: PlaceCode | None = None
    clinic: PlaceCode | None = None
    occurred_at: Moment | None = None
    """When it was ordered; now, if left out."""

    @model_validator(mode="after")
    def _sensible(self) -> "LabOrderIn":
        if (self.ward is None) == (self.clinic is None):
            raise ValueError("name the ward or the clinic, one of the two")
        if len(set(self.tests)) != len(self.tests):
            raise ValueError("a test is ordered twice")
        return self


class LabTestOut(Schema):
    """A test of an order. Who treats the patient sees a flag before the release only if it is critical."""

    id: uuid.UUID
    order_id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    test: str
    test_name: str
    specimen_kind: SpecimenKind
    state: LabState
    priority: Priority
    specimen_id: uuid.UUID | None
    specimen_barcode: str | None
    location: str
    """``ward:<code>`` or ``clinic:<code>``: where the patient is treated now."""
    ordered_at: Moment
    resulted_at: Moment | None
    released_at: Moment | None
    result_version: int | None
    flag: Flag | None
    review_due: bool
    """Released by one person alone at night; somebody else has yet to look at it."""
    version: int


class LabOrderOut(Schema):
    """An order and its tests."""

    id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    ward: str | None
    clinic: str | None
    ordered_by: uuid.UUID
    priority: Priority
    state: OrderState
    ordered_at: Moment
    recorded_at: Moment
    tests: list[LabTestOut]


class LabOrderQuery(PageQuery):
    """Which orders to list, of those within reach."""

    patient_id: uuid.UUID | None = None
    state: OrderState | None = None


class WorklistQuery(PageQuery):
    """Which tests to list: the unreleased ones, or the released ones whose review is due."""

    state: LabState | None = None
    review_due: bool = False


class IdCursor(Schema):
    """Sort key of lists by id (which is by time)."""

    id: uuid.UUID


class Cancellation(Schema):
    """Why something is not needed any more."""

    reason: Reason


class SpecimenIn(Schema):
    """A specimen that was taken, for tests of one order."""

    kind: SpecimenKind
    tests: Annotated[list[uuid.UUID], Field(min_length=1, max_length=30)] | None = None
    """Which tests it is for; all of that kind which still wait for one, if left out."""
    barcode: Barcode | None = None
    """Of the label on the tube; the server issues one if left out."""
    occurred_at: Moment | None = None


class SpecimenOut(Schema):
    """A specimen; ``tests`` are those that it is for now."""

    id: uuid.UUID
    order_id: uuid.UUID
    barcode: str
    kind: SpecimenKind
    state: SpecimenState
    collected_at: Moment
    received_at: Moment | None
    rejected_at: Moment | None
    reject_reason: str | None
    tests: list[uuid.UUID]
    version: int


class When(Schema):
    """When it happened; now, if left out."""

    occurred_at: Moment | None = None


class Rejection(When):
    """Why a specimen is of no use."""

    reason: Reason


class CollectCommand(SpecimenIn):
    """The same over a socket, where the order is named in the body."""

    order_id: uuid.UUID


class ReceiveCommand(When):
    """Receive a specimen, over a socket."""

    specimen_id: uuid.UUID


def decimal(bound: str | None) -> Decimal | None:
    """A bound as a number."""
    return Decimal(bound) if bound is not None else None


def written(bound: Decimal | None) -> str | None:
    """A number as it is written on the wire."""
    return format(bound, "f") if bound is not None else None
