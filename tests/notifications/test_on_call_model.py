"""Rotas by the clocks on the wall, who is on call after covers, and gaps."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from hms_rt.departments.notifications.model.on_call import (
    Cover,
    Duty,
    RotaLine,
    Shift,
    duties,
    gaps,
    part_of,
    turns,
)
from hms_rt.kernel.errors import HmsError

VIENNA = ZoneInfo("Europe/Vienna")
ADA, BEA = uuid.UUID(int=1), uuid.UUID(int=2)
ALL_DAYS = frozenset(range(1, 8))
HOUR = timedelta(hours=1)


def at(hour: int, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "night", "daytime"),
    [(date(2026, 3, 28), 11, 12), (date(2026, 10, 24), 13, 12), (date(2026, 6, 1), 12, 12)],
    ids=["clocks are put forward", "clocks are put back", "an ordinary night"],
)
def test_a_night_is_as_long_as_it_is_and_the_day_follows_without_gap(
    day: date, night: int, daytime: int
) -> None:
    lines = [
        RotaLine(ADA, ALL_DAYS, time(20), time(8)),
        RotaLine(BEA, ALL_DAYS, time(8), time(20)),
    ]
    made = turns(lines, weeks=1, valid_from=day, valid_until=day + timedelta(days=1), zone=VIENNA)
    assert [(one.user_id, (one.ends_at - one.starts_at) // HOUR) for one in made[:3]] == [
        (BEA, daytime),
        (ADA, night),
        (BEA, daytime),
    ]
    assert all(one.ends_at == after.starts_at for one, after in pairwise(made))


def test_a_shift_that_begins_in_the_hour_that_does_not_exist_still_has_no_gap() -> None:
    lines = [
        RotaLine(ADA, ALL_DAYS, time(14), time(2, 30)),
        RotaLine(BEA, ALL_DAYS, time(2, 30), time(14)),
    ]
    made = turns(lines, weeks=1, valid_from=date(2026, 3, 28), valid_until=date(2026, 3, 30), zone=VIENNA)
    assert all(one.ends_at == after.starts_at for one, after in pairwise(made))


def test_weeks_of_a_cycle_take_turns() -> None:
    lines = [
        RotaLine(ADA, frozenset({1}), time(8), time(20), week=1),
        RotaLine(BEA, frozenset({1}), time(8), time(20), week=2),
    ]
    made = turns(lines, weeks=2, valid_from=date(2026, 3, 4), valid_until=date(2026, 3, 31), zone=VIENNA)
    assert [(one.user_id, one.starts_at.day) for one in made] == [(BEA, 9), (ADA, 16), (BEA, 23), (ADA, 30)]


def test_a_rota_is_bounded() -> None:
    lines = [RotaLine(ADA, ALL_DAYS, time(8), time(9))] * 4
    with pytest.raises(HmsError, match="over 2000 shifts"):
        turns(lines, weeks=1, valid_from=date(2026, 1, 1), valid_until=date(2028, 1, 1), zone=VIENNA)


def shift(*covers: tuple[int, int]) -> Shift:
    standing = tuple(Cover(uuid.uuid4(), BEA, at(begins), at(ends), "ill") for begins, ends in covers)
    return Shift(uuid.uuid4(), 1, "ICU", ADA, None, at(8), at(20), 1, standing)


def test_covers_cut_a_shift() -> None:
    assert list(duties(shift())) == [Duty(ADA, at(8), at(20))]
    assert list(duties(shift((8, 20)))) == [Duty(BEA, at(8), at(20), ADA)]
    assert list(duties(shift((16, 20), (10, 12)))) == [
        Duty(ADA, at(8), at(10)),
        Duty(BEA, at(10), at(12), ADA),
        Duty(ADA, at(12), at(16)),
        Duty(BEA, at(16), at(20), ADA),
    ]


def test_gaps_are_what_nobody_has() -> None:
    assert gaps([], at(8), at(20)) == [(at(8), at(20))]
    some = [Duty(ADA, at(6), at(9)), Duty(BEA, at(8), at(10)), Duty(ADA, at(12), at(13))]
    assert gaps(some, at(8), at(20)) == [(at(10), at(12)), (at(13), at(20))]
    assert gaps([Duty(ADA, at(6), at(22))], at(8), at(20)) == []
    assert gaps([Duty(ADA, at(21), at(22))], at(8), at(20)) == [(at(8), at(20))]


@pytest.mark.parametrize(("since", "until"), [(7, 10), (10, 21), (12, 12), (14, 12)])
def test_a_cover_lies_within_its_shift(since: int, until: int) -> None:
    assert part_of(shift(), None, None) == (at(8), at(20))
    with pytest.raises(HmsError):
        part_of(shift(), at(since), at(until))
