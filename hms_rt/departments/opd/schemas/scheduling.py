"""Shapes of schedules, absences and slots on the wire."""

import uuid
from datetime import date, time
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from hms_rt.departments.opd.model.schedule import AbsenceKind
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema


def _sane_day(day: date) -> date:
    if not date(2000, 1, 1) <= day <= date(2199, 12, 31):
        raise ValueError("must lie between 2000 and 2199")
    return day


def _on_the_wall(moment: time) -> time:
    if moment.tzinfo is not None or moment.second or moment.microsecond:
        raise ValueError("a time on the hospital's clock, in whole minutes, such as 08:30")
    return moment


def _each_once(days: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(days)) != len(days):
        raise ValueError("each weekday once")
    return tuple(sorted(days))


Day = Annotated[date, AfterValidator(_sane_day)]
"""A day in the hospital, between 2000 and 2199."""

WallTime = Annotated[time, AfterValidator(_on_the_wall)]
"""A time on the hospital's clock, in whole minutes."""

Weekdays = Annotated[
    tuple[Annotated[int, Field(ge=1, le=7)], ...],
    Field(min_length=1, max_length=7),
    AfterValidator(_each_once),
]
"""ISO weekdays: 1 is Monday, 7 Sunday."""


class ScheduleIn(Schema):
    """A weekly pattern to define for a doctor in a clinic."""

    doctor_id: uuid.UUID
    weekdays: Weekdays
    starts: WallTime
    ends: WallTime
    """Later on the same day; what is left after the last whole slot is not used."""
    slot_minutes: Annotated[int, Field(ge=5, le=240)]
    capacity: Annotated[int, Field(ge=1, le=50)] = 1
    """How many patients a slot takes."""
    overbook: Annotated[int, Field(ge=0, le=50)] = 0
    """How many more a doctor of the clinic or an administrator may squeeze in."""
    first_day: Day
    last_day: Day | None = None
    """The last day of the pattern; open-ended without."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("last_day lies before first_day")
        if self.ends <= self.starts:
            raise ValueError("ends must be later on the same day than starts")
        return self


class ScheduleOut(Schema):
    """A weekly pattern."""

    id: uuid.UUID
    clinic: str
    doctor_id: uuid.UUID
    weekdays: list[int]
    starts: time
    ends: time
    slot_minutes: int
    capacity: int
    overbook: int
    first_day: date
    last_day: date | None
    grown_until: date
    """Slots exist up to this day."""
    version: int


class ScheduleEnd(Schema):
    """When a pattern ends."""

    last_day: Day
    reason: Reason


class ToMove(Schema):
    """What a change of plans means for patients."""

    slots: int
    """Slots that nobody can book any more."""
    appointments: int
    """Appointments in them, to be rescheduled or cancelled: ``GET /appointments?to_move=true``."""


class ScheduleEnded(ScheduleOut):
    """A pattern that ends, and who has to be told."""

    to_move: ToMove


class ScheduleQuery(PageQuery):
    """Which patterns to list."""

    doctor: uuid.UUID | None = None


class AbsenceIn(Schema):
    """Days, or hours, without appointments: of a doctor, of a clinic, or of the whole hospital."""

    clinic: PlaceCode | None = None
    doctor_id: uuid.UUID | None = None
    """With a clinic: the doctor in that clinic. Neither: the whole hospital, as on a public holiday."""
    kind: AbsenceKind
    starts_at: Moment
    ends_at: Moment
    reason: Reason

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be later than starts_at")
        if (self.ends_at - self.starts_at).days > 366:
            raise ValueError("an absence lasts a year at most; end the schedule instead")
        return self


class AbsenceOut(Schema):
    """Days without appointments."""

    id: uuid.UUID
    clinic: str | None
    doctor_id: uuid.UUID | None
    kind: AbsenceKind
    starts_at: Moment
    ends_at: Moment
    reason: str
    revoked: bool
    version: int


class AbsenceMade(AbsenceOut):
    """Days without appointments, and who has to be told."""

    to_move: ToMove


class AbsenceRevoked(Schema):
    """Why it will be worked after all."""

    reason: Reason


class AbsenceQuery(PageQuery):
    """Which absences to list; those that are not over and not revoked."""

    clinic: PlaceCode | None = None
    doctor: uuid.UUID | None = None


class SlotQuery(PageQuery):
    """Which slots of a clinic to list; from today for two weeks unless told."""

    first_day: Day | None = None
    last_day: Day | None = None
    doctor: uuid.UUID | None = None
    free: bool | None = None
    """True: only those that can be booked."""


class SlotOut(Schema):
    """A time at which patients can be seen."""

    id: uuid.UUID
    clinic: str
    doctor_id: uuid.UUID
    doctor: str
    day: date
    starts_at: Moment
    ends_at: Moment
    capacity: int
    overbook: int
    booked: int
    free: int
    """Places left without overbooking; none in a slot that is blocked or over."""
    blocked: str | None
    """Why nobody can book it: the reason of an absence, or of a pattern that ended."""


class SlotCursor(Schema):
    """Sort key of slots."""

    starts_at: Moment
    id: uuid.UUID


class IdCursor(Schema):
    """Sort key of what is listed by its id."""

    id: uuid.UUID


class AbsenceCursor(Schema):
    """Sort key of absences."""

    ends_at: Moment
    id: uuid.UUID
