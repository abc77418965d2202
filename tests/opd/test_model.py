"""The token's state machine, every pair of states by hand; days, labels, and the estimate of a wait."""

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hms_rt.departments.opd.model.token import (
    MOVES,
    UNFINISHED,
    Move,
    Priority,
    Token,
    TokenState,
    hospital_day,
    legal_moves,
    to_milliseconds,
)
from hms_rt.departments.opd.model.waiting import Pace, Wait, estimate
from hms_rt.kernel.errors import Code, HmsError

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
S = TokenState
M = Move

# From the design's table of states; written out here so that the model cannot agree with itself only.
LEGAL = {
    (S.WAITING, S.CALLED): M.CALL,
    (S.CALLED, S.SERVING): M.SERVE,
    (S.SERVING, S.DONE): M.DONE,
    (S.CALLED, S.WAITING): M.RECALL,
    (S.CALLED, S.ON_HOLD): M.HOLD,
    (S.CALLED, S.NO_SHOW): M.NO_SHOW,
    (S.NO_SHOW, S.WAITING): M.REQUEUE,
    (S.WAITING, S.ON_HOLD): M.HOLD,
    (S.ON_HOLD, S.WAITING): M.RESUME,
    (S.SERVING, S.WAITING): M.REQUEUE,
    (S.SERVING, S.TRANSFERRED): M.TRANSFER,
    (S.WAITING, S.CANCELLED): M.CANCEL,
    (S.ON_HOLD, S.CANCELLED): M.CANCEL,
    (S.WAITING, S.CLOSED): M.DAY_END,
    (S.CALLED, S.CLOSED): M.DAY_END,
    (S.SERVING, S.CLOSED): M.DAY_END,
    (S.ON_HOLD, S.CLOSED): M.DAY_END,
    (S.NO_SHOW, S.CLOSED): M.DAY_END,
}
FINISHED = {S.DONE, S.TRANSFERRED, S.CANCELLED, S.CLOSED}
PAIRS = [(before, after) for before in S for after in S]


def token(state: TokenState, **changes: object) -> Token:
    at_counter = state in (S.CALLED, S.SERVING, S.DONE)
    return Token(
        id=uuid.uuid4(),
        clinic="GEN",
        origin="GEN",
        day=NOW.date(),
        number=17,
        category="A",
        priority=Priority.ROUTINE,
        state=state,
        counter="G1" if at_counter else None,
        patient_id=None,
        patient_name=None,
        mrn=None,
        issued_at=NOW,
        queued_at=NOW,
        since=changes.get("since", NOW),  # type: ignore[arg-type]
        recorded_at=NOW,
        called_at=NOW if at_counter else None,
        serving_at=NOW if at_counter and state is not S.CALLED else None,
        finished_at=NOW if state in FINISHED else None,
    )


def test_the_table_of_moves_is_the_designs() -> None:
    assert {
        (before, after): move for move, steps in MOVES.items() for before, after in steps.items()
    } == LEGAL
    assert set(S) - UNFINISHED == FINISHED


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_every_pair_of_states_is_reached_by_its_legal_move_or_by_none(before: S, after: S) -> None:
    reaching = []
    for move in Move:
        try:
            moved = token(before).moved(move, LATER, counter="G2", reason="why not")
        except HmsError:
            continue
        if moved.state is after:
            reaching.append(move)
            assert (moved.since, moved.version, moved.reason) == (LATER, 2, "why not")
    assert reaching == ([LEGAL[before, after]] if (before, after) in LEGAL else [])


@pytest.mark.parametrize("move", list(Move))
@pytest.mark.parametrize("before", list(S))
def test_an_illegal_move_names_the_state_and_the_legal_ones(before: S, move: Move) -> None:
    legal = {made for (start, _), made in LEGAL.items() if start is before}
    assert set(legal_moves(before)) == legal
    if move in legal:
        return
    with pytest.raises(HmsError) as raised:
        token(before).moved(move, LATER)
    assert raised.value.code is Code.ILLEGAL_MOVE
    assert raised.value.fields == {"state": before, "move": move, "legal": sorted(legal)}


