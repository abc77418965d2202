"""Shapes of places on the wire: wards and the location tree."""

from typing import Annotated

from pydantic import StringConstraints

from hms_rt.kernel.schema import Name, PlaceCode, Schema

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
