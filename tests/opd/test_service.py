"""A token's way through a clinic: numbers, lines, counters, moves, and what is told of them."""

from datetime import date, timedelta
from typing import Any

from hms_rt.departments.opd.model.token import Priority, TokenState
from hms_rt.departments.opd.schemas.queue import (
    CallIn,
    CancelIn,
    ClinicIn,
    CounterIn,
    Late,
    NextIn,
    TokenIn,
    TokenQuery,
    TransferIn,
)
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.opd.conftest import MORNING, NOW, Opd, Query, refused

S = TokenState
TODAY = date(2026, 3, 2)
MINUTE = timedelta(minutes=1)


async def counts(opd: Opd, day: date = TODAY, clinic: str = "GEN") -> dict[str, Any]:
    """What is not zero of a day's queue."""
    sums = (await opd.service.day(SYSTEM, clinic, day)).model_dump(exclude={"clinic", "day"})
    return {name: value for name, value in sums.items() if value}


async def test_numbers_run_through_the_categories_of_a_clinic(opd: Opd) -> None:
    patient = await opd.patient()
    first = await opd.issue(patient_id=patient)
    second = await opd.issue(category="B")
    other = await opd.issue("EYE")
    assert [token.label for token in (first, second, other)] == ["A-001", "B-002", "A-001"]
    assert (first.patient_name, first.state, first.day, first.version) == ("Curie", S.WAITING, TODAY, 1)
    assert (first.issued_at, first.queued_at, first.clinic, first.origin) == (MORNING, MORNING, "GEN", "GEN")
    assert second.patient_id is None
    assert await counts(opd) == {"waiting": 2, "last_number": 2}


async def test_what_does_not_exist_is_named(opd: Opd) -> None:
    ghost = opd.nurse.id
    assert "clinic NONE" in (await refused(Code.NOT_FOUND, opd.issue("NONE"))).detail
    assert "has A, B" in (await refused(Code.INVALID, opd.issue(category="Z"))).detail
    await refused(Code.NOT_FOUND, opd.issue(patient_id=ghost))
    await refused(Code.NOT_FOUND, opd.service.serve(SYSTEM, command(), ghost, NOW))
    await refused(Code.NOT_FOUND, opd.service.call(SYSTEM, command(), ghost, CallIn(counter="G1")))
    await refused(Code.NOT_FOUND, opd.service.transfer(SYSTEM, command(), ghost, TransferIn(clinic="EYE")))
    await refused(Code.NOT_FOUND, opd.service.token(SYSTEM, command(), ghost))
    await refused(Code.NOT_FOUND, opd.call_next("X9"))
    await refused(Code.NOT_FOUND, opd.call_next(clinic="NONE"))
    await refused(Code.NOT_FOUND, opd.service.close_counter(SYSTEM, command(), "X9"))
    assert await counts(opd) == {}


async def test_codes_of_clinics_and_counters_are_given_once(opd: Opd) -> None:
    service = opd.service
    again = ClinicIn(code="GEN", name="Again")
    await refused(Code.CONFLICT, service.define_clinic(SYSTEM, command(), again))
    counter = CounterIn(code="G1", name="Again")
    await refused(Code.CONFLICT, service.define_counter(SYSTEM, command(), "EYE", counter))
    await refused(Code.NOT_FOUND, service.define_counter(SYSTEM, command(), "NONE", counter))


async def test_the_next_is_the_most_urgent_then_who_came_first(opd: Opd, clock: ManualClock) -> None:
    for priority in (Priority.ROUTINE, Priority.URGENT, Priority.EMERGENCY, Priority.URGENT):
        await opd.issue(priority=priority)
        clock.advance(MINUTE)
    await opd.issue(occurred_at=MORNING - MINUTE)  # entered late: was there before all others
    numbers = []
    for _ in range(5):
        called = await opd.call_next()
        numbers.append(called.number)
        await opd.service.serve(SYSTEM, command(), called.id, NOW)
        await opd.service.done(SYSTEM, command(), called.id, NOW)
    assert numbers == [3, 2, 4, 5, 1]
    assert "nobody is waiting" in (await refused(Code.CONFLICT, opd.call_next())).detail
    assert await counts(opd) == {"done": 5, "last_number": 5}