def test_a_token_at_a_counter_knows_since_when_and_is_let_go_with_all_of_it() -> None:
    called = token(S.WAITING).moved(M.CALL, LATER, counter="G2")
    assert (called.counter, called.called_at, called.serving_at) == ("G2", LATER, None)
    serving = called.moved(M.SERVE, LATER + timedelta(minutes=1))
    assert (serving.counter, serving.called_at) == ("G2", LATER)
    assert serving.serving_at == LATER + timedelta(minutes=1)
    for let_go in (
        called.moved(M.RECALL, LATER),
        called.moved(M.NO_SHOW, LATER),
        called.moved(M.HOLD, LATER),
    ):
        assert (let_go.counter, let_go.called_at, let_go.queued_at) == (None, None, NOW)
    back = serving.moved(M.REQUEUE, serving.since)
    assert (back.counter, back.called_at, back.serving_at, back.queued_at) == (None, None, None, NOW)
    done = serving.moved(M.DONE, LATER + timedelta(minutes=9))
    assert (done.counter, done.called_at, done.finished_at) == ("G2", LATER, LATER + timedelta(minutes=9))


def test_a_late_entry_is_not_from_before_the_last_move_but_clocks_may_drift() -> None:
    waiting = token(S.WAITING, since=NOW)
    assert waiting.moved(M.HOLD, NOW - timedelta(minutes=5)).since == NOW
    with pytest.raises(HmsError, match="before what already happened") as raised:
        waiting.moved(M.HOLD, NOW - timedelta(minutes=5, seconds=1))
    assert raised.value.code is Code.INVALID


def test_a_transfer_goes_on_with_the_same_number_at_the_end_of_the_other_line() -> None:
    ended = token(S.SERVING).moved(M.TRANSFER, LATER)
    onward = ended.continued(uuid.uuid4(), "EYE", LATER)
    assert (ended.state, ended.finished_at) == (S.TRANSFERRED, LATER)
    assert (onward.label, onward.origin, onward.clinic, onward.day) == ("A-017", "GEN", "EYE", ended.day)
    assert (onward.state, onward.queued_at, onward.issued_at) == (S.WAITING, LATER, NOW)
    assert (onward.transferred_from, onward.version, onward.counter) == (ended.id, 1, None)


def test_emergencies_come_first() -> None:
    assert [priority.rank for priority in (Priority.EMERGENCY, Priority.URGENT, Priority.ROUTINE)] == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 3, 1, 23, 0, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), date(2026, 7, 2)),
    ],
)
def test_a_day_begins_at_midnight_of_the_hospital_in_summer_and_winter(moment: datetime, day: date) -> None:
    assert hospital_day(moment, ZoneInfo("Europe/Vienna")) == day


def test_times_are_cut_to_what_the_wire_tells() -> None:
    assert to_milliseconds(NOW.replace(microsecond=123_999)) == NOW.replace(microsecond=123_000)


def pace(
    services: int = 5, mean: float = 600, deviation: float = 200, counters: int = 2, busy: int = 2
) -> Pace:
    return Pace(services=services, mean_s=mean, deviation_s=deviation, counters=counters, busy=busy)


@pytest.mark.parametrize(
    ("ahead", "given", "expected"),
    [
        (0, pace(), Wait(300, 428)),  # one service over two counters: 300 ± 100
        (3, pace(), Wait(1200, 1456)),  # four services: 1200 ± 200
        (0, pace(busy=1), Wait(0, 0)),  # an idle counter takes the next one at once
        (1, pace(busy=0), Wait(0, 0)),
        (2, pace(busy=0), Wait(300, 428)),
        (3, pace(counters=1, busy=1, deviation=0), Wait(2400, 2400)),
        (0, pace(busy=5), Wait(300, 428)),  # more patients than open counters: none is idle
    ],
)
def test_the_wait_follows_from_services_before_and_open_counters(
    ahead: int, given: Pace, expected: Wait
) -> None:
    assert estimate(ahead, given) == expected


def test_nothing_is_promised_without_open_counters_or_services() -> None:
    assert estimate(0, pace(counters=0)) is None
    assert estimate(0, pace(services=4)) is None
