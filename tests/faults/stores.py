"""Stores that die, stop, refuse, or have no room left."""

import asyncio
import os
import signal
import time
from contextlib import suppress

import asyncpg

from hms_rt.storage.embedded import EmbeddedError
from hms_rt.storage.embedded.stack import ServerName
from tests.faults.matrix import Fault
from tests.faults.processes import continue_process, stop_process
from tests.faults.scene import Scene
from tests.faults.screen import STALE_S
from tests.faults.stage import Kind

AWAY_S = 4.0
FULL_S = 5.0
"""Twice: with no room for tables, then with none for the log either."""

MANAGER_S = 60.0


async def _killed(scene: Scene, name: ServerName, how: signal.Signals, away_s: float) -> None:
    os.kill(scene.stage.stack.pid(name), how)
    scene.note(f"{name}: {how.name}")
    await asyncio.sleep(away_s)
    await scene.stage.stack.restart(name)
    scene.note(f"{name} restarted")
    scene.healed()


async def _paused(scene: Scene, name: ServerName, seconds: float) -> None:
    stopped = stop_process(scene.stage.stack.pid(name))
    scene.note(f"{name} paused for {seconds:g} s")
    try:
        await asyncio.sleep(seconds)
    finally:
        continue_process(stopped)
    scene.note(f"{name} goes on")
    scene.healed()


async def redis_killed(scene: Scene) -> None:
    await _killed(scene, "redis", signal.SIGKILL, AWAY_S)


async def redis_restarted(scene: Scene) -> None:
    await _killed(scene, "redis", signal.SIGTERM, 0.0)


async def redis_paused(scene: Scene) -> None:
    """No command may wait for it, and no screen may be late by more than a sweep or two."""
    acknowledged = len(scene.ledger.acknowledged())
    watched = [screen for screen in scene.screens if screen.seat.namespace == "/beds"]
    for screen in watched:
        screen.delays_ms = []
    await _paused(scene, "redis", 30)
    gained = len(scene.ledger.acknowledged()) - acknowledged
    scene.check("work went on without Redis", gained > 100, f"{gained} commands in 30 s")
    delays = [delay for screen in watched for delay in screen.delays_ms or ()]
    worst = max(delays, default=0.0) / 1000
    scene.check(
        "boards moved without Redis", len(delays) > 100, f"{len(delays)} changes, worst {worst:.1f} s"
    )


async def postgres_immediate(scene: Scene) -> None:
    await _killed(scene, "postgres", signal.SIGQUIT, 1.0)


async def postgres_paused(scene: Scene) -> None:
    """Longer than a screen believes without proof: screens must say that they are stale."""
    stopped = stop_process(scene.stage.stack.pid("postgres"))
    scene.note("postgres paused")
    began = time.monotonic()
    try:
        await asyncio.sleep(STALE_S + 8)
        sure = [screen for screen in scene.screens if not screen.stale]
        scene.check(
            "screens say that they are stale",
            not sure,
            f"{len(scene.screens) - len(sure)} of {len(scene.screens)} did",
        )
    finally:
        continue_process(stopped)
    scene.note(f"postgres goes on after {time.monotonic() - began:.0f} s")
    scene.healed()


async def mongo_refusing(scene: Scene) -> None:
    """Its port is closed; what needs no document goes on."""
    await scene.stage.server("mongo").stop()
    scene.note("mongo stopped: connections are refused")
    await _others_go_on(scene)
    await scene.stage.server("mongo").launch()
    scene.note("mongo started")
    scene.healed()


async def mongo_paused(scene: Scene) -> None:
    stopped = stop_process(scene.stage.stack.pid("mongo"))
    scene.note("mongo paused")
    try:
        await _others_go_on(scene)
    finally:
        continue_process(stopped)
    scene.note("mongo goes on")
    scene.healed()


async def _others_go_on(scene: Scene) -> None:
    before = len(scene.ledger.acknowledged("beds.change"))
    await asyncio.sleep(10)
    gained = len(scene.ledger.acknowledged("beds.change")) - before
    scene.check("what needs no document went on", gained > 20, f"{gained} changes of beds")


async def disk_full(scene: Scene) -> None:
    """PostgreSQL has no byte left, for its tables and for its log; later there is room again.

    It may end of it (it cannot recover without room); then its service manager starts it until it stays.
    """
    disk = scene.stage.disk
    assert disk is not None
    filler = disk / "filler"
    try:
        with filler.open("wb") as full, suppress(OSError):
            while True:
                os.write(full.fileno(), bytes(1 << 16))
        scene.note("the disk is full")
        await asyncio.sleep(FULL_S)
        scene.note("another segment of the log is asked for")
        deadline = time.monotonic() + FULL_S
        while time.monotonic() < deadline:
            with suppress(asyncpg.PostgresError, OSError, TimeoutError):
                await scene.stage.administer("SELECT pg_switch_wal()")  # asks for another 16 MiB
            await asyncio.sleep(1)
    finally:
        filler.unlink(missing_ok=True)
    scene.note("there is room again")
    await _service_manager(scene)
    scene.healed()


async def _service_manager(scene: Scene) -> None:
    """PostgreSQL runs, if it has to be started for that."""
    postgres = scene.stage.server("postgres")
    deadline = time.monotonic() + MANAGER_S
    while True:
        try:
            await scene.stage.administer("SELECT 1")
        except (asyncpg.PostgresError, OSError, TimeoutError, EmbeddedError):
            if postgres._child is not None and postgres._child.process.poll() is not None:
                scene.note("postgres had ended: started")
                await postgres.restart()
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


FAULTS = (
    Fault("redis-killed", "Redis killed, away for 4 s", redis_killed),
    Fault("redis-restarted", "Redis restarted", redis_restarted),
    Fault("redis-paused", "Redis paused for 30 s (SIGSTOP)", redis_paused),
    Fault("postgres-immediate", "PostgreSQL stopped with -m immediate, restarted", postgres_immediate),
    Fault("postgres-paused", "PostgreSQL paused for 23 s (SIGSTOP)", postgres_paused),
    Fault("mongo-refusing", "MongoDB refuses connections for 10 s", mongo_refusing),
    Fault("mongo-paused", "MongoDB paused for 10 s (SIGSTOP)", mongo_paused),
    Fault("disk-full", "PostgreSQL's disk full for 10 s", disk_full, kind=Kind.SMALL_DISK, recover_s=60),
)
