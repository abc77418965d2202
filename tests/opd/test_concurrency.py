"""Many people at once, and attacks on the database itself: its constraints hold the rules."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.opd.schemas.queue import (
    CancelIn,
    CounterIn,
    TokenIn,
    TransferIn,
)
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import command
from tests.opd.conftest import NOW, Opd, Query, refused

S = TokenState
TODAY = date(2026, 3, 2)


async def at_once(*doing: Any) -> tuple[list[Any], list[HmsError]]:
    """What succeeded, and what was refused; anything else fails the test."""
    outcomes = await asyncio.gather(*doing, return_exceptions=True)
    told = [outcome for outcome in outcomes if isinstance(outcome, HmsError)]
    broken = [outcome for outcome in outcomes if isinstance(outcome, BaseException) and outcome not in told]
    assert broken == []
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)], told


async def somebody_waits(query: Query) -> None:
    """Until a transaction waits for a lock of another."""
    async with asyncio.timeout(30):
        while not await query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            await asyncio.sleep(0.01)


async def test_twenty_people_issue_at_once_and_numbers_are_without_gap(opd: Opd) -> None:
    given, told = await at_once(*(opd.issue() for _ in range(20)))
    assert (sorted(token.number for token in given), told) == (list(range(1, 21)), [])
    day = await opd.service.day(SYSTEM, "GEN", TODAY)
    assert (day.last_number, day.waiting) == (20, 20)


async def test_ten_counters_call_next_at_once_and_nobody_is_called_twice(opd: Opd) -> None:
    counters = [f"C{number}" for number in range(10)]
    for code in counters:
        await opd.service.define_counter(SYSTEM, command(), "GEN", CounterIn(code=code, name=code))
    for _ in range(8):
        await opd.issue()
    called, told = await at_once(*(opd.call_next(counter) for counter in counters))
    assert sorted(token.number for token in called) == list(range(1, 9))
    assert len({token.counter for token in called}) == 8
    assert ["nobody is waiting" in error.detail for error in told] == [True, True]
    day = await opd.service.day(SYSTEM, "GEN", TODAY)
    assert (day.called, day.waiting) == (8, 0)


async def test_a_counter_pressed_five_times_at_once_calls_one(opd: Opd) -> None:
    tokens = [await opd.issue() for _ in range(6)]
    presses = (opd.call_next("G1") for _ in range(3))
    called, told = await at_once(*presses, *(opd.call(token, "G1") for token in tokens[4:]))
    assert (len(called), {error.code for error in told}) == (1, {Code.CONFLICT})
    assert (await opd.service.day(SYSTEM, "GEN", TODAY)).waiting == 5


async def test_one_token_is_moved_once_whoever_is_first(opd: Opd) -> None:
    token = await opd.issue()
    service = opd.service
    moved, told = await at_once(
        opd.call(token, "G1"),
        opd.call(token, "G2"),
        service.cancel(SYSTEM, command(), token.id, CancelIn(reason="went home")),
    )
    assert (len(moved), {error.code for error in told}) == (1, {Code.ILLEGAL_MOVE})


async def test_a_counter_does_not_close_on_a_patient(opd: Opd, query: Query) -> None:
    for _ in range(4):
        await opd.issue()
        await at_once(opd.call_next("G1"), opd.service.close_counter(SYSTEM, command(), "G1"))
        wrong = await query(
            "SELECT 1 FROM opd_token JOIN opd_counter ON code = counter_code AND NOT open "
            "WHERE state IN ('called', 'serving')"
        )
        assert wrong == []
        await opd.service.open_counter(SYSTEM, command(), "G1")
        for row in await query("SELECT id FROM opd_token WHERE state = 'called'"):
            await opd.service.recall(SYSTEM, command(), row.id, NOW)


async def test_transfers_to_and_fro_do_not_wait_for_each_other_in_a_circle(opd: Opd) -> None:
    here, there = await opd.until(S.SERVING, "G1"), await opd.issue("EYE")
    await opd.call_next("E1", "EYE")
    await opd.service.serve(SYSTEM, command(), there.id, NOW)
    moved, told = await at_once(
        opd.service.transfer(SYSTEM, command(), here.id, TransferIn(clinic="EYE")),
        opd.service.transfer(SYSTEM, command(), there.id, TransferIn(clinic="GEN")),
        *(opd.issue(clinic) for clinic in ("EYE", "GEN") * 3),
    )
    assert (len(moved), told) == (8, [])
    for clinic in ("EYE", "GEN"):
        day = await opd.service.day(SYSTEM, clinic, TODAY)
        assert (day.last_number, day.waiting, day.transferred) == (4, 4, 1)


async def test_counts_add_up_after_everybody_did_everything(opd: Opd, query: Query) -> None:
    async def patient(number: int) -> None:
        token = await opd.issue()
        await opd.service.hold(SYSTEM, command(), token.id, NOW)
        if number % 3:
            await opd.service.resume(SYSTEM, command(), token.id, NOW)
        if number % 2:
            await opd.service.cancel(SYSTEM, command(), token.id, CancelIn(reason="went home"))

    _, told = await at_once(*(patient(number) for number in range(12)))
    assert told == []
    really = Counter(row.state for row in await query("SELECT state FROM opd_token"))
    assert really == {"waiting": 4, "on_hold": 2, "cancelled": 6}
    day = (await opd.service.day(SYSTEM, "GEN", TODAY)).model_dump()
    assert {state.value: day[state.value] for state in S if day[state.value]} == really
    (sums,) = await query("SELECT waiting, on_hold FROM opd_summary WHERE clinic_code = 'GEN'")
    assert tuple(sums) == (4, 2)
    versions = await query("SELECT version FROM change_log WHERE stream = 'opd/clinic:GEN' ORDER BY version")
    assert [row.version for row in versions] == list(range(1, len(versions) + 1))


async def test_a_rolled_back_issue_leaves_no_gap(
    opd: Opd, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opd.issue()

    class PowerCutError(Exception):
        pass

    async def cut(uow: UnitOfWork) -> None:
        raise PowerCutError

    with monkeypatch.context() as patched:
        patched.setattr(UnitOfWork, "project", cut)
        for _ in range(3):
            with pytest.raises(PowerCutError):
                await opd.issue()
    await refused(Code.NOT_FOUND, opd.issue(patient_id=opd.nurse.id))
    given, _ = await at_once(*(opd.issue() for _ in range(3)))
    assert sorted(token.number for token in given) == [2, 3, 4]


async def test_a_retry_at_the_same_moment_issues_once(opd: Opd) -> None:
    pressed = command("opd.issue", key="twice")
    given, told = await at_once(
        *(opd.service.issue(opd.reception, pressed, "GEN", TokenIn()) for _ in range(5))
    )
    assert len({token.id for token in given}) == 1
    assert {error.code for error in told} <= {Code.IDEMPOTENCY_RUNNING}
    assert (await opd.service.day(SYSTEM, "GEN", TODAY)).last_number == 1


async def test_the_timer_locks_queues_before_sums_like_everybody(
    opd: Opd, hospital: Hospital, clock: ManualClock, query: Query
) -> None:
    await opd.issue()
    clock.advance(timedelta(days=1))
    async with hospital.engine.begin() as other:
        await other.execute(text("SELECT FROM opd_queue WHERE clinic_code = 'GEN' FOR UPDATE"))
        closing = asyncio.create_task(opd.service.close_past_days(SYSTEM, command()))
        await somebody_waits(query)
        await other.execute(text("SET LOCAL lock_timeout = '500ms'"))
        await other.execute(text("SELECT FROM opd_summary WHERE clinic_code = 'GEN' FOR UPDATE"))
    assert await closing == 1


ATTACKS = [
    ("number given twice", "UPDATE opd_token SET number = 1 WHERE number = 2", "opd_token_number_key"),
    ("two at a counter", "UPDATE opd_token SET state = 'called', counter_code = 'G1', called_at = now() "
     "WHERE number = 2", "opd_token_counter_busy_key"),
    ("called to nowhere", "UPDATE opd_token SET state = 'called', called_at = now() WHERE number = 2",
     "opd_token_counter_open_check"),
    ("called to a closed counter", "UPDATE opd_token SET state = 'called', counter_code = 'G2', "
     "called_at = now() WHERE number = 2", "opd_token_counter_open_check"),
    ("a counter of another clinic", "UPDATE opd_token SET state = 'called', counter_code = 'E1', "
     "called_at = now() WHERE number = 2", "opd_token_counter_fkey"),
    ("a counter closed on a patient", "UPDATE opd_counter SET open = false WHERE code = 'G1'",
     "opd_counter_idle_check"),
    ("called back to a counter that closed meanwhile", "UPDATE opd_token SET state = 'called', "
     "finished_at = NULL WHERE number = 3", "opd_token_counter_open_check"),
    ("served without a start", "UPDATE opd_token SET state = 'serving', serving_at = NULL WHERE number = 1",
     "opd_token_serving_check"),
    ("finished without an end", "UPDATE opd_token SET state = 'cancelled' WHERE number = 2",
     "opd_token_finished_check"),
    ("an end while waiting", "UPDATE opd_token SET finished_at = now() WHERE number = 2",
     "opd_token_finished_check"),
    ("a state nobody knows", "UPDATE opd_token SET state = 'lost' WHERE number = 2", "opd_token_state_check"),
    ("a priority nobody knows", "UPDATE opd_token SET priority = 'vip' WHERE number = 2",
     "opd_token_priority_check"),
    ("number zero", "UPDATE opd_token SET number = 0 WHERE number = 2", "opd_token_number_check"),
    ("somebody else's letter", "UPDATE opd_token SET category = 'Z' WHERE number = 2",
     "opd_token_category_fkey"),
    ("a foreign queue without a transfer", "UPDATE opd_token SET clinic_code = 'EYE' WHERE number = 2",
     "opd_token_origin_check"),
    ("a day without a queue", "UPDATE opd_token SET day = '2020-01-01' WHERE number = 2",
     "opd_token_queue_fkey"),
    ("a patient nobody knows", "UPDATE opd_token SET patient_id = gen_random_uuid() WHERE number = 2",
     "opd_token_patient_id_fkey"),
    ("fewer than none waiting", "UPDATE opd_queue SET waiting = -1", "opd_queue_waiting_check"),
    ("history rewritten", "UPDATE opd_token_event SET move = 'call'", None),
    ("history deleted", "DELETE FROM opd_token_event", None),
    ("history emptied", "TRUNCATE opd_token_event", None),
]  # fmt: skip


async def test_the_database_itself_refuses_every_attack_on_a_rule(opd: Opd, hospital: Hospital) -> None:
    await opd.until(S.CALLED, "G1")
    await opd.issue()
    await opd.until(S.DONE, "G2")
    await opd.service.close_counter(SYSTEM, command(), "G2")
    for what, statement, rule in ATTACKS:
        with pytest.raises(DBAPIError) as raised:
            async with hospital.engine.begin() as connection:
                await connection.execute(text(statement))
        if rule is None:
            assert "append-only" in str(raised.value), what
        else:
            assert isinstance(raised.value, IntegrityError), what
            assert violated(raised.value) == rule, what


async def test_a_number_goes_on_in_one_queue_only(opd: Opd, query: Query) -> None:
    token = await opd.until(S.SERVING)
    await opd.service.transfer(SYSTEM, command(), token.id, TransferIn(clinic="EYE"))
    with pytest.raises(IntegrityError, match="opd_token_unfinished_key"):
        await query("UPDATE opd_token SET state = 'waiting', finished_at = NULL WHERE id = :id", id=token.id)
    columns = (
        "clinic_code, origin_code, day, number, category, priority, issued_at, queued_at, since, "
        "recorded_at, changed_at, finished_at, version, transferred_from"
    )
    with pytest.raises(IntegrityError, match="opd_token_transferred_from_key"):
        await query(
            f"INSERT INTO opd_token (id, state, {columns}) SELECT gen_random_uuid(), 'cancelled', "
            f"{columns.replace('finished_at', 'now()')} FROM opd_token WHERE transferred_from = :id",
            id=token.id,
        )


async def test_a_refusal_by_the_database_itself_is_told_like_any_other(
    opd: Opd, hospital: Hospital, query: Query
) -> None:
    """The counter is taken between the caller's checks and its write."""
    first, second = await opd.issue(), await opd.issue()
    taken = "UPDATE opd_token SET state = 'called', counter_code = 'G1', called_at = now() WHERE id = :id"
    async with hospital.engine.begin() as other:
        await other.execute(text(taken), {"id": first.id})
        pressed = asyncio.create_task(opd.call(second, "G1"))
        await somebody_waits(query)
        passed_over = await refused(Code.CONFLICT, opd.call_next("G2"))
    assert "nobody is waiting" in passed_over.detail
    assert "finish first" in (await refused(Code.CONFLICT, pressed)).detail
