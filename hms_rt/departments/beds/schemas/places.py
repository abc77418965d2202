"""Shapes of places on the wire: wards and the location tree."""

from typing import Annotated

from pydantic import StringConstraints, model_validator

from hms_rt.departments.beds.model import Isolation
from hms_rt.kernel.schema import Name, PlaceCode, Reason, Schema

ShortCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,15}$")]
"""Code of a room or bed within its ward, as painted on the door."""

Organism = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .()/-]{0,39}$", strip_whitespace=True, to_upper=True),
]
"""What an isolation is for, such as MRSA: those with the same may share a room. Kept in capitals."""


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


class RoomNode(Schema):
    """A room and the codes of its beds."""

    code: str
    beds: list[str]


class RoomIsolationIn(Schema):
    """What a room is kept for from now on, whoever lies there; without ``isolation``, for nothing."""

    isolation: Isolation | None = None
    organism: Organism | None = None
    """Of the patients who may cohort there; any with that isolation, unless told."""
    override_reason: Reason | None = None
    """Why patients who do not belong there stay; only then needed."""

    @model_validator(mode="after")
    def _whole(self) -> "RoomIsolationIn":
        if self.isolation is None and self.organism is not None:
            raise ValueError("organism goes with isolation")
        return self


class RoomOut(Schema):
    """A room of a ward, and what it is kept for."""

    ward: str
    code: str
    beds: list[str]
    isolation: Isolation | None
    organism: str | None
    """Shown to the ward's clinical staff only."""
    override_reason: str | None
    """Why somebody lies there who does not belong; for the ward's clinical staff."""
    version: int


class RoomList(Schema):
    """The rooms of a ward, by code."""

    rooms: list[RoomOut]


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
