"""The medication administration record on the wire."""

import uuid
from typing import Annotated

from pydantic import Field, model_validator

from hms_rt.departments.ipd.model.medication import DoseState, OrderState, Outcome
from hms_rt.departments.pharmacy.model.frequency import FrequencyKind
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Quantity
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema


class AdministrationIn(Schema):
    """What became of a dose that was due."""

    outcome: Outcome
    amount: Quantity | None = None
    """How much was given, in the medicine's unit; the dose, if left out of a given one."""
    reason: Reason | None = None
    """Why it was refused, withheld, or given only partially."""
    witness: uuid.UUID | None = None
    """Who saw it: needed for a controlled medicine, another doctor or nurse."""
    occurred_at: Moment | None = None
    """When it was given; now, if left out."""


class AsNeededIn(Schema):
    """A dose that the patient needed."""

    amount: Quantity | None = None
    """How much was given, in the medicine's unit; the dose, if left out."""
    reason: Reason | None = None
    """What it was for."""
    witness: uuid.UUID | None = None
    """Who saw it: needed for a controlled medicine, another doctor or nurse."""
    occurred_at: Moment | None = None


class Retraction(Schema):
    """Why what was recorded was entered in error."""

    reason: Reason


class AdministrationOut(Schema):
    """What became of a dose. ``dose_id`` is null for one as needed."""

    id: uuid.UUID
    line_id: uuid.UUID
    dose_id: uuid.UUID | None
    outcome: Outcome
    amount: Quantity | None
    reason: str | None
    given_by: uuid.UUID
    witness: uuid.UUID | None
    occurred_at: Moment
    recorded_at: Moment
    entered_in_error: bool
    error_reason: str | None
    error_by: uuid.UUID | None
    error_at: Moment | None


class AdministrationQuery(PageQuery):
    """Of which admission."""

    admission_id: uuid.UUID


class DoseOut(Schema):
    """One dose that is due at one moment."""

    id: uuid.UUID
    line_id: uuid.UUID
    admission_id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """The pharmacy gets no name."""
    ward: str | None
    name: str
    dose: Quantity
    dose_unit: str
    route: str
    controlled: bool
    note: str | None
    due_at: Moment
    state: DoseState
    version: int


class DoseQuery(PageQuery):
    """The doses that are due in a ward, or all those planned of an admission: one of the two."""

    ward: PlaceCode | None = None
    admission_id: uuid.UUID | None = None

    @model_validator(mode="after")
    def _one(self) -> "DoseQuery":
        if (self.ward is None) == (self.admission_id is None):
            raise ValueError("name the ward or the admission, one of the two")
        return self


class DoseCursor(Schema):
    """Sort key of doses."""

    due_at: Moment
    id: uuid.UUID


class IdCursor(Schema):
    """Sort key of administrations (by time)."""

    id: uuid.UUID


class MedicationOut(Schema):
    """A medicine that the ward gives. ``recent`` tells of one as needed when it was given last."""

    line_id: uuid.UUID
    prescription_id: uuid.UUID
    name: str
    dose: Quantity
    dose_unit: str
    route: str
    controlled: bool
    note: str | None
    frequency_kind: FrequencyKind
    times: list[str]
    every_hours: int | None
    max_per_24h: int | None
    starts_at: Moment
    ends_at: Moment
    state: OrderState
    recent: list[Moment]


class MedicationChart(Schema):
    """Everything that is prescribed to an inpatient for the ward to give."""

    admission_id: uuid.UUID
    patient_id: uuid.UUID | None
    medications: Annotated[list[MedicationOut], Field(max_length=500)]


class AdministerCommand(AdministrationIn):
    """The same over a socket, where the dose is named in the body."""

    dose_id: uuid.UUID


class AsNeededCommand(AsNeededIn):
    """The same over a socket, where the line is named in the body."""

    line_id: uuid.UUID
