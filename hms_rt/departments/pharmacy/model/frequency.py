"""How often a medicine is given, and at which moments, by the clock of the hospital."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from hms_rt.departments.pharmacy.model.formulary import invalid

USUAL_TIMES: dict[int, tuple[str, ...]] = {
    1: ("08:00",),
    2: ("08:00", "20:00"),
    3: ("08:00", "14:00", "20:00"),
    4: ("08:00", "12:00", "16:00", "20:00"),
}
"""Rounds of a ward; more than four doses a day are spread evenly from 06:00."""

MOST_PER_DAY = 24
_DAY = timedelta(days=1)


class FrequencyKind(StrEnum):
    """How the moments of a medicine are told."""

    ONCE = "once"  # at the start, and never again
    TIMES_PER_DAY = "times_per_day"  # at hours of the wall clock
    EVERY_HOURS = "every_hours"  # counted from the start, whatever the wall clock does
    AS_NEEDED = "as_needed"  # with a most within any 24 hours


@dataclass(frozen=True, slots=True)
class Frequency:
    """``times`` are hours of the wall clock (``08:00``), ascending; the rest is set as the kind needs."""

    kind: FrequencyKind
    times: tuple[str, ...] = ()
    every_hours: int | None = None
    max_per_24h: int | None = None

    def check(self) -> None:
        """Raises ``invalid`` unless exactly what the kind needs is told."""
        told = {
            FrequencyKind.TIMES_PER_DAY: bool(self.times),
            FrequencyKind.EVERY_HOURS: self.every_hours is not None,
            FrequencyKind.AS_NEEDED: self.max_per_24h is not None,
        }
        for kind, is_told in told.items():
            if is_told != (kind is self.kind):
                raise invalid("frequency", f"{self.kind.value} is told by its own field, and no other")
        if list(self.times) != sorted(set(self.times)):
            raise invalid("frequency", "times ascend, each once")

    @property
    def most_per_day(self) -> Decimal:
        """The most doses that fall into 24 hours."""
        match self.kind:
            case FrequencyKind.ONCE:
                return Decimal(1)
            case FrequencyKind.TIMES_PER_DAY:
                return Decimal(len(self.times))
            case FrequencyKind.EVERY_HOURS:
                return Decimal(-(-24 // (self.every_hours or 24)))
            case FrequencyKind.AS_NEEDED:
                return Decimal(self.max_per_24h or 0)

    def doses(self, start: datetime, end: datetime, zone: ZoneInfo) -> int:
        """How many doses the whole course has; for as needed, the most it can have."""
        if self.kind is FrequencyKind.AS_NEEDED:
            days = -(-(end - start) // _DAY)
            return int(self.most_per_day) * max(days, 1)
        return sum(1 for _ in self.due(start, end, zone, start, end))

    def due(
        self, start: datetime, end: datetime, zone: ZoneInfo, after: datetime, until: datetime
    ) -> Iterator[datetime]:
        """The moments of a course from ``start`` to before ``end``: those from ``after`` to before ``until``.

        Ascending, in UTC; none for as needed. An hour of the wall clock that a change to summer time skips is
        moved on by that change (two that then fall together are one), one that occurs twice is due the first
        time: so every day has its doses.
        """
        first, last = max(start, after), min(end, until)
        match self.kind:
            case FrequencyKind.ONCE:
                moments: Iterator[datetime] = iter((start,))
            case FrequencyKind.TIMES_PER_DAY:
                moments = self._by_wall_clock(first, last, zone)
            case FrequencyKind.EVERY_HOURS:
                moments = self._by_interval(start, first, last)
            case FrequencyKind.AS_NEEDED:
                moments = iter(())
        return (moment for moment in moments if first <= moment < last)

    def _by_wall_clock(self, first: datetime, last: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        day = first.astimezone(zone).date() - _DAY
        while day <= last.astimezone(zone).date():
            yield from sorted({at_wall_clock(day, time.fromisoformat(hour), zone) for hour in self.times})
            day += _DAY

    def _by_interval(self, start: datetime, first: datetime, last: datetime) -> Iterator[datetime]:
        step = timedelta(hours=self.every_hours or 24)
        moment = start + max(0, (first - start) // step) * step
        while moment < last:
            yield moment
            moment += step


def at_wall_clock(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks of ``zone`` show ``hour``: the first of two, and of none the next."""
    return datetime.combine(day, hour, zone).astimezone(UTC)


def course_end(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """``days`` later, at the same hour of the wall clock."""
    local = start.astimezone(zone)
    return at_wall_clock(local.date() + timedelta(days=days), local.time(), zone)


def usual_times(per_day: int) -> tuple[str, ...]:
    """The hours at which a ward gives a medicine so many times a day."""
    if per_day in USUAL_TIMES:
        return USUAL_TIMES[per_day]
    if not 1 <= per_day <= MOST_PER_DAY:
        raise invalid("frequency", f"1 to {MOST_PER_DAY} times per day")
    minutes = (6 * 60 + number * 24 * 60 // per_day for number in range(per_day))
    return tuple(sorted(f"{at // 60 % 24:02}:{at % 60:02}" for at in minutes))
