"""Which days in hospital are charged: those at whose end the patient is in a bed, the midnight census.

The day of departure is not charged, but for a stay within one day, which is charged once. Days are those of
the hospital's clocks, 23 or 25 hours long when these are changed.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
MOST_DAYS = 62
"""Days that are charged at once, after a long interruption or a late entry; the rest follows a little later:
the patient is never locked for long."""


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The hospital's day that ``moment`` belongs to."""
    return moment.astimezone(zone).date()


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """When ``day`` is over: the next midnight by the hospital's clocks.

    Where clocks skip midnight itself, the moment at which they do.
    """
    return datetime.combine(day + ONE_DAY, time.min, zone).astimezone(UTC)


def charged_days(arrived: date, left: date) -> tuple[date, date]:
    """The first day that is charged, and the first that is not any more, of a stay that is over."""
    return arrived, max(left, arrived + ONE_DAY)
