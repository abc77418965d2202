"""Every declared command, in any order and several at once, about things of its own and of other commands.

Whoever declares a command gives its recipe (``test_idempotency``), and with that it is in here: afterwards,
and in between, every room shows every audience what the database says, nobody shows a name that is nobody's
any more, and every sum is a count.

``WALK_SEEDS=1-40 pytest tests/surface/test_any_order.py`` takes as many ways as one likes. One that fails
says its seed and leaves its steps in a file; ``WALK_SEEDS=7 WALK_STEPS=0-120,133`` takes these steps alone,
one after the other, which is how to find those that matter.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from hms_rt.timers import Timers
from hms_rt.web.endpoints import Endpoint
from tests import exact
from tests.conftest import command
from tests.listening import HospitalServer
from tests.surface.asks import label
from tests.surface.rules import broken_rules
from tests.surface.sockets import SOCKET_COMMANDS
from tests.surface.town import Town
from tests.surface.walk import COMMANDS, Walk, steps
from tests.surface.watching import Watcher, watch, wrong, wrong_checklists

ONE_AT_A_TIME = 4
ROUNDS = int(os.environ.get("WALK_ROUNDS", "2"))
ALL_DAY = {"lab_night": (time.min, time.max)}
"""Whoever is alone in the laboratory may release."""
LATER = timedelta(hours=3)
"""Between rounds: holds end, doses are overdue, values nobody looked at climb, hours are summed up."""


def _morning() -> datetime:
    """Of today, as the recipes have it: six hours later it is still today."""
    return datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)


def numbers(said: str) -> Iterable[int]:
    """``1-3,7`` as 1, 2, 3, 7."""
    for part in said.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


SEEDS = list(numbers(os.environ.get("WALK_SEEDS", "1")))
ONLY = frozenset(numbers(os.environ["WALK_STEPS"])) if "WALK_STEPS" in os.environ else None


@pytest_asyncio.fixture
async def town(settings: Settings, stores: Stores) -> AsyncIterator[Town]:
    """A furnished hospital, listening, whose timers run when the walk says so."""
    hospital = Hospital(settings.model_copy(update=ALL_DAY), stores, clock=ManualClock(_morning()))
    hospital.timers = Timers()
    await hospital.start()
    server = HospitalServer(hospital)
    await server.start_server()
    made = Town(hospital, server)
    await made.furnish()
    yield made
    await made.close()
    await hospital.realtime.drain()
    await server.close()
    await hospital.stop()


@pytest.mark.parametrize("seed", SEEDS)
async def test_boards_and_sums_are_right_after_every_command_in_any_order(
    seed: int, town: Town, tmp_path: Path
) -> None:
    who = await town.everybody()  # the first client: whom notifications are made for
    watchers = await watch(town, who)
    walk = await Walk.begin(town, who, seed)
    for number, planned in enumerate(steps(seed, ROUNDS)):
        if number:
            await _time_passes(walk)
        await _take(walk, planned)
        if number == 0 and ONLY is None:
            await walk.what_is_left()
        await _hold(walk, watchers, Path(os.environ.get("WALK_LOGS", tmp_path)) / f"walk_{seed}.txt")
    if ONLY is None:
        assert walk.done >= {*map(label, COMMANDS), *(" ".join(name) for name in SOCKET_COMMANDS)}
        assert walk.refused, "nobody tried anything that is not possible"
    async with town.hospital.engine.connect() as connection:
        assert await exact.stored(connection) == [], (
            "what is kept as JSON has no fraction, and no number of money"
        )


async def _take(walk: Walk, planned: list[tuple[int, Endpoint]]) -> None:
    """Several at once; those that were chosen by hand one after the other."""
    chosen = [step for step in planned if ONLY is None or step[0] in ONLY]
    at_once = ONE_AT_A_TIME if ONLY is None else 1

    async def client(first: int) -> None:
        for number, endpoint in chosen[first::at_once]:
            await walk.step(number, endpoint)

    await asyncio.gather(*(client(first) for first in range(at_once)))


async def _time_passes(walk: Walk) -> None:
    """The server does what it does by itself; the asker's token is renewed."""
    hospital = walk.town.hospital
    assert isinstance(hospital.clock, ManualClock)
    hospital.clock.advance(LATER)
    for _, _, name, job in hospital.services.jobs():
        await job(SYSTEM, command(name))
    while await hospital.durable_timers.run_due():
        pass
    async with walk.who.post("/api/v1/auth/refresh") as answer:
        assert answer.status == 200, await answer.text()
    walk.log.append(f"---- {LATER} later")


async def _hold(walk: Walk, watchers: list[Watcher], log: Path) -> None:
    """What must hold while nobody does anything."""
    broken = [
        *walk.broken,
        *await broken_rules(walk.town.hospital),
        *await wrong(walk.town, watchers),
        *await wrong_checklists(walk.town),
    ]
    log.write_text("\n".join(walk.log))
    assert not broken, f"seed {walk.seed}, steps in {log}:\n" + "\n".join(broken)
