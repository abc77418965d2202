"""How seals are computed."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from hms_rt.departments.audit.model import FIRST_DIGEST, LINE_FIELDS, canonical, digest, ranges

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LINE = {field: field for field in LINE_FIELDS} | {"id": 1, "at": NOW, "detail": {"b": 1, "a": None}}


@given(st.sets(st.integers(1, 60), min_size=1))
def test_ranges_cover_exactly_the_numbers_in_order(numbers: set[int]) -> None:
    made = ranges(sorted(numbers))
    assert [n for low, high in made for n in range(low, high + 1)] == sorted(numbers)
    assert all(low - 1 > before[1] for before, (low, _) in itertools.pairwise(made))


def test_a_line_reads_the_same_in_every_zone_and_order_of_keys() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert canonical(LINE) == canonical({**LINE, "at": elsewhere, "detail": {"a": None, "b": 1}})


def test_every_part_of_a_seal_counts() -> None:
    def seal(
        previous: bytes = FIRST_DIGEST,
        number: int = 1,
        at: datetime = NOW,
        high: int = 1,
        horizon: int = 9,
        settled: int = 0,
    ) -> bytes:
        return digest(
            previous, number=number, at=at, ids=((1, high),), horizon=horizon, settled=settled, lines=[LINE]
        )

    variants = {
        seal(),
        seal(previous=bytes([1]) * 32),
        seal(number=2),
        seal(at=NOW + timedelta(seconds=1)),
        seal(high=2),
        seal(horizon=8),
        seal(settled=1),
        digest(FIRST_DIGEST, number=1, at=NOW, ids=((1, 1),), horizon=9, settled=0, lines=[]),
    }
    assert len(variants) == 8


def test_every_field_of_a_line_counts() -> None:
    changed = {canonical({**LINE, field: "other"}) for field in LINE_FIELDS}
    assert len(changed | {canonical(LINE)}) == len(LINE_FIELDS) + 1