async def test_a_counter_serves_one_patient_at_a_time(opd: Opd) -> None:
    first, second = await opd.issue(), await opd.issue()
    called = await opd.call_next()
    assert (called.id, called.state, called.counter) == (first.id, S.CALLED, "G1")
    assert "finish first" in (await refused(Code.CONFLICT, opd.call_next())).detail
    assert "finish first" in (await refused(Code.CONFLICT, opd.call(second))).detail
    assert (await opd.call_next("G2")).id == second.id
    await refused(Code.ILLEGAL_MOVE, opd.call(second, "G1"))


async def test_nobody_is_called_to_a_closed_or_foreign_counter(opd: Opd) -> None:
    token = await opd.issue()
    closed = await opd.service.close_counter(SYSTEM, command(), "G2")
    assert (closed.open, closed.version) == (False, 2)
    assert await opd.service.close_counter(SYSTEM, command(), "G2") == closed
    assert "open it first" in (await refused(Code.CONFLICT, opd.call_next("G2"))).detail
    assert "not one of clinic GEN" in (await refused(Code.CONFLICT, opd.call(token, "E1"))).detail
    await opd.service.open_counter(SYSTEM, command(), "G2")
    await opd.call_next("G2")
    stays = opd.service.close_counter(SYSTEM, command(), "G2")
    assert "finish first" in (await refused(Code.CONFLICT, stays)).detail


async def test_a_call_taken_back_puts_the_token_at_its_old_place(opd: Opd, clock: ManualClock) -> None:
    first, second = await opd.issue(), await opd.issue()
    await opd.call_next()
    clock.advance(MINUTE)
    back = await opd.service.recall(SYSTEM, command(), first.id, NOW)
    assert (back.state, back.counter, back.called_at, back.version) == (S.WAITING, None, None, 3)
    assert [(await opd.call_next(counter)).id for counter in ("G1", "G2")] == [first.id, second.id]


async def test_a_service_from_the_call_to_the_end_and_its_history(
    opd: Opd, clock: ManualClock, query: Query
) -> None:
    patient = await opd.patient()
    token = await opd.issue(patient_id=patient)
    clock.advance(MINUTE)
    await opd.service.call_next(opd.nurse, command(), "GEN", NextIn(counter="G1"))
    clock.advance(MINUTE)
    await opd.service.serve(opd.nurse, command(), token.id, NOW)
    clock.advance(5 * MINUTE)
    done = await opd.service.done(opd.nurse, command(), token.id, NOW)
    assert (done.state, done.counter, done.version) == (S.DONE, "G1", 4)
    times = [done.issued_at, done.called_at, done.serving_at, done.finished_at]
    assert times == [MORNING + minutes * MINUTE for minutes in (0, 1, 2, 7)]
    steps = (await opd.service.history(opd.nurse, command(), token.id)).items
    assert [(step.move, step.before, step.after, step.counter) for step in steps] == [
        ("issue", None, S.WAITING, None),
        ("call", S.WAITING, S.CALLED, "G1"),
        ("serve", S.CALLED, S.SERVING, "G1"),
        ("done", S.SERVING, S.DONE, "G1"),
    ]
    assert {step.principal_id for step in steps} == {opd.reception.id, opd.nurse.id}
    audited = await query("SELECT action FROM audit_log WHERE patient_id = :id ORDER BY id", id=patient)
    said = [row.action for row in audited if row.action.startswith("token.")]
    assert said == ["token.issue", "token.call", "token.serve", "token.done", "token.read"]


async def test_on_hold_nobody_calls_a_token_until_it_is_resumed(opd: Opd) -> None:
    token = await opd.issue()
    await opd.service.hold(opd.nurse, command(), token.id, NOW)
    await refused(Code.CONFLICT, opd.call_next())
    await refused(Code.ILLEGAL_MOVE, opd.call(token))
    await opd.service.resume(opd.nurse, command(), token.id, NOW)
    await opd.call_next()
    held = await opd.service.hold(opd.nurse, command(), token.id, NOW)
    assert (held.state, held.counter) == (S.ON_HOLD, None)
    assert await counts(opd) == {"on_hold": 1, "last_number": 1}


