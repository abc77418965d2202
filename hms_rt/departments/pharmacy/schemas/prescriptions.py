"""Prescriptions on the wire."""

import uuid
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.model.frequency import MOST_PER_DAY, FrequencyKind
from hms_rt.departments.pharmacy.model.prescription import PrescriptionMove, PrescriptionState
from hms_rt.departments.pharmacy.model.safety import WarningKind
from hms_rt.departments.pharmacy.schemas.formulary import MedicineCode
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Amount, Quantity
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema, Text

Hour = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""An hour of the wall clock, such as ``08:00``."""


class FrequencyIn(Schema):
    """How often: exactly what its kind needs.

    ``times_per_day`` by ``times`` or by a number (the ward's usual hours), ``every_hours`` from the start on,
    ``as_needed`` with the most doses within any 24 hours.
    """

    kind: FrequencyKind
    per_day: Annotated[int, Field(ge=1, le=MOST_PER_DAY)] | None = None
    times: Annotated[list[Hour], Field(min_length=1, max_length=MOST_PER_DAY)] | None = None
    """Hours of the wall clock in the hospital's time zone, ascending."""
    every_hours: Annotated[int, Field(ge=1, le=168)] | None = None
    max_per_24h: Annotated[int, Field(ge=1, le=48)] | None = None

    @model_validator(mode="after")
    def _sensible(self) -> "FrequencyIn":
        needed = {
            FrequencyKind.TIMES_PER_DAY: (self.per_day is None) != (self.times is None),
            FrequencyKind.EVERY_HOURS: self.every_hours is not None,
            FrequencyKind.AS_NEEDED: self.max_per_24h is not None,
        }
        told = sum(
            value is not None for value in (self.per_day, self.times, self.every_hours, self.max_per_24h)
        )
        if told != (self.kind is not FrequencyKind.ONCE) or not needed.get(self.kind, True):
            raise ValueError("tell per_day or times, every_hours, or max_per_24h: what the kind needs, alone")
        return self


class FrequencyOut(Schema):
    """How often; ``times`` are the hours of the wall clock at which it is due."""

    kind: FrequencyKind
    times: list[str]
    every_hours: int | None
    max_per_24h: int | None


class LineIn(Schema):
    """One medicine to prescribe."""

    medicine: MedicineCode
    dose: Quantity
    """A single dose, in the medicine's ``strength_unit``."""
    route: Route
    frequency: FrequencyIn
    duration_days: Annotated[int, Field(ge=1, le=365)] = 1
    starts_at: Moment | None = None
    """When the course begins; now, if left out."""
    quantity: Quantity | None = None
    """How much to dispense in all, in ``dispense_unit``; what the course needs, if left out."""
    note: Annotated[Text, Field(max_length=500)] | None = None
    """For whoever dispenses and gives it: after meals, through a filter."""


class LineOut(Schema):
    """One medicine of a prescription."""

    id: uuid.UUID
    medicine: str
    name: str
    controlled: bool
    dose: Quantity
    dose_unit: str
    route: Route
    frequency: FrequencyOut
    starts_at: Moment
    ends_at: Moment
    """The course lasts until before this moment."""
    duration_days: int
    quantity: Quantity
    dispensed: Amount
    returned: Amount
    """What of it was brought back."""
    dispense_unit: str
    note: str | None
    not_dispensed: str | None
    """Why the rest is not dispensed."""
    allergy_alert: bool
    """An allergy became known since: nothing is dispensed until a doctor overrides the warning."""


class PrescriptionIn(Schema):
    """Medicines for a patient: of an admission, or of a clinic (perhaps of one visit there)."""

    patient_id: uuid.UUID
    admission_id: uuid.UUID | None = None
    clinic: PlaceCode | None = None
    visit_id: uuid.UUID | None = None
    take_home: bool = False
    """For an inpatient: handed over at discharge, not given on the ward."""
    dispensary: PlaceCode | None = None
    """Which dispensary fills it; the first by code, if left out."""
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=20)]
    occurred_at: Moment | None = None
    """When it was prescribed; now, if left out."""

    @model_validator(mode="after")
    def _sensible(self) -> "PrescriptionIn":
        if (self.admission_id is None) == (self.clinic is None):
            raise ValueError("name the admission or the clinic, one of the two")
        if self.visit_id is not None and self.clinic is None:
            raise ValueError("a visit is of a clinic: name it")
        if self.take_home and self.admission_id is None:
            raise ValueError("take_home is for inpatients")
        return self


class OverrideOut(Schema):
    """A warning that the prescriber went past."""

    line_id: uuid.UUID
    kind: WarningKind
    warned: str
    reason: str
    overridden_by: uuid.UUID
    recorded_at: Moment


class PrescriptionOut(Schema):
    """A prescription with its lines."""

    id: uuid.UUID
    number: int
    """What the pick-up screen shows."""
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """Those who do not treat get no name."""
    admission_id: uuid.UUID | None
    visit_id: uuid.UUID | None
    ward: str | None
    """Where the inpatient lies now; null once the patient left."""
    clinic: str | None
    take_home: bool
    dispensary: str
    prescribed_by: uuid.UUID
    state: PrescriptionState
    prescribed_at: Moment
    recorded_at: Moment
    reason: str | None
    """Of the last move: why it is on hold, was stopped or cancelled."""
    lines: list[LineOut]
    version: int


class PrescriptionQuery(PageQuery):
    """Which prescriptions to list, of those within reach."""

    number: Annotated[int, Field(ge=1, le=2**53)] | None = None
    """Of the pick-up screen; labels have it in their bar code."""
    patient_id: uuid.UUID | None = None
    admission_id: uuid.UUID | None = None
    dispensary: PlaceCode | None = None
    state: PrescriptionState | None = None


class WarningOut(Schema):
    """What the prescriber must know before the prescription is in force."""

    line_id: uuid.UUID
    kind: WarningKind
    medicine: str
    text: str


class Warnings(Schema):
    """What the prescriber must know, as of now, and the warnings that were gone past.

    Of a draft every warning; of a prescription in force the allergies that became known since.
    """

    warnings: list[WarningOut]
    overrides: list[OverrideOut]


class OverrideIn(Schema):
    """Why a warning does not hold the prescriber back."""

    line_id: uuid.UUID
    kind: WarningKind
    reason: Reason


class Activation(Schema):
    """Put a draft in force; every warning needs its override."""

    overrides: Annotated[list[OverrideIn], Field(max_length=60)] = Field(default_factory=list)
    occurred_at: Moment | None = None


class LateOverrides(Schema):
    """Why a prescription in force goes on in spite of allergies that became known since."""

    overrides: Annotated[list[OverrideIn], Field(min_length=1, max_length=60)]


class Why(Schema):
    """Why, and when it happened (now, if left out)."""

    reason: Reason
    occurred_at: Moment | None = None


class When(Schema):
    """When it happened; now, if left out."""

    occurred_at: Moment | None = None


class PrescriptionEventOut(Schema):
    """One move of a prescription."""

    id: uuid.UUID
    move: PrescriptionMove
    state_before: PrescriptionState | None
    state_after: PrescriptionState
    reason: str | None
    occurred_at: Moment
    recorded_at: Moment
    recorded_by: uuid.UUID


class PrescriptionHistory(Schema):
    """Every move of a prescription, oldest first."""

    events: list[PrescriptionEventOut]


class IdCursor(Schema):
    """Sort key of lists by id (which is by time)."""

    id: uuid.UUID
