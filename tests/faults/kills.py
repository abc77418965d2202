"""Servers that die or go: at named points, all at once, one after the other."""

import asyncio
import os
import signal
import time

from tests.faults.matrix import Fault
from tests.faults.processes import ServerProcess
from tests.faults.scene import Scene

AWAY_S = 1.0
KILLED_S = 30.0
REPLACED_S = 60.0


async def at_its_point(scene: Scene) -> None:
    """The first server dies when it next reaches its point; its service manager starts it again."""
    server = scene.servers[0]
    server.trigger.touch()
    try:
        code = await server.ended(KILLED_S)
    finally:
        server.trigger.unlink(missing_ok=True)
    scene.note("killed")
    scene.check("it died at its point", code == -signal.SIGKILL, f"exit code {code}")
    await asyncio.sleep(AWAY_S)
    await server.start()
    scene.note("started again")
    scene.healed()


async def all_at_once(scene: Scene) -> None:
    """Nobody is left; every screen comes back at the same moment."""
    for server in scene.servers:
        server.kill()
    await asyncio.gather(*(server.ended() for server in scene.servers))
    scene.note("all killed")
    await asyncio.gather(*(server.start() for server in scene.servers))
    scene.note("started again")
    scene.healed()


async def one_after_the_other(scene: Scene) -> None:
    """A rolling restart: SIGTERM, wait for its end, start, wait until it is ready, then the next."""
    for server in scene.servers:
        code = await server.terminate()
        scene.check(f"{server.name} ended in order", code == 0, f"exit code {code}")
        await server.start()
        scene.note(f"{server.name} restarted")
    scene.healed()


async def worker_killed(scene: Scene) -> None:
    """One of two workers dies; its supervisor starts another."""
    server = scene.servers[0]
    before = server.children
    os.kill(before[0], signal.SIGKILL)
    scene.note("a worker killed")
    await _others(scene, server, before, changed=1)
    scene.healed()


async def workers_replaced(scene: Scene) -> None:
    """SIGHUP: every worker is replaced by another, and nobody is refused meanwhile."""
    server = scene.servers[0]
    before = server.children
    os.kill(server.pid, signal.SIGHUP)
    await _others(scene, server, before, changed=len(before))
    scene.note("all workers replaced")
    scene.healed()


async def _others(scene: Scene, server: ServerProcess, before: list[int], *, changed: int) -> None:
    """Wait until as many workers run as before, of which ``changed`` are new."""
    deadline = time.monotonic() + REPLACED_S
    while time.monotonic() < deadline:
        now = set(server.children)
        if len(now) == len(before) and len(now - set(before)) == changed and await server.ready():
            return
        await asyncio.sleep(0.1)
    scene.check("workers are replaced", ok=False, detail=f"{before} -> {server.children}")


FAULTS = (
    Fault("kill-before-commit", "SIGKILL of a server before COMMIT", at_its_point, point="before_commit"),
    Fault(
        "kill-after-commit",
        "SIGKILL after COMMIT, before publishing",
        at_its_point,
        point="after_commit",
    ),
    Fault(
        "kill-between-stores",
        "SIGKILL after MongoDB's write, before PostgreSQL's",
        at_its_point,
        point="between_stores",
    ),
    Fault("kill-all", "SIGKILL of every server at once", all_at_once),
    Fault("worker-killed", "SIGKILL of a worker of `serve --workers 2`", worker_killed, workers=True),
    Fault("workers-replaced", "SIGHUP to `serve --workers 2`", workers_replaced, workers=True),
    Fault("rolling-restart", "SIGTERM and start, one server after the other", one_after_the_other),
)
