"""Shapes of on-call groups, rotas, shifts and covers on the wire."""

import uuid
from datetime import date, time
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from hms_rt.departments.notifications.model.on_call import PlaceKind, RotaLine
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Reason, Schema


class GroupIn(Schema):
    """An on-call group to define."""

    code: PlaceCode
    name: Name
    place_kind: PlaceKind
    place: PlaceCode | None = None
    """Code of the ward, clinic or speciality; none for the whole hospital."""
    exactly_one: bool = True
    """Whether one person is on call at a time; otherwise several may be."""

    @model_validator(mode="after")
    def _place_fits(self) -> "GroupIn":
        if (self.place is None) != (self.place_kind is PlaceKind.HOSPITAL):
            raise ValueError("place: name it, except for the whole hospital")
        return self


class GroupUpdate(Schema):
    """What to change of a group; what is absent stays."""

    name: Name | None = None
    active: bool | None = None
    """An inactive group is never on call."""


class MemberOut(Schema):
    """Somebody who may be on call."""

    user_id: uuid.UUID
    name: str


class GroupOut(Schema):
    """An on-call group."""

    code: str
    name: str
    place_kind: PlaceKind
    place: str | None
    exactly_one: bool
    active: bool
    members: list[MemberOut]
    version: int


class GroupQuery(PageQuery):
    """Which groups to list."""

    place_kind: PlaceKind | None = None
    place: PlaceCode | None = None


class MemberIn(Schema):
    """Who joins or leaves a group."""

    user_id: uuid.UUID


def _minutes(value: time) -> time:
    if value.tzinfo is not None or value.second or value.microsecond:
        raise ValueError("hours and minutes of the hospital's clocks, such as 20:00")
    return value


ClockTime = Annotated[time, AfterValidator(_minutes)]
"""A time by the hospital's clocks, such as ``20:00``."""


class RotaLineIn(Schema):
    """One person's turn of the week."""

    user_id: uuid.UUID
    weekdays: Annotated[frozenset[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    """Days on which the turn begins: 1 is Monday, 7 Sunday."""
    begins: ClockTime
    ends: ClockTime
    """Not after `begins`: on the next day."""
    week: Annotated[int, Field(ge=1, le=12)] = 1
    """Which week of the cycle; week 1 is that of `valid_from`."""

    def line(self) -> RotaLine:
        """The same, as the model knows it."""
        return RotaLine(self.user_id, self.weekdays, self.begins, self.ends, self.week)


class RotaIn(Schema):
    """A pattern of shifts and how long it is valid. Its shifts are made at once."""

    valid_from: date
    valid_until: date
    """The last day on which a shift begins."""
    weeks: Annotated[int, Field(ge=1, le=12)] = 1
    """Length of the cycle."""
    lines: Annotated[list[RotaLineIn], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _sound(self) -> "RotaIn":
        if not 0 <= (self.valid_until - self.valid_from).days <= 800:
            raise ValueError("valid_until: from valid_from on, and at most 800 days later")
        if any(line.week > self.weeks for line in self.lines):
            raise ValueError("lines: a week beyond the cycle")
        return self


class RotaOut(Schema):
    """A rota."""

    id: uuid.UUID
    group: str
    valid_from: date
    valid_until: date
    weeks: int
    lines: list[RotaLineIn]
    ended_at: Moment | None
    shifts: int
    """How many shifts of it are still planned or were worked."""
    version: int


class ShiftIn(Schema):
    """A single shift."""

    user_id: uuid.UUID
    starts_at: Moment
    ends_at: Moment


class CoverOut(Schema):
    """Somebody stands in."""

    id: uuid.UUID
    user_id: uuid.UUID
    name: str
    starts_at: Moment
    ends_at: Moment
    reason: str


class ShiftOut(Schema):
    """A turn, and who covers parts of it."""

    id: uuid.UUID
    group: str
    user_id: uuid.UUID
    name: str
    rota_id: uuid.UUID | None
    starts_at: Moment
    ends_at: Moment
    covers: list[CoverOut]
    version: int


class ShiftQuery(PageQuery):
    """Which shifts to list: those that overlap the time."""

    since: Moment | None = None
    """Now, unless told."""
    until: Moment | None = None


class ShiftCursor(Schema):
    """Sort key of shifts."""

    starts_at: Moment
    id: uuid.UUID


class RotaCursor(Schema):
    """Sort key of rotas: newest first."""

    id: uuid.UUID


class CoverIn(Schema):
    """Who stands in, and for which part of the shift."""

    user_id: uuid.UUID
    since: Moment | None = None
    """The shift's begin, unless told."""
    until: Moment | None = None
    """The shift's end, unless told."""
    reason: Reason


class SwapIn(Schema):
    """Two shifts whose people change places."""

    shift_id: uuid.UUID
    other_id: uuid.UUID
    reason: Reason


class SwapOut(Schema):
    """Both shifts after a swap."""

    shifts: list[ShiftOut]


class Withdrawal(Schema):
    """Why something is taken back."""

    reason: Reason


class GapQuery(Schema):
    """The time in which to look for gaps."""

    since: Moment | None = None
    """Now, unless told."""
    until: Moment | None = None
    """Four weeks later, unless told; at most 400 days."""


class GapOut(Schema):
    """A time when nobody is on call."""

    starts_at: Moment
    ends_at: Moment


class GapsOut(Schema):
    """When nobody is on call for a group."""

    group: str
    since: Moment
    until: Moment
    gaps: list[GapOut]


class OnCallQuery(PageQuery):
    """Who is on call where, and when."""

    at: Moment | None = None
    """Now, unless told."""
    place_kind: PlaceKind | None = None
    place: PlaceCode | None = None


class OnDuty(Schema):
    """Somebody on call."""

    user_id: uuid.UUID
    name: str
    until: Moment
    instead_of: uuid.UUID | None
    """Whose shift it is, if it is covered."""


class OnCallOut(Schema):
    """Who is on call for a group; nobody is a gap."""

    group: str
    name: str
    place_kind: PlaceKind
    place: str | None
    at: Moment
    people: list[OnDuty]
