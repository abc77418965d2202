"""What is told of admissions and stays."""

import uuid

from hms_rt.departments.beds.model import Feature, Isolation
from hms_rt.departments.ipd.model import AdmissionState, Disposition, Move
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Schema


class StayOut(Schema):
    """Time in one bed; ``ended_at`` is null while the patient is in it."""

    id: uuid.UUID
    ward: str
    bed_id: uuid.UUID
    bed: str
    """The bed's code within its ward."""
    started_at: Moment
    ended_at: Moment | None
    entered_in_error: bool
    override_reason: str | None
    """Why the patient lay in a bed that did not suit; for those who treat the patient."""


class HeldBedOut(Schema):
    """A bed that is held for the admission."""

    bed_id: uuid.UUID
    bed: str
    ward: str
    until: Moment


class AdmissionOut(Schema):
    """An admission. Reason and dispositions are shown to those who treat the patient, else null."""

    id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """Those who do not treat get no name and no MRN."""
    ward: str
    """The ward asked for; once the patient is in a bed, the ward of that bed."""
    state: AdmissionState
    reason: str | None
    requested_at: Moment
    recorded_at: Moment
    """When the request was entered."""
    accepted_at: Moment | None
    admitted_at: Moment | None
    discharge_ordered_at: Moment | None
    planned_disposition: Disposition | None
    discharged_at: Moment | None
    disposition: Disposition | None
    cancelled_at: Moment | None
    features: list[Feature]
    """What the patient needs of a bed."""
    isolation: Isolation | None
    """For those who treat the patient."""
    organism: str | None
    """What the isolation is for; for those who treat the patient."""
    hold: HeldBedOut | None
    mother_id: uuid.UUID | None
    """Of a child born here."""
    children: list[uuid.UUID]
    """Patients born in this admission, in order."""
    stays: list[StayOut]
    """Oldest first."""
    version: int


class AdmissionQuery(PageQuery):
    """Which admissions to list: newest request first, of the wards within reach."""

    ward: PlaceCode | None = None
    patient_id: uuid.UUID | None = None
    state: AdmissionState | None = None


class AdmissionCursor(Schema):
    """Sort key of the list of admissions."""

    id: uuid.UUID


class AdmissionEventOut(Schema):
    """One move of an admission, as it was recorded. ``reason`` and ``disposition`` as in the admission."""

    id: uuid.UUID
    move: Move
    state_before: AdmissionState | None
    state_after: AdmissionState
    from_ward: str | None
    from_bed: uuid.UUID | None
    to_ward: str | None
    to_bed: uuid.UUID | None
    disposition: Disposition | None
    reason: str | None
    occurred_at: Moment
    recorded_at: Moment
    recorded_by: uuid.UUID


class BirthOut(Schema):
    """A newborn."""

    patient_id: uuid.UUID
    mrn: str
    name: str
    number: int
    """1 for the first child of this admission, 2 for the next."""
    admission: "AdmissionOut"
    """The child's own."""


class AdmissionHistory(Schema):
    """Every move of an admission, in the order of recording."""

    events: list[AdmissionEventOut]
