"""Appointments and walk-ins in one line: what is promised to each holds, simulated and in the database."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hms_rt.departments.opd.model.line import LATE, Lane, called, in_order, lane_of
from hms_rt.departments.opd.model.token import Priority, Token, TokenState
from hms_rt.departments.opd.schemas.queue import ClinicIn, CounterIn, QueueQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.opd.bookings import Bookings
from tests.opd.conftest import MORNING, NOW, Opd, Query

MINUTE = timedelta(minutes=1)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def token(number: int, joined: datetime, due: datetime | None = None, **said: Any) -> Token:
    return Token(
        id=uuid.UUID(int=number),
        clinic="GEN",
        origin="GEN",
        day=joined.date(),
        number=number,
        category="A",
        priority=said.get("priority", Priority.ROUTINE),
        state=TokenState.WAITING,
        counter=None,
        patient_id=None,
        patient_name=None,
        mrn=None,
        issued_at=joined,
        queued_at=joined,
        since=joined,
        recorded_at=joined,
        due_at=due,
    )


def test_where_a_token_stands() -> None:
    assert lane_of(token(1, NINE), NINE) is Lane.WALK_IN
    assert lane_of(token(1, NINE, NINE + MINUTE), NINE) is Lane.EARLY
    assert lane_of(token(1, NINE, NINE), NINE) is Lane.DUE
    assert lane_of(token(1, NINE + LATE, NINE), NINE + LATE) is Lane.DUE
    assert lane_of(token(1, NINE + LATE + MINUTE, NINE), NINE + LATE + MINUTE) is Lane.WALK_IN
    assert lane_of(token(1, NINE, NINE + MINUTE, priority=Priority.URGENT), NINE) is Lane.URGENT


def test_the_order_of_a_whole_waiting_room() -> None:
    room = [
        token(1, NINE - 60 * MINUTE),
        token(2, NINE - 50 * MINUTE),
        token(3, NINE - 5 * MINUTE, NINE - MINUTE),
        token(4, NINE - 40 * MINUTE, NINE - 3 * MINUTE),
        token(5, NINE - 30 * MINUTE, NINE),
        token(6, NINE - 90 * MINUTE, NINE + 30 * MINUTE),
        token(7, NINE, NINE - 20 * MINUTE),  # late: a walk-in from now on
        token(8, NINE, priority=Priority.URGENT),
        token(9, NINE, priority=Priority.EMERGENCY),
    ]
    assert [each.number for each in in_order(room, NINE, 0, 2)] == [9, 8, 4, 3, 1, 5, 2, 7, 6]
    assert [each.number for each in in_order(room, NINE, 2, 2)] == [9, 8, 1, 4, 3, 2, 5, 7, 6]


@pytest.mark.parametrize("at_most", [1, 2, 4])
@pytest.mark.parametrize("seed", range(8))
def test_neither_walk_ins_nor_appointments_starve_whatever_the_load(at_most: int, seed: int) -> None:
    """Four hours of one doctor with twice the patients that can be seen. For everybody who waits it is
    counted who was called meanwhile: the promises of ``model.line`` hold at every call."""
    rng = random.Random(seed)
    share = rng.choice((0.2, 0.5, 0.8))
    waiting: list[Token] = []
    meanwhile: dict[int, dict[Lane, int]] = {}
    before: dict[int, int] = {}  # walk-ins who waited already when this one came
    in_row, calls = 0, dict.fromkeys(Lane, 0)
    for minute in range(240):
        now = NINE + minute * MINUTE
        for _ in range(rng.choice((0, 0, 1, 1, 1))):
            due = now + rng.randrange(-5, 20) * MINUTE if rng.random() < share else None
            waiting.append(token(minute + 1, now, due))
        for each in waiting:
            if each.number not in meanwhile and lane_of(each, now) in (Lane.DUE, Lane.WALK_IN):
                meanwhile[each.number] = dict.fromkeys(Lane, 0)
                before[each.number] = sum(lane_of(other, now) is Lane.WALK_IN for other in waiting) - 1
        if minute % 3 or not waiting:
            continue
        chosen = in_order(waiting, now, in_row, at_most)[0]
        lane = lane_of(chosen, now)
        in_row = called(lane, in_row, at_most)
        calls[lane] += 1
        waiting.remove(chosen)
        for each in waiting:
            if each.number not in meanwhile:
                continue
            others = meanwhile[each.number]
            others[lane] += 1
            if lane_of(each, now) is Lane.WALK_IN:
                assert others[Lane.DUE] <= (others[Lane.WALK_IN] + 1) * at_most
                assert each.due_at is not None or others[Lane.WALK_IN] <= before[each.number]
            else:
                assert others[Lane.WALK_IN] <= others[Lane.DUE] // at_most + 1
            assert lane is not Lane.EARLY, "somebody else waited"
    assert min(calls[Lane.DUE], calls[Lane.WALK_IN]) > 3, "both kinds were seen"


async def test_turns_are_kept_by_the_database_whoever_calls(
    bookings: Bookings, opd: Opd, clock: ManualClock, query: Query
) -> None:
    await bookings.schedule(capacity=5)
    due = [await bookings.arrive(await bookings.book(slot)) for slot in [(await bookings.today())[0]] * 5]
    walk_ins = [await opd.issue() for _ in range(3)]
    early = await bookings.arrive(await bookings.book((await bookings.today())[3]))
    clock.advance(timedelta(hours=1))  # nine o'clock, UTC
    queue = await opd.service.queue(SYSTEM, command(), "GEN", QueueQuery())
    expected = [each.number for each in queue.tokens]
    d, w = [each.token.number for each in due], [each.number for each in walk_ins]
    assert expected == [d[0], d[1], w[0], d[2], d[3], w[1], d[4], w[2], early.token.number]
    ahead = [(await opd.service.token(SYSTEM, command(), each.id)).wait for each in walk_ins]
    assert [each.ahead for each in ahead if each] == [2, 5, 7]
    numbers = []
    for _ in expected:
        called_now = await opd.call_next()
        numbers.append(called_now.number)
        await opd.service.serve(SYSTEM, command(), called_now.id, NOW)
        await opd.service.done(SYSTEM, command(), called_now.id, NOW)
    assert numbers == expected
    state = await query("SELECT in_row, at_most FROM opd_line WHERE clinic_code = 'GEN'")
    assert tuple(state[0]) == (0, 2)


async def test_a_clinic_says_how_many_appointments_in_a_row(
    bookings: Bookings, opd: Opd, clock: ManualClock
) -> None:
    await opd.service.define_clinic(
        SYSTEM, command(), ClinicIn(code="EAR", name="Ears", appointments_in_row=1)
    )
    await opd.service.define_counter(SYSTEM, command(), "EAR", CounterIn(code="X1", name="Room"))
    await bookings.schedule("EAR", capacity=3)
    slot = (await bookings.slots("EAR"))[0]
    due = [(await bookings.arrive(await bookings.book(slot))).token.number for _ in range(3)]
    walk_ins = [(await opd.issue("EAR")).number for _ in range(2)]
    clock.advance(timedelta(hours=1))
    numbers = []
    for _ in range(5):
        called_now = await opd.call_next("X1", "EAR")
        numbers.append(called_now.number)
        await opd.service.no_show(SYSTEM, command(), called_now.id, NOW)
    assert numbers == [due[0], walk_ins[0], due[1], walk_ins[1], due[2]]
    assert clock.now() > MORNING
