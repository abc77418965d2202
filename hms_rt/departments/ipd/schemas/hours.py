"""Shapes of occupancy by hour on the wire: counts without names."""

from datetime import timedelta
from typing import Self

from pydantic import model_validator

from hms_rt.kernel.schema import Moment, PlaceCode, Schema

LONGEST = timedelta(days=62)


class HoursQuery(Schema):
    """Which hours of which ward."""

    ward: PlaceCode
    since: Moment
    until: Moment

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if not self.since < self.until <= self.since + LONGEST:
            raise ValueError(f"until lies after since, at most {LONGEST.days} days")
        return self


class HourOut(Schema):
    """One hour of a ward. ``at_start`` + ``arrivals`` - ``departures`` is ``at_start`` of the next."""

    hour: Moment
    """When it began."""
    beds: int
    """Beds in service when the hour was finished; cots are not among them."""
    at_start: int
    """Patients in beds when it began."""
    arrivals: int
    """Who came into a bed of the ward, also from another bed of it."""
    departures: int
    occupied_seconds: int
    """The time that patients lay in beds, of all beds together."""
    revision: int
    """How often a late entry or a correction changed it after it was finished."""
    final: bool
    """False while the hour runs: it is as stays say now."""


class HoursOut(Schema):
    """Occupancy of a ward by hour."""

    ward: str
    hours: list[HourOut]
