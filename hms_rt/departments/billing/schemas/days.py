"""Closed days on the wire."""

import uuid
from datetime import date

from hms_rt.departments.billing.schemas.accounts import MeansOut
from hms_rt.kernel.money import Balance, Money
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Schema


class DayIn(Schema):
    """Close a facility's day: all its shifts are closed. It stays so."""

    facility: PlaceCode = "MAIN"
    day: date | None = None
    """Today, if left out; days before it that are not closed are closed with it."""


class DayOut(Schema):
    """A closed day; money that comes later counts for the next one."""

    id: uuid.UUID
    facility: str
    day: date
    number: int
    """Without gaps for each facility."""
    shifts: int
    opening_cash: Balance
    counted: Balance
    """Cash in all drawers."""
    difference: Money
    """What of it should not be there, or is missing."""
    closed_at: Moment
    closed_by: uuid.UUID
    means: list[MeansOut]


class DayQuery(PageQuery):
    """Which closed days to list, newest first."""

    facility: PlaceCode | None = None
