"""Weekly patterns: which slots they make, also on the days on which the clock is moved."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hms_rt.departments.opd.model.schedule import Schedule, bounds
from hms_rt.kernel.errors import Code, HmsError

VIENNA = ZoneInfo("Europe/Vienna")
MONDAY = date(2026, 3, 2)


def pattern(**said: Any) -> Schedule:
    values: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "clinic": "GEN",
        "doctor_id": uuid.UUID(int=2),
        "weekdays": (1,),
        "starts": time(8),
        "ends": time(10),
        "slot_minutes": 20,
        "capacity": 1,
        "overbook": 0,
        "first_day": MONDAY,
        "last_day": None,
        "grown_until": MONDAY - timedelta(days=1),
    }
    return Schedule(**{**values, **said})


def test_slots_are_whole_and_follow_each_other() -> None:
    made = pattern(slot_minutes=25).slots(MONDAY, VIENNA)
    assert len(made) == 4  # the fifth would end at 10:05
    assert made[0] == (datetime(2026, 3, 2, 7, tzinfo=UTC), datetime(2026, 3, 2, 7, 25, tzinfo=UTC))
    assert all(before[1] == after[0] for before, after in pairwise(made))
    with pytest.raises(HmsError) as raised:
        pattern(ends=time(8, 15))
    assert raised.value.code is Code.INVALID


@pytest.mark.parametrize(
    ("day", "starts", "slots", "first"),
    [
        (date(2026, 3, 28), time(0), 16, datetime(2026, 3, 27, 23, tzinfo=UTC)),  # an ordinary night
        (date(2026, 3, 29), time(0), 14, datetime(2026, 3, 28, 23, tzinfo=UTC)),  # two to three is skipped
        (date(2026, 10, 25), time(0), 18, datetime(2026, 10, 24, 22, tzinfo=UTC)),  # two to three is twice
        (date(2026, 3, 29), time(2, 30), 9, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # begins in the gap
        (date(2026, 10, 25), time(2, 30), 13, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first of two
    ],
)
def test_slots_keep_their_length_when_the_clock_is_moved(
    day: date, starts: time, slots: int, first: datetime
) -> None:
    made = pattern(starts=starts, ends=time(8), slot_minutes=30).slots(day, VIENNA)
    assert (made[0][0], len(made)) == (first, slots)
    assert {end - begin for begin, end in made} == {timedelta(minutes=30)}
    assert all(before[1] == after[0] for before, after in pairwise(made))
    begin, end = bounds(day, day, VIENNA)
    assert all(begin <= each[0] < end for each in made)


def test_days_grow_on_from_where_they_were_and_stop_at_the_last() -> None:
    weekly = pattern(weekdays=(1, 3), last_day=date(2026, 3, 17))
    assert [day.day for day in weekly.days(date(2026, 12, 31))] == [2, 4, 9, 11, 16]
    assert [day.day for day in weekly.days(date(2026, 3, 9))] == [2, 4, 9]
    grown = pattern(weekdays=(1, 3), last_day=date(2026, 3, 17), grown_until=date(2026, 3, 9))
    assert [day.day for day in grown.days(date(2026, 12, 31))] == [11, 16]


@pytest.mark.parametrize(
    ("other", "clashes"),
    [
        ({}, True),
        ({"weekdays": (2, 3)}, False),
        ({"weekdays": (7, 1)}, True),
        ({"starts": time(10), "ends": time(12)}, False),
        ({"starts": time(9, 40), "ends": time(12)}, True),
        ({"first_day": date(2026, 4, 1)}, True),
        ({"first_day": date(2026, 1, 1), "last_day": date(2026, 3, 1)}, False),
        ({"first_day": date(2026, 1, 1), "last_day": MONDAY}, True),
    ],
)
def test_a_doctor_is_in_one_place_at_a_time(other: dict[str, Any], clashes: bool) -> None:
    assert pattern().clashes(pattern(**other)) is clashes
    assert pattern(**other).clashes(pattern()) is clashes


def test_a_pattern_ends_yesterday_at_the_earliest() -> None:
    today = date(2026, 3, 10)
    assert pattern().ended(date(2026, 3, 9), today).last_day == date(2026, 3, 9)
    assert pattern(first_day=date(2026, 4, 1)).ended(today, today).last_day == date(2026, 3, 31)
    for last_day, already in ((date(2026, 3, 8), None), (date(2026, 3, 20), date(2026, 3, 15))):
        with pytest.raises(HmsError) as raised:
            pattern(last_day=already).ended(last_day, today)
        assert raised.value.code is Code.CONFLICT
