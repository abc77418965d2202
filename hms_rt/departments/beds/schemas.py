"""Shapes of rooms and beds on the wire."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from hms_rt.departments.beds.model import BedStatus
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Reason, Schema

ShortCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,15}$")]
"""Code of a room or bed within its ward, as painted on the door."""


class WardIn(Schema):
    """A ward to define; its facility and building are made when they are new."""

    code: PlaceCode
    name: Name
    facility: PlaceCode = "MAIN"
    building: PlaceCode = "MAIN"


class WardOut(Schema):
    """A ward."""

    code: str
    name: str
    facility: str
    building: str
    version: int


class BedIn(Schema):
    """A bed to define; its room is made when it is new. It starts in need of cleaning unless told."""

    ward: PlaceCode
    room: ShortCode
    code: ShortCode
    status: BedStatus = BedStatus.AVAILABLE

    @model_validator(mode="after")
    def _plain_start(self) -> "BedIn":
        if self.status not in {BedStatus.AVAILABLE, BedStatus.CLEANING, BedStatus.OUT_OF_SERVICE}:
            raise ValueError("a new bed is available, cleaning or out_of_service")
        return self


class BedChange(Schema):
    """A change of a bed's state or flag; what is left out stays as it is."""

    status: BedStatus | None = None
    isolation: bool | None = None
    reason: Reason | None = None
    """Required to take a bed out of service."""
    reserved_for: uuid.UUID | None = None
    """With ``reserved``: the admission that may take the bed."""
    reserved_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    """With ``reserved``: how long; 120 minutes unless told."""

    @model_validator(mode="after")
    def _sensible(self) -> "BedChange":
        if self.status is None and self.isolation is None:
            raise ValueError("change status or isolation")
        if self.status is BedStatus.OUT_OF_SERVICE and self.reason is None:
            raise ValueError("say the reason for taking the bed out of service")
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


class BedOut(Schema):
    """A bed. ``occupant`` is shown to the ward's clinical staff only, and null for everybody else."""

    id: uuid.UUID
    ward: str
    room: str
    code: str
    status: BedStatus
    isolation: bool
    since: Moment
    reserved_until: Moment | None
    occupant: OccupantOut | None
    version: int


class BedQuery(PageQuery):
    """Which beds to list."""

    ward: PlaceCode
    status: BedStatus | None = None


class OccupancyOut(Schema):
    """Beds of one ward by state."""

    ward: str
    name: str
    total: int
    available: int
    reserved: int
    occupied: int
    cleaning: int
    contaminated: int
    out_of_service: int


class FreeBeds(Schema):
    """Beds of the hospital by ward and state, without names."""

    wards: list[OccupancyOut]


class RoomNode(Schema):
    """A room and the codes of its beds."""

    code: str
    beds: list[str]


class WardNode(Schema):
    """A ward and its rooms."""

    code: str
    name: str
    rooms: list[RoomNode]


class BuildingNode(Schema):
    """A building and its wards."""

    code: str
    name: str
    wards: list[WardNode]


class FacilityNode(Schema):
    """A facility and its buildings."""

    code: str
    name: str
    buildings: list[BuildingNode]


class LocationTree(Schema):
    """Every place: facility, building, ward, room, bed."""

    facilities: list[FacilityNode]
