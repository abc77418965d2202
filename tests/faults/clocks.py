"""Clocks that are set by an hour while everything runs."""

import asyncio

from tests.faults.matrix import Fault
from tests.faults.scene import Scene
from tests.faults.stage import Kind

HOUR_S = 3600
WRONG_S = 12.0
"""Long enough for a few heartbeats, sweeps, timers and renewed sessions."""


async def _set(scene: Scene, **offsets: int) -> None:
    clocks = scene.stage.clocks
    assert clocks is not None
    for name, seconds in offsets.items():
        clocks.set(name.replace("_", "-"), seconds)
    scene.note("; ".join(f"{name} {seconds:+} s" for name, seconds in offsets.items()))


async def _moved(scene: Scene, **offsets: int) -> None:
    """Set the clocks; some time later set them right again: both are jumps."""
    try:
        await _set(scene, **offsets)
        before = len(scene.ledger.acknowledged())
        await asyncio.sleep(WRONG_S)
        gained = len(scene.ledger.acknowledged()) - before
        scene.check("work went on", gained > 50, f"{gained} commands in {WRONG_S:g} s")
        silent = [s.seat.who for s in scene.screens if s.stale]
        scene.check("screens went on", not silent, f"stale: {silent}")
    finally:
        await _set(scene, **dict.fromkeys(offsets, 0))
    scene.healed()


async def forward(scene: Scene) -> None:
    await _moved(scene, server_0=HOUR_S, server_1=HOUR_S, postgres=HOUR_S)


async def back(scene: Scene) -> None:
    await _moved(scene, server_0=-HOUR_S, server_1=-HOUR_S, postgres=-HOUR_S)


async def servers_differ(scene: Scene) -> None:
    await _moved(scene, server_0=HOUR_S, server_1=-HOUR_S)


async def database_differs(scene: Scene) -> None:
    await _moved(scene, postgres=HOUR_S)


FAULTS = (
    Fault("clock-forward", "every clock an hour forward, then right again", forward, kind=Kind.CLOCKED),
    Fault("clock-back", "every clock an hour back, then right again", back, kind=Kind.CLOCKED),
    Fault(
        "clocks-differ",
        "one server an hour ahead, one an hour behind, PostgreSQL right",
        servers_differ,
        kind=Kind.CLOCKED,
    ),
    Fault(
        "clock-of-postgres",
        "PostgreSQL an hour ahead, the servers right",
        database_differs,
        kind=Kind.CLOCKED,
    ),
)