async def test_who_did_not_come_waits_again_and_who_is_sent_to_the_laboratory_too(opd: Opd) -> None:
    token = await opd.until(S.CALLED)
    missed = await opd.service.no_show(SYSTEM, command(), token.id, NOW)
    assert (missed.state, missed.counter) == (S.NO_SHOW, None)
    await refused(Code.CONFLICT, opd.call_next())
    assert (await opd.service.requeue(SYSTEM, command(), token.id, NOW)).state is S.WAITING
    await opd.call_next()
    await opd.service.serve(SYSTEM, command(), token.id, NOW)
    back = await opd.service.requeue(SYSTEM, command(), token.id, NOW)
    assert (back.state, back.counter, back.serving_at) == (S.WAITING, None, None)
    assert (await opd.call_next()).id == token.id


async def test_a_transfer_keeps_number_label_and_priority(opd: Opd, clock: ManualClock) -> None:
    await opd.issue("EYE")
    await opd.issue()
    serving = await opd.call(await opd.issue(category="B", priority=Priority.URGENT))
    eye = TransferIn(clinic="EYE")
    await refused(Code.ILLEGAL_MOVE, opd.service.transfer(opd.nurse, command(), serving.id, eye))
    await opd.service.serve(opd.nurse, command(), serving.id, NOW)
    clock.advance(MINUTE)
    same = opd.service.transfer(opd.nurse, command(), serving.id, TransferIn(clinic="GEN"))
    await refused(Code.CONFLICT, same)
    nowhere = opd.service.transfer(opd.nurse, command(), serving.id, TransferIn(clinic="NONE"))
    await refused(Code.NOT_FOUND, nowhere)
    onward = await opd.service.transfer(opd.nurse, command(), serving.id, eye)
    assert (onward.label, onward.priority, onward.origin, onward.clinic) == ("B-002", "urgent", "GEN", "EYE")
    assert (onward.state, onward.transferred_from, onward.queued_at) == (S.WAITING, serving.id, clock.now())
    ended = await opd.service.token(SYSTEM, command(), serving.id)
    assert (ended.state, ended.finished_at) == (S.TRANSFERRED, clock.now())
    assert await counts(opd) == {"waiting": 1, "transferred": 1, "last_number": 2}
    assert await counts(opd, clinic="EYE") == {"waiting": 2, "last_number": 1}
    assert (await opd.issue("EYE")).number == 2
    assert (await opd.call_next("E1", "EYE")).id == onward.id
    steps = (await opd.service.history(SYSTEM, command(), onward.id)).items
    assert [(step.move, step.before) for step in steps[-2:]] == [("transfer", None), ("call", S.WAITING)]
    assert {step.clinic for step in steps} == {"GEN", "EYE"}


async def test_a_transferred_patient_may_come_back_under_the_same_number(opd: Opd) -> None:
    token = await opd.until(S.SERVING)
    onward = await opd.service.transfer(SYSTEM, command(), token.id, TransferIn(clinic="EYE"))
    await opd.call_next("E1", "EYE")
    await opd.service.serve(SYSTEM, command(), onward.id, NOW)
    back = await opd.service.transfer(SYSTEM, command(), onward.id, TransferIn(clinic="GEN"))
    assert (back.clinic, back.label, back.origin) == ("GEN", "A-001", "GEN")
    await refused(
        Code.ILLEGAL_MOVE, opd.service.transfer(SYSTEM, command(), token.id, TransferIn(clinic="EYE"))
    )


async def test_a_cancelled_number_is_not_given_again(opd: Opd) -> None:
    token = await opd.issue()
    gone = await opd.service.cancel(opd.reception, command(), token.id, CancelIn(reason="went home"))
    assert (gone.state, gone.reason, gone.finished_at) == (S.CANCELLED, "went home", MORNING)
    called = await opd.until(S.CALLED)
    assert called.number == 2
    no = opd.service.cancel(SYSTEM, command(), called.id, CancelIn(reason="went home"))
    assert (await refused(Code.ILLEGAL_MOVE, no)).fields["legal"] == [
        "day_end",
        "hold",
        "no_show",
        "recall",
        "serve",
    ]


