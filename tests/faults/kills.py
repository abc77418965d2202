"""Servers that die or go: at named points, all at once, one after the other."""

import asyncio
import signal

from tests.faults.matrix import Fault
from tests.faults.scene import Scene

AWAY_S = 1.0
KILLED_S = 30.0


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
    Fault("rolling-restart", "SIGTERM and start, one server after the other", one_after_the_other),
)
