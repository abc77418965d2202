"""Orders, tests and specimens on the wire."""

import uuid
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from hms_rt.departments.lab.model.catalogue import Flag, SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.model.order import OrderState, Priority
from hms_rt.departments.lab.model.panel import MOST_TESTS
from hms_rt.departments.lab.model.specimen import SpecimenState
from hms_rt.departments.lab.schemas.catalogue import AnalysisCode
from hms_rt.departments.patients.schemas.record import ContextRef
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema, Text


def _not_issued(barcode: str) -> str:
    if barcode.startswith("LAB"):
        raise ValueError("barcodes that start with LAB are issued by the server")
    return barcode


Barcode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{3,31}$"), AfterValidator(_not_issued)]
"""Barcode of a label printed elsewhere: 4 to 32 of A-Z, 0-9 and ``-``."""


DiagnosisCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9.+*-]{0,15}$")]
"""A code of whatever classification the hospital uses."""

Question = Annotated[Text, StringConstraints(max_length=1000)]


class LabOrderIn(Schema):
    """Tests wanted for a patient, in the ward or the clinic (one of the two) where the patient is treated."""

    patient_id: uuid.UUID
    tests: Annotated[list[AnalysisCode], Field(max_length=MOST_TESTS)] = Field(default_factory=list)
    panels: Annotated[list[AnalysisCode], Field(max_length=10)] = Field(default_factory=list)
    """Each brings its tests; what is named twice is ordered once."""
    priority: Priority = Priority.ROUTINE
    ward: PlaceCode | None = None
    clinic: PlaceCode | None = None
    question: Question = ""
    """What the doctor wants to know; for the laboratory, with the order's context."""
    diagnoses: Annotated[list[DiagnosisCode], Field(max_length=20)] = Field(default_factory=list)
    """Codes of the diagnoses that the order is about, such as those of ICD-10."""
    encounter: ContextRef | None = None
    """The visit or admission that it belongs to; the patient's open one there, if left out."""
    occurred_at: Moment | None = None
    """When it was ordered; now, if left out."""

    @model_validator(mode="after")
    def _sensible(self) -> "LabOrderIn":
        if (self.ward is None) == (self.clinic is None):
            raise ValueError("name the ward or the clinic, one of the two")
        if len(set(self.tests)) != len(self.tests):
            raise ValueError("a test is ordered twice")
        if len(set(self.panels)) != len(self.panels):
            raise ValueError("a panel is ordered twice")
        if not self.tests and not self.panels:
            raise ValueError("name a test or a panel")
        return self


class LabTestOut(Schema):
    """A test of an order. Who treats the patient sees a flag before the release only if it is critical."""

    id: uuid.UUID
    order_id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """Those who do not treat get no name."""
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
    """One person alone released or corrected it; somebody else has yet to look at it."""
    panel: str | None
    """The panel that brought the test."""
    recollect: bool
    """Its specimen was rejected: another one must be taken."""
    delta: bool
    """It changed more since the patient's last verified result than the catalogue expects."""
    corrected: bool
    version: int


class LabOrderOut(Schema):
    """An order and its tests."""

    id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """Those who do not treat get no name."""
    ward: str | None
    clinic: str | None
    ordered_by: uuid.UUID
    priority: Priority
    state: OrderState
    ordered_at: Moment
    recorded_at: Moment
    tests: list[LabTestOut]


Location = Annotated[str, StringConstraints(pattern=r"^(ward|clinic):[A-Z0-9][A-Z0-9_-]{0,15}$")]
"""``ward:<code>`` or ``clinic:<code>``."""


class OrderSort(StrEnum):
    """How to sort orders: by ``ordered_at``."""

    NEWEST = "newest"
    OLDEST = "oldest"


class LabOrderQuery(PageQuery):
    """Which orders to list, of those within reach."""

    patient_id: uuid.UUID | None = None
    state: OrderState | None = None
    location: Location | None = None
    priority: Priority | None = None
    test: AnalysisCode | None = None
    """Orders with this test."""
    since: Moment | None = None
    """Ordered then or later."""
    until: Moment | None = None
    """Ordered before."""
    sort: OrderSort = OrderSort.NEWEST


class WorklistSort(StrEnum):
    """How to sort work."""

    OLDEST = "oldest"
    NEWEST = "newest"
    PRIORITY = "priority"  # and then the oldest first


class WorklistQuery(PageQuery):
    """Which tests to list: the unreleased ones, or the released ones whose review is due."""

    state: LabState | None = None
    review_due: bool = False
    test: AnalysisCode | None = None
    specimen_kind: SpecimenKind | None = None
    priority: Priority | None = None
    location: Location | None = None
    delta: bool | None = None
    """Only those whose delta check was exceeded, or was not."""
    recollect: bool | None = None
    """Only those whose specimen was rejected, or was not."""
    sort: WorklistSort = WorklistSort.OLDEST


class OrderCursor(Schema):
    """Sort key of orders: when they were ordered."""

    ordered_at: Moment
    id: uuid.UUID


class WorklistCursor(Schema):
    """Sort key of the worklist."""

    rank: int
    id: uuid.UUID


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
    """A specimen; ``tests`` are those that it is for now, ``replaces`` the rejected one before it."""

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
    replaces: uuid.UUID | None
    version: int


class SpecimenQuery(PageQuery):
    """Which specimens to list: one by the barcode of its label, or those of an order."""

    barcode: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{3,31}$")] | None = None
    order_id: uuid.UUID | None = None

    @model_validator(mode="after")
    def _one(self) -> "SpecimenQuery":
        if (self.barcode is None) == (self.order_id is None):
            raise ValueError("give a barcode or an order, one of the two")
        return self


class LabelQuery(Schema):
    """How many copies of each label."""

    copies: Annotated[int, Field(ge=1, le=10)] = 1


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
