"""When a doctor sees patients: weekly patterns, and the slots that they make. Pure.

A pattern is written on the wall clock of the hospital; slots are points in time. On the two days a year on
which the clock is moved, a pattern begins and ends when the clock on the wall says so, and its slots keep
their length: from midnight to eight there are nine hours in autumn and seven in spring, no slot is there
twice and none overlaps another. A time that the clock skips is read with the offset before the skip
(RFC 5545, section 3.3.5).
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from hms_rt.kernel.errors import Code, HmsError, conflict

HORIZON = timedelta(days=90)
"""So far ahead slots exist; a timer makes those of the day that comes into sight."""


class AbsenceKind(StrEnum):
    """Why nobody can be seen."""

    LEAVE = "leave"
    HOLIDAY = "holiday"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A weekly pattern of one doctor in one clinic, valid from ``first_day`` to ``last_day``.

    ``weekdays`` are ISO (1 is Monday). ``capacity`` patients fit into a slot, and ``overbook`` more where
    somebody with the authority says so. Slots exist up to ``grown_until``.
    """

    id: uuid.UUID
    clinic: str
    doctor_id: uuid.UUID
    weekdays: tuple[int, ...]
    starts: time
    ends: time
    slot_minutes: int
    capacity: int
    overbook: int
    first_day: date
    last_day: date | None
    grown_until: date
    version: int = 1

    def __post_init__(self) -> None:
        if self._clock(self.starts) + timedelta(minutes=self.slot_minutes) > self._clock(self.ends):
            raise HmsError(Code.INVALID, "ends: at least one slot must fit between starts and ends")

    def clashes(self, other: "Schedule") -> bool:
        """True if the doctor would have to be in two places: a common weekday, time and period."""
        return (
            not set(self.weekdays).isdisjoint(other.weekdays)
            and self.starts < other.ends
            and other.starts < self.ends
            and self.first_day <= (other.last_day or date.max)
            and other.first_day <= (self.last_day or date.max)
        )

    def ended(self, last_day: date, today: date) -> "Schedule":
        """The pattern as it ends after ``last_day``, which may be yesterday or later: what was, was."""
        if last_day < today - timedelta(days=1):
            raise conflict("last_day: a pattern ends yesterday at the earliest")
        if self.last_day is not None and last_day > self.last_day:
            raise conflict(f"the pattern ends on {self.last_day} already; define another one instead")
        end = max(last_day, self.first_day - timedelta(days=1))
        return replace(self, last_day=end, version=self.version + 1)

    def days(self, until: date) -> Iterator[date]:
        """The days after ``grown_until`` and up to ``until`` on which the pattern applies."""
        day = max(self.first_day, self.grown_until + timedelta(days=1))
        last = min(until, self.last_day or until)
        while day <= last:
            if day.isoweekday() in self.weekdays:
                yield day
            day += timedelta(days=1)

    def slots(self, day: date, zone: ZoneInfo) -> Sequence[tuple[datetime, datetime]]:
        """Beginning and end of each slot of ``day``, as UTC; only whole slots."""
        begin = datetime.combine(day, self.starts, zone).astimezone(UTC)
        end = datetime.combine(day, self.ends, zone).astimezone(UTC)
        length = timedelta(minutes=self.slot_minutes)
        made = []
        while begin + length <= end:
            made.append((begin, begin + length))
            begin += length
        return made

    @staticmethod
    def _clock(moment: time) -> datetime:
        return datetime.combine(date(2000, 1, 1), moment)


def bounds(first_day: date, last_day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When ``first_day`` begins and when ``last_day`` ends in the hospital, as UTC."""
    begin = datetime.combine(first_day, time.min, zone).astimezone(UTC)
    return begin, datetime.combine(last_day + timedelta(days=1), time.min, zone).astimezone(UTC)
