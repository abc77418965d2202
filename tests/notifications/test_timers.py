"""Durable timers: set and cancelled with what they are about, fired once by several processes, never lost."""

import asyncio
import dataclasses
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.departments.notifications.schemas.timers import TimerQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.kernel.timers import LONGEST_PAUSE, MAX_ATTEMPTS, Timer, TimerState, pause_after
from hms_rt.storage import timers
from hms_rt.storage.unit_of_work import UnitOfWork
from hms_rt.timers import DurableTimers
from tests.cli.processes import ROOT
from tests.conftest import SECRET, PersonFactory, command
from tests.notifications.timer_process import KIND

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def hospital(settings: Settings, stores: Stores, clock: ManualClock) -> AsyncIterator[Hospital]:
    """Not started: timers fire when a test lets them."""
    made = Hospital(settings, stores, clock=clock)
    yield made
    await made.close()


class Bench:
    """Timers of a kind that note what they fired, or fail when told to."""

    def __init__(self, hospital: Hospital, clock: ManualClock) -> None:
        self.hospital, self.clock = hospital, clock
        self.noted: list[str] = []
        self.failing: Exception | None = None
        self.timers = hospital.durable_timers
        self.timers.on(KIND, self.effect)

    async def effect(self, uow: UnitOfWork, timer: Timer) -> None:
        if self.failing is not None:
            raise self.failing
        uow.audit(KIND, entity="test", entity_id=timer.key)
        self.noted.append(timer.key)

    async def inside(self, work: Callable[[UnitOfWork], Awaitable[object]]) -> None:
        async def run(uow: UnitOfWork) -> None:
            await work(uow)

        await self.hospital.units.execute(SYSTEM, command(), type(None), run)

    async def set(self, key: str, after: timedelta = MINUTE) -> None:
        await self.inside(lambda uow: timers.set_timer(uow, KIND, key, uow.now + after, {"alert_id": key}))

    async def rows(self) -> dict[str, Any]:
        async with self.hospital.units.reading() as connection:
            return {row.key: row for row in await connection.execute(text("SELECT * FROM timers"))}


@pytest.fixture
def bench(hospital: Hospital, clock: ManualClock) -> Bench:
    return Bench(hospital, clock)


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause_after(n).total_seconds() for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert {pause_after(n) for n in (10, 100, 100_000)} == {LONGEST_PAUSE}


async def test_a_timer_fires_when_it_is_due_and_once(bench: Bench) -> None:
    await bench.set("a")
    assert await bench.timers.run_due() == 0
    bench.clock.advance(MINUTE)
    assert (await bench.timers.run_due(), await bench.timers.run_due()) == (1, 0)
    assert (bench.noted, (await bench.rows())["a"].state) == (["a"], "fired")


async def test_one_per_kind_and_key_moved_cancelled_and_set_anew(bench: Bench) -> None:
    for key in ("moved", "cancelled", "again"):
        await bench.set(key)
    await bench.set("moved", 2 * MINUTE)
    await bench.inside(lambda uow: timers.cancel_timer(uow, KIND, "cancelled"))
    bench.clock.advance(MINUTE)
    await bench.timers.run_due()
    assert bench.noted == ["again"]
    await bench.set("again")
    bench.clock.advance(MINUTE)
    await bench.timers.run_due()
    assert sorted(bench.noted) == ["again", "again", "moved"]
    assert {row.state for row in (await bench.rows()).values()} == {"fired", "cancelled"}


async def test_what_is_rolled_back_sets_no_timer(bench: Bench) -> None:
    async def broken(uow: UnitOfWork) -> None:
        await timers.set_timer(uow, KIND, "a", uow.now)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await bench.inside(broken)
    assert await bench.rows() == {}


async def test_a_callback_that_sets_its_timer_anew_keeps_it(hospital: Hospital, clock: ManualClock) -> None:
    async def again(uow: UnitOfWork, timer: Timer) -> None:
        await timers.set_timer(uow, timer.kind, timer.key, uow.now + MINUTE)

    hospital.durable_timers.on("test.again", again)
    bench = Bench(hospital, clock)
    await bench.inside(lambda uow: timers.set_timer(uow, "test.again", "a", uow.now))
    for _ in range(3):
        assert await bench.timers.run_due() == 1
        clock.advance(MINUTE)
    assert (await bench.rows())["a"].state == "waiting"


async def test_a_timer_cancelled_while_it_fires_leaves_no_effect(
    hospital: Hospital, clock: ManualClock
) -> None:
    bench = Bench(hospital, clock)

    async def slow(uow: UnitOfWork, timer: Timer) -> None:
        uow.audit("test.slow", entity="test", entity_id=timer.key)
        await bench.inside(lambda other: timers.cancel_timer(other, "test.slow", timer.key))

    hospital.durable_timers.on("test.slow", slow)
    await bench.inside(lambda uow: timers.set_timer(uow, "test.slow", "a", uow.now))
    assert await bench.timers.run_due() == 0
    row = (await bench.rows())["a"]
    assert (row.state, row.attempts) == ("cancelled", 0)
    assert await effects(hospital, "test.slow") == []


