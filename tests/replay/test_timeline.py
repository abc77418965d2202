"""The order of a replay: by time, case by case, laboratory rows of one moment together."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from hms_rt.replay.irregular import (
    AFTER_RELEASE,
    BEFORE_REGISTRATION,
    NEVER_RELEASED,
    busiest,
    irregularities,
)
from hms_rt.replay.log import Row
from hms_rt.replay.mapping import LogMapping, parse_mapping, snake_case
from hms_rt.replay.timeline import END, Batch, Timeline, plan

START = datetime(2026, 3, 2, 8, tzinfo=UTC)

MAPPING = """
title = "small"
case = "c"
activity = "a"
recognise = ["c"]
end = [{ do = "finish" }]
end_after_minutes = 30
time = { column = "t", format = "%H:%M" }
person = { mrn = "X-{c}", family_name = "{c}" }

[activities]
in = [{ do = "arrive", clinic = "ER" }]
crp = [{ do = "lab", test = "CRP", value = "{v}" }]
wbc = [{ do = "lab", test = "WBC", value = "{v}" }]
stat = [{ do = "lab", test = "K", value = "{v}", priority = "stat" }]
ward = [{ do = "admit", ward = "NC" }]
out = [{ do = "release" }]
back = [{ do = "return", clinic = "ER" }]
"""


def mapping(*, ending: bool = False) -> LogMapping:
    made = parse_mapping(MAPPING, "small.toml")
    return made if ending else made.model_copy(update={"end": ()})


def rows(*events: tuple[str, str, int]) -> list[Row]:
    """(case, activity, minute) each."""
    numbers = count(1)
    made = [Row(next(numbers), c, a, START + timedelta(minutes=m), {"v": "1"}) for c, a, m in events]
    return sorted(made, key=lambda row: (row.at, row.number))


def test_laboratory_rows_of_one_case_and_moment_are_one_order_and_no_others() -> None:
    log = rows(
        ("A", "crp", 1),
        ("A", "wbc", 1),
        ("A", "stat", 1),  # another priority
        ("B", "crp", 1),  # another case
        ("A", "crp", 2),  # another moment
        ("A", "wbc", 2),
        ("A", "crp", 2),  # the same test again
    )
    batches = [[row.number for row in batch.rows] for batch in plan(log, mapping())]
    assert batches == [[1, 2], [3], [4], [5, 6], [7]]


def test_a_case_ends_once_after_its_last_row_among_the_events_of_others() -> None:
    log = rows(("A", "in", 0), ("A", "out", 5), ("B", "in", 20), ("B", "out", 50))
    batches = plan(log, mapping(ending=True))
    assert [(b.case, b.rows[0].activity) for b in batches] == [
        ("A", "in"),
        ("A", "out"),
        ("B", "in"),
        ("A", END),
        ("B", "out"),
        ("B", END),
    ]


@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from(["in", "crp", "ward"]), st.integers(0, 20))),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_every_row_is_played_once_in_its_cases_order_and_no_case_twice_at_once(
    events: list[tuple[str, str, int]], window: int, random: object
) -> None:
    log = rows(*events)
    batches = plan(log, mapping())
    timeline = Timeline(batches, window=window)
    running: list[Batch] = []
    played: list[Batch] = []
    while True:
        while (batch := timeline.take()) is not None:
            assert batch.case not in {other.case for other in running}
            running.append(batch)
            played.append(batch)
        if not running:
            break
        timeline.done(running.pop(random.randrange(len(running))))  # type: ignore[attr-defined]
    assert sorted(row.number for batch in played for row in batch.rows) == [r + 1 for r in range(len(log))]
    for case in "ABCD":
        mine = [row for batch in played for row in batch.rows if row.case == case]
        assert mine == [row for row in log if row.case == case]


def test_later_events_overtake_a_busy_case_by_the_window_at_most() -> None:
    log = rows(("A", "in", 0), ("A", "ward", 1), ("A", "out", 2), ("B", "in", 3), ("C", "in", 4))
    timeline = Timeline(plan(log, mapping()), window=3)
    first, second, third = timeline.take(), timeline.take(), timeline.take()
    assert first is not None
    assert second is not None
    assert (first.case, second.case) == ("A", "B")
    assert third is not None, "B is out of the way: C is among the next three"
    assert third.case == "C"
    timeline.done(first)
    again = timeline.take()
    assert again is not None
    assert again.rows[0].activity == "ward"
    assert [batch.rows[0].activity for batch in timeline.drain()] == ["out"]

    narrow = Timeline(plan(log, mapping()), window=2)
    assert narrow.take() is not None
    assert narrow.take() is None, "B is the third of those that wait"


def named(*events: tuple[str, str, int]) -> dict[str, Sequence[str]]:
    return dict(irregularities(rows(*events), mapping()))


def test_irregular_cases_are_named() -> None:
    assert named(("A", "in", 0), ("A", "ward", 1), ("A", "out", 2), ("A", "back", 3)) == {}
    assert named(("A", "crp", 0), ("A", "in", 1)) == {BEFORE_REGISTRATION: ["A"]}
    assert named(("A", "in", 0), ("A", "ward", 1)) == {NEVER_RELEASED: ["A"]}
    assert named(("A", "in", 0), ("A", "out", 1), ("A", "crp", 2)) == {AFTER_RELEASE: ["A"]}


def test_beds_are_counted_for_the_busiest_moment() -> None:
    log = rows(
        ("A", "ward", 0),
        ("B", "ward", 1),
        ("A", "ward", 2),
        ("A", "out", 3),
        ("C", "ward", 4),
        ("B", "out", 5),
    )
    assert busiest(log, mapping()) == {"NC": 2}
    assert busiest(log, mapping(), ahead=1) == {"NC": 3}, "C comes before A has left"


def test_columns_become_fields_of_an_entry() -> None:
    names = ("SIRSCritHeartRate", "DiagnosticECG", "org:group", "Case ID", "2nd look")
    assert [snake_case(name) for name in names] == [
        "sirs_crit_heart_rate",
        "diagnostic_ecg",
        "org_group",
        "case_id",
        "c_2nd_look",
    ]