async def test_a_late_entry_belongs_to_the_day_on_which_it_occurred(opd: Opd) -> None:
    await opd.issue()
    yesterday = MORNING - timedelta(days=1)
    late = await opd.issue(occurred_at=yesterday)
    assert (late.number, late.day, late.issued_at) == (1, date(2026, 3, 1), yesterday)
    assert (await opd.call_next()).day == TODAY
    called = await opd.call_next("G2", occurred_at=yesterday + MINUTE)
    assert (called.id, called.called_at) == (late.id, yesterday + MINUTE)
    await opd.service.recall(SYSTEM, command(), late.id, Late(occurred_at=yesterday + 2 * MINUTE))
    assert (await opd.call_next("G2", day=late.day)).called_at == MORNING
    (step, *_) = (await opd.service.history(SYSTEM, command(), late.id)).items
    assert (step.occurred_at, step.recorded_at) == (yesterday, MORNING)


async def test_nothing_occurs_in_the_future_or_before_what_already_happened(opd: Opd) -> None:
    await refused(Code.INVALID, opd.issue(occurred_at=MORNING + 6 * MINUTE))
    assert (await opd.issue(occurred_at=MORNING + 4 * MINUTE)).issued_at == MORNING
    before = Late(occurred_at=MORNING - 6 * MINUTE)
    token = await opd.until(S.CALLED)
    await refused(Code.INVALID, opd.service.serve(SYSTEM, command(), token.id, before))
    drifted = Late(occurred_at=MORNING - 4 * MINUTE)
    assert (await opd.service.serve(SYSTEM, command(), token.id, drifted)).serving_at == MORNING


async def test_a_retried_command_does_it_once(opd: Opd, query: Query) -> None:
    again = command("opd.issue", key="tablet-1")
    first = await opd.service.issue(opd.reception, again, "GEN", TokenIn())
    assert await opd.service.issue(opd.reception, again, "GEN", TokenIn()) == first
    second = await opd.issue()
    pressed = command("opd.call_next", key="press-1")
    one = await opd.service.call_next(SYSTEM, pressed, "GEN", NextIn(counter="G1"))
    assert await opd.service.call_next(SYSTEM, pressed, "GEN", NextIn(counter="G1")) == one
    assert second.number == 2
    assert await counts(opd) == {"called": 1, "waiting": 1, "last_number": 2}
    other = opd.service.call_next(SYSTEM, command("opd.other", key="press-1"), "GEN", NextIn(counter="G2"))
    await refused(Code.IDEMPOTENCY_MISMATCH, other)


async def test_a_stale_version_changes_nothing(opd: Opd) -> None:
    token = await opd.issue()
    await opd.service.hold(SYSTEM, command(expected_version=1), token.id, NOW)
    stale = opd.service.resume(SYSTEM, command(expected_version=1), token.id, NOW)
    assert (await refused(Code.STALE_VERSION, stale)).fields == {"current_version": 2}
    await opd.service.resume(SYSTEM, command(expected_version=2), token.id, NOW)
    called = opd.service.call(SYSTEM, command(expected_version=2), token.id, CallIn(counter="G1"))
    await refused(Code.STALE_VERSION, called)


async def test_lists_come_in_pages_and_by_state(opd: Opd) -> None:
    for _ in range(5):
        await opd.issue()
    await opd.call_next()
    seen: list[int] = []
    cursor: str | None = None
    while True:
        page = await opd.service.tokens(SYSTEM, command(), "GEN", TokenQuery(limit=2, cursor=cursor))
        seen += [token.number for token in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [1, 2, 3, 4, 5]
    called = await opd.service.tokens(SYSTEM, command(), "GEN", TokenQuery(state=S.CALLED))
    assert [token.number for token in called.items] == [1]
    other = await opd.service.tokens(SYSTEM, command(), "GEN", TokenQuery(day=date(2026, 3, 1)))
    assert other.items == []
