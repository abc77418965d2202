"""Shapes of beds on the wire: definition, change, what is told of one."""

import uuid
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from hms_rt.departments.beds.model import BedKind, BedStatus, Feature, Isolation
from hms_rt.departments.beds.model.cleaning import CleaningKind, CleaningState
from hms_rt.departments.beds.schemas.places import ShortCode
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema

Features = Annotated[list[Feature], Field(max_length=len(Feature))]
"""What a bed is equipped with."""


class BedIn(Schema):
    """A bed to define; its room is made when it is new. It is available unless told."""

    ward: PlaceCode
    room: ShortCode
    code: ShortCode
    status: BedStatus = BedStatus.AVAILABLE
    kind: BedKind = BedKind.BED
    """A cot is a newborn's: not counted among the beds of the ward."""
    features: Features = Field(default_factory=list)
    reason: Reason | None = None
    """Why it starts out of service."""

    @model_validator(mode="after")
    def _plain_start(self) -> Self:
        if self.status not in {BedStatus.AVAILABLE, BedStatus.CLEANING, BedStatus.OUT_OF_SERVICE}:
            raise ValueError("a new bed is available, cleaning or out_of_service")
        return self


class FeaturesIn(Schema):
    """What a bed is equipped with from now on."""

    features: Features


class BedChange(Schema):
    """A change of a bed's state or flag; what is left out stays as it is."""

    status: BedStatus | None = None
    isolation: bool | None = None
    """A mark on the bed. The kind of isolation comes with the patient who is in it."""
    reason: Reason | None = None
    """Required to take a bed out of service."""
    expected_back_at: Moment | None = None
    """With ``out_of_service``: when it is expected back."""
    reserved_for: uuid.UUID | None = None
    """With ``reserved``: the admission that may take the bed."""
    reserved_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    """With ``reserved``: how long; 120 minutes unless told."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.status is None and self.isolation is None:
            raise ValueError("change status or isolation")
        if self.status is BedStatus.OUT_OF_SERVICE and self.reason is None:
            raise ValueError("say the reason for taking the bed out of service")
        if self.status is not BedStatus.OUT_OF_SERVICE and self.expected_back_at:
            raise ValueError("expected_back_at goes with status out_of_service")
        if self.status is not BedStatus.RESERVED and (self.reserved_for or self.reserved_minutes):
            raise ValueError("reserved_for and reserved_minutes go with status reserved")
        return self


class BedCommand(BedChange):
    """The same change over a socket, where the bed is named in the body."""

    bed_id: uuid.UUID


class OccupantOut(Schema):
    """Who is in a bed; for those who treat the patient."""

    stay_id: uuid.UUID
    patient_id: uuid.UUID
    name: str
    mrn: str
    sex: str | None
    birth_date: date | None
    since: Moment
    outstanding: int | None
    """Once a discharge is ordered: how many kinds of things are to be done before; else null."""


class HoldOut(Schema):
    """For whom a bed is held; for those who treat on the ward."""

    admission_id: uuid.UUID
    patient_id: uuid.UUID
    name: str
    mrn: str
    from_ward: str | None
    from_bed: str | None
    """The bed's code, if the patient is in one."""


class BedCleaningOut(Schema):
    """The open request to clean a bed."""

    id: uuid.UUID
    kind: CleaningKind
    state: CleaningState
    due_at: Moment


class BedOut(Schema):
    """A bed. ``occupant`` and ``hold`` are shown to the ward's clinical staff only, else null."""

    id: uuid.UUID
    ward: str
    room: str
    code: str
    kind: BedKind
    features: list[Feature]
    status: BedStatus
    isolation: bool
    isolation_kind: Isolation | None
    """The isolation of the patient in it, until it is cleaned after them."""
    organism: str | None
    """What it is for; like ``room_organism`` shown to the ward's clinical staff only."""
    room_isolation: Isolation | None
    """What the room is kept for, whoever lies there."""
    room_organism: str | None
    since: Moment
    reserved_until: Moment | None
    out_of_service_reason: str | None
    expected_back_at: Moment | None
    leaving_since: Moment | None
    """Since when the patient in it may go: the bed is about to become free."""
    beside: str | None
    """Of a cot whose child rooms in: the code of the mother's bed, in the same room."""
    cleaning: BedCleaningOut | None
    hold: HoldOut | None
    occupant: OccupantOut | None
    version: int


class BedQuery(PageQuery):
    """Which beds to list."""

    ward: PlaceCode
    status: BedStatus | None = None
