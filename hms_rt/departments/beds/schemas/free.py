"""Shapes of free beds on the wire: counts without names."""

from typing import Annotated

from pydantic import AfterValidator, Field

from hms_rt.departments.beds.model import Feature, Isolation
from hms_rt.kernel.schema import Schema


def _known(text: str) -> str:
    unknown = set(text.split(",")) - set(Feature)
    if unknown:
        raise ValueError(f"not a feature: {sorted(unknown)[0][:40]}; there are {', '.join(Feature)}")
    return text


class OccupancyOut(Schema):
    """Beds of one ward by state; cots are not among them."""

    ward: str
    name: str
    total: int
    available: int
    reserved: int
    occupied: int
    cleaning: int
    contaminated: int
    out_of_service: int


class FreeOut(OccupancyOut):
    """Beds of one ward, and how many of the available ones suit what was asked for."""

    suitable: int
    cots: int
    """Available cots."""


class FreeQuery(Schema):
    """What a patient needs; without it every available bed suits whose room nobody is isolated in."""

    features: Annotated[str, Field(max_length=200), AfterValidator(_known)] | None = None
    """Comma-separated, such as ``oxygen,ventilator``."""
    isolation: Isolation | None = None


class FreeBeds(Schema):
    """Beds of the hospital by ward and state, without names."""

    wards: list[FreeOut]