async def test_failures_are_repeated_later_and_later_then_left_to_an_administrator(
    bench: Bench, person: PersonFactory
) -> None:
    admin = await person(Role.ADMIN)
    service = bench.hospital.services.notifications
    bench.failing = ValueError("a name that nobody may read")
    await bench.set("a", timedelta(0))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert await bench.timers.run_due() == 0
        assert (await bench.rows())["a"].attempts == attempt
        assert await bench.timers.run_due() == 0
        assert (await bench.rows())["a"].attempts == attempt  # not before its pause is over
        bench.clock.advance(pause_after(attempt))
    (dead,) = (await service.timers(admin, TimerQuery())).items
    assert (dead.key, dead.state, dead.error) == ("a", TimerState.DEAD, "ValueError")
    (told,) = (await service.list_own(admin, NotificationQuery())).items
    assert (told.kind.value, told.subject.id) == ("timer_failed", str(dead.id))

    bench.failing = None
    await service.retry_timer(admin, command(), dead.id)
    assert (await bench.timers.run_due(), bench.noted) == (1, ["a"])
    assert (await service.timers(admin, TimerQuery())).items == []
    with pytest.raises(HmsError) as refused:
        await service.retry_timer(admin, command(), dead.id)
    assert refused.value.code is Code.CONFLICT


async def test_a_store_that_is_away_never_gives_a_timer_up(bench: Bench) -> None:
    bench.failing = HmsError(Code.UNAVAILABLE, "the documents do not answer")
    await bench.set("a", timedelta(0))
    for _ in range(MAX_ATTEMPTS + 3):
        await bench.timers.run_due()
        bench.clock.advance(timedelta(seconds=15))
    bench.failing = None
    assert (await bench.timers.run_due(), bench.noted) == (1, ["a"])


async def test_a_kind_that_this_version_does_not_know_is_left_to_those_that_do(bench: Bench) -> None:
    await bench.inside(lambda uow: timers.set_timer(uow, "test.newer", "a", uow.now))
    assert await bench.timers.run_due() == 0
    assert (await bench.rows())["a"].state == "waiting"


async def test_many_loops_at_the_same_moment_fire_each_once(bench: Bench, hospital: Hospital) -> None:
    for number in range(20):
        await bench.set(f"{number:02}", timedelta(0))
    others = [DurableTimers(hospital.units) for _ in range(3)]
    for other in others:
        other.on(KIND, bench.effect)
    fired = await asyncio.gather(*(each.run_due() for each in (bench.timers, *others)))
    assert sum(fired) == 20
    assert sorted(await effects(hospital, KIND)) == [f"{number:02}" for number in range(20)]


async def test_the_loop_wakes_for_what_was_set_and_survives_its_own_failures(
    bench: Bench, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hms_rt.timers.durable.LOOK_S", 60)
    running = asyncio.create_task(bench.timers.run())
    try:
        await asyncio.sleep(0.05)
        await bench.set("a", timedelta(0))
        async with asyncio.timeout(10):
            while not bench.noted:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO timers SELECT gen_random_uuid(), kind, key, due_at, run_at, state, 0, payload, NULL, 1, "
        "set_at, NULL FROM timers",
        "UPDATE timers SET state = 'lost'",
        "UPDATE timers SET state = 'fired'",
        "UPDATE timers SET payload = '[1]'",
        "UPDATE timers SET attempts = -1",
    ],
    ids=["a second of the same key", "no such state", "fired without a time", "no references", "attempts"],
)
async def test_the_database_refuses_timers_that_cannot_be(bench: Bench, statement: str) -> None:
    await bench.set("a")
    with pytest.raises(IntegrityError):
        async with bench.hospital.engine.begin() as connection:
            await connection.execute(text(statement))


# --- two processes


@asynccontextmanager
async def process(stores: Stores) -> AsyncIterator[asyncio.subprocess.Process]:
    given = json.dumps({"stores": dataclasses.asdict(stores), "secret": SECRET})
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.notifications.timer_process",
        given,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert started.stdout is not None
    assert await asyncio.wait_for(started.stdout.readline(), 60) == b"ready\n"
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def effects(hospital: Hospital, kind: str = KIND) -> list[str]:
    async with hospital.units.reading() as connection:
        rows = await connection.execute(
            text("SELECT entity_id FROM audit_log WHERE action = :kind"), {"kind": kind}
        )
        return list(rows.scalars())


async def test_fifty_timers_due_at_once_with_two_processes_one_of_which_is_killed_in_the_middle(
    settings: Settings, stores: Stores
) -> None:
    hospital = Hospital(settings, stores)
    due = datetime.now(UTC) + timedelta(seconds=0.5)
    keys = [f"{number:02}" for number in range(50)]

    async def set_all(uow: UnitOfWork) -> None:
        for key in keys:
            await timers.set_timer(uow, KIND, key, due)

    try:
        async with process(stores) as one, process(stores):
            await hospital.units.execute(SYSTEM, command(), type(None), set_all)
            async with asyncio.timeout(30):
                while len(await effects(hospital)) < 8:
                    await asyncio.sleep(0.002)
                one.send_signal(signal.SIGKILL)
                seen = len(await effects(hospital))
                while len(await effects(hospital)) < 50:
                    await asyncio.sleep(0.02)
            assert seen < 50  # it was killed while there was work
            await asyncio.sleep(1)  # time for a second effect, were there one
        assert sorted(await effects(hospital)) == keys
        async with hospital.units.reading() as connection:
            states = await connection.execute(text("SELECT DISTINCT state, attempts FROM timers"))
            assert [tuple(row) for row in states] == [("fired", 0)]
    finally:
        await hospital.close()
