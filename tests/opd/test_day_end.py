"""The end of a queue's day: by hand, and by the server's timer."""

import asyncio
from datetime import date, timedelta

from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.opd.schemas.queue import DayEndIn, QueueQuery
from hms_rt.departments.opd.service.day_end import DAY_CHANGED
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.opd.conftest import MORNING, NOW, Opd, Query, refused

S = TokenState
TODAY, TOMORROW, YESTERDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 1)
END = DayEndIn(reason="closing time")


async def test_everything_left_is_closed_with_the_reason_and_counters_are_free_again(opd: Opd) -> None:
    done = await opd.until(S.DONE)
    await opd.until(S.SERVING, "G1")
    await opd.until(S.CALLED, "G2")
    await opd.service.hold(SYSTEM, command(), (await opd.issue()).id, NOW)
    waiting, eye = await opd.issue(), await opd.issue("EYE")
    ended = await opd.service.day_end(opd.reception, command(), "GEN", END)
    assert (ended.clinic, ended.closed) == ("GEN", 4)
    closed = await opd.service.token(SYSTEM, command(), waiting.id)
    assert (closed.state, closed.reason, closed.finished_at) == (S.CLOSED, "closing time", MORNING)
    assert (await opd.service.token(SYSTEM, command(), done.id)).state is S.DONE
    assert (await opd.service.token(SYSTEM, command(), eye.id)).state is S.WAITING
    day = await opd.service.day(SYSTEM, "GEN", TODAY)
    assert (day.closed, day.done, day.waiting, day.called, day.serving, day.on_hold) == (4, 1, 0, 0, 0, 0)
    assert (await opd.issue()).number == 6
    assert (await opd.call_next("G1")).number == 6
    await refused(Code.NOT_FOUND, opd.service.day_end(SYSTEM, command(), "NONE", END))


async def test_one_day_alone_or_all_days_so_far(opd: Opd) -> None:
    old = await opd.issue(occurred_at=MORNING - timedelta(days=1))
    new = await opd.issue()
    service = opd.service
    ended = await service.day_end(SYSTEM, command(), "GEN", DayEndIn(reason="old ones", day=YESTERDAY))
    assert ended.closed == 1
    assert (await service.token(SYSTEM, command(), old.id)).state is S.CLOSED
    await opd.issue(occurred_at=MORNING - timedelta(days=1))
    late = DayEndIn(reason="of yesterday", occurred_at=MORNING - timedelta(days=1))
    assert (await service.day_end(SYSTEM, command(), "GEN", late)).closed == 1
    assert (await service.token(SYSTEM, command(), new.id)).state is S.WAITING
    assert (await service.day_end(SYSTEM, command(), "GEN", END)).closed == 1
    assert (await service.day_end(SYSTEM, command(), "GEN", END)).closed == 0


async def test_an_end_entered_late_closes_what_moved_since_when_it_moved(
    opd: Opd, clock: ManualClock
) -> None:
    clock.advance(timedelta(hours=8))
    token = await opd.issue()
    await opd.service.day_end(SYSTEM, command(), "GEN", DayEndIn(reason="entered late", occurred_at=MORNING))
    assert (await opd.service.token(SYSTEM, command(), token.id)).finished_at == clock.now()


async def test_after_midnight_the_timer_closes_yesterday_and_goes_on_to_today(
    opd: Opd, clock: ManualClock
) -> None:
    await opd.until(S.CALLED)
    left = await opd.issue()
    assert await opd.service.close_past_days(SYSTEM, command()) == 0
    clock.advance(timedelta(hours=14, minutes=59))  # 23:59 in Vienna
    assert await opd.service.close_past_days(SYSTEM, command()) == 0
    clock.advance(timedelta(minutes=2))
    assert await opd.service.close_past_days(SYSTEM, command()) == 2
    assert await opd.service.close_past_days(SYSTEM, command()) == 0
    closed = await opd.service.token(SYSTEM, command(), left.id)
    assert (closed.state, closed.reason, closed.finished_at) == (S.CLOSED, DAY_CHANGED, clock.now())
    for clinic in ("GEN", "EYE"):
        queue = await opd.service.queue(SYSTEM, command(), clinic, QueueQuery())
        assert (queue.day, queue.tokens, queue.summary.last_number) == (TOMORROW, [], 0)
    assert (await opd.issue()).number == 1


async def test_what_is_entered_late_today_stays_open_until_tomorrow(opd: Opd, clock: ManualClock) -> None:
    late = await opd.issue(occurred_at=MORNING - timedelta(days=1))
    assert await opd.service.close_past_days(SYSTEM, command()) == 0
    assert (await opd.call_next(day=YESTERDAY)).id == late.id
    clock.advance(timedelta(days=1))
    assert await opd.service.close_past_days(SYSTEM, command()) == 1


async def test_the_first_token_of_a_new_day_turns_the_page_without_the_timer(
    opd: Opd, clock: ManualClock
) -> None:
    old = await opd.issue()
    clock.advance(timedelta(days=1))
    assert (await opd.issue()).number == 1
    queue = await opd.service.queue(SYSTEM, command(), "GEN", QueueQuery())
    assert (queue.day, queue.summary.last_number, queue.summary.waiting) == (TOMORROW, 1, 2)
    assert queue.tokens[0].id == old.id
    only = await opd.service.queue(SYSTEM, command(), "GEN", QueueQuery(day=TODAY))
    assert [token.id for token in only.tokens] == [old.id]
    await opd.issue(occurred_at=MORNING)
    assert (await opd.service.clinic(SYSTEM, "GEN")).day == TOMORROW


async def test_the_timer_and_a_busy_morning_do_not_get_in_each_others_way(
    opd: Opd, clock: ManualClock, query: Query
) -> None:
    for _ in range(12):
        await opd.issue()
    clock.advance(timedelta(days=1))
    await asyncio.gather(
        *(opd.service.close_past_days(SYSTEM, command()) for _ in range(2)),
        *(opd.issue() for _ in range(6)),
        *(opd.service.day_end(SYSTEM, command(), "GEN", DayEndIn(reason="all", day=TODAY)) for _ in range(2)),
    )
    rows = await query("SELECT day, state, count(*) AS n FROM opd_token GROUP BY day, state ORDER BY day")
    assert [tuple(row) for row in rows] == [(TODAY, "closed", 12), (TOMORROW, "waiting", 6)]
    assert (await opd.service.day(SYSTEM, "GEN", TODAY)).closed == 12
    summary = (await opd.service.queue(SYSTEM, command(), "GEN", QueueQuery())).summary
    assert (summary.waiting, summary.last_number) == (6, 6)
