"""Networks that are paused or lose one end, clients that never read, commands that arrive more than once."""

import asyncio
import json
import time

from tests.faults.matrix import Fault
from tests.faults.scene import Scene
from tests.faults.screen import Screen
from tests.realtime.raw import Raw

PAUSE_S = 20.0
REAPED_S = 45.0
"""Socket.IO's ping interval and time-out together: how long a dead connection may live."""

DOUBLED_S = 8.0
DEAF = 20
DEAF_ROUND_S = 5.0
DEAF_ROUNDS = 3
DEAF_KIB = 512
"""What one client that takes nothing may cost: its cap of unread answers, and what is kept of it."""

ASKED = 400
"""Answers of some 4 KiB that each of them lets wait."""

PONG_S = 2.0


async def paused(scene: Scene) -> None:
    """No byte passes between clients and servers; connections stay open."""
    for proxy in scene.proxies:
        proxy.pause()
    scene.note(f"the clients' network paused for {PAUSE_S:g} s")
    try:
        await asyncio.sleep(PAUSE_S)
        sure = [screen for screen in scene.screens if not screen.stale]
        scene.check("screens say that they are stale", not sure, f"{len(scene.screens) - len(sure)} did")
    finally:
        for proxy in scene.proxies:
            proxy.resume()
    scene.note("it goes on")
    scene.healed()


async def half_open(scene: Scene) -> None:
    """Every client is gone without a word; the servers have to find out by themselves."""
    lost = sum(proxy.lose_clients() for proxy in scene.proxies)
    scene.note(f"{lost} connections lost, the servers not told")
    scene.healed()
    began = time.monotonic()
    back_s = await scene.recovered(REAPED_S)
    scene.note(f"all back on other connections after {back_s:.1f} s")
    while any(proxy.lost for proxy in scene.proxies) and time.monotonic() - began < REAPED_S + 15:
        await asyncio.sleep(0.1)
    left = sum(proxy.lost for proxy in scene.proxies)
    idle = sum(proxy.forget_lost() for proxy in scene.proxies) - left
    reaped = [seconds for proxy in scene.proxies for seconds in proxy.reaped]
    worst = max(reaped, default=0.0)
    scene.note(f"{len(reaped)} sockets were reaped, the last after {worst:.1f} s")
    detail = f"{left} left of {left + len(reaped)}, worst {worst:.1f} s; {idle} idle HTTP connections aside"
    scene.check("half-open sockets are reaped", bool(reaped) and left == 0 and worst <= REAPED_S, detail)
    scene.healed()


async def doubled(scene: Scene) -> None:
    """Every command three times at once, to both servers, and once more when it is done."""
    for desk in scene.desks:
        desk.doubled = True
    scene.note(f"every command four times for {DOUBLED_S:g} s")
    before = scene.ledger.copies
    await asyncio.sleep(DOUBLED_S)
    for desk in scene.desks:
        desk.doubled = False
    scene.check("copies were sent", scene.ledger.copies - before > 100, f"{scene.ledger.copies} copies")
    scene.healed()


class Deaf:
    """Clients that ask for much, answer pings, and never read."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._raws: list[Raw] = []
        self._pongs: asyncio.Task[None] | None = None

    async def come(self) -> None:
        """Subscribe to a ward's board, then stop reading and ask for its snapshot again and again."""
        server, person = self._scene.servers[0], self._scene.people["nurse-med"]
        for _ in range(DEAF):
            raw = await Raw.dial(server.url, person.cookie(), receive_buffer=4096)
            self._raws.append(raw)
            await raw.enter("/beds")
            await raw.call("/beds", "subscribe", {"room": "ward:MED"})
            raw.stop_reading()
        self._pongs = asyncio.create_task(self._answer_pings())
        asking = json.dumps(["subscribe", {"room": "ward:MED"}])
        for number in range(ASKED):
            for raw in self._raws:
                await raw.send(f"42/beds,{number}{asking}")
            if number % 40 == 0:  # within the limit of events per second
                await asyncio.sleep(1)
        self._scene.note(f"{DEAF} clients stopped reading")

    async def go(self) -> None:
        if self._pongs is not None:
            self._pongs.cancel()
            await asyncio.gather(self._pongs, return_exceptions=True)
        await asyncio.gather(*(raw.close() for raw in self._raws), return_exceptions=True)
        self._raws.clear()

    async def _answer_pings(self) -> None:
        """A pong that nobody asked for is as good as one that was."""
        while True:
            await asyncio.sleep(PONG_S)
            await asyncio.gather(*(raw.send("3") for raw in self._raws), return_exceptions=True)


async def never_reads(scene: Scene) -> None:
    """What they cost the server, while nothing else happens; then rounds without and with them, by turns:
    what they cost their neighbours."""
    neighbours = [screen for screen in scene.screens if screen.seat.namespace in {"/opd", "/beds"}]
    await _cost(scene)
    without, beside = [], []
    for _ in range(DEAF_ROUNDS):
        without.append(await _p99(scene, neighbours))
        deaf = Deaf(scene)
        try:
            await deaf.come()
            beside.append(await _p99(scene, neighbours))
        finally:
            await deaf.go()
    calm, disturbed = min(without), min(beside)  # what else the machine does only adds
    scene.check(
        "neighbours' p99 does not move",
        disturbed <= 2 * calm + 20,
        f"{calm:.0f} ms without, {disturbed:.0f} ms beside {DEAF} that never read",
    )
    scene.healed()


async def _cost(scene: Scene) -> None:
    """Memory of the server that they are at, with nobody at work."""
    assert scene.shift is not None
    scene.shift.goes_on.clear()
    await asyncio.sleep(2)
    before = await scene.servers[0].footprint()
    deaf = Deaf(scene)
    try:
        await deaf.come()
        await asyncio.sleep(2)
        after = await scene.servers[0].footprint()
    finally:
        await deaf.go()
        scene.shift.goes_on.set()
    each = (after.rss_kib - before.rss_kib) / DEAF
    scene.check("they cost their cap and no more", each <= DEAF_KIB, f"{each:.0f} KiB each")


async def _p99(scene: Scene, neighbours: list[Screen]) -> float:
    """Milliseconds from commit to the neighbours' screens, over one round."""
    for screen in neighbours:
        screen.delays_ms = []
    await asyncio.sleep(DEAF_ROUND_S)
    delays = sorted(delay for screen in neighbours for delay in screen.delays_ms or ())
    for screen in neighbours:
        screen.delays_ms = None
    assert len(delays) > 100, "no changes to measure by"
    return float(delays[int(0.99 * len(delays))])


FAULTS = (
    Fault("network-paused", "the clients' network paused for 20 s", paused, proxied=True),
    Fault("half-open", "every client lost, the servers not told", half_open, proxied=True),
    Fault("never-reads", "20 clients that answer pings and never read", never_reads),
    Fault("duplicates", "every command four times, parallel and serial", doubled),
)
