"""One fault's surroundings: servers, proxies, screens on every server, people at work; what is measured."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hms_rt.app import Hospital, Stores
from hms_rt.storage import change_log, postgres
from tests.faults import trade, work
from tests.faults.cast import PEOPLE, SEATS
from tests.faults.checks import Verdict
from tests.faults.desk import Desk, Ledger
from tests.faults.people import Person
from tests.faults.processes import Footprint, ServerProcess
from tests.faults.proxy import Proxy
from tests.faults.screen import Screen
from tests.faults.stage import Stage
from tests.faults.work import Shift, Worker

PROCESSES = 2
LIVE_S = 40.0
RSS_TOLERANCE_KIB = 16 * 1024
"""What a server's memory may have grown by once load has stopped: pools, caches, the allocator."""

RING_ENTRY_KIB = 12
"""And what each version in the rings of the followed streams may have cost; a ring holds 1,000."""

DESCRIPTOR_TOLERANCE = 4
TASK_TOLERANCE = 4
BASELINE_S = 20.0


class Scene:
    """Servers on a copy of the furnished hospital: two, or one with two workers."""

    def __init__(self, stage: Stage, stores: Stores, chance: random.Random, *, pause_s: float) -> None:
        self.stage = stage
        self.stores = stores
        self.chance = chance
        self.pause_s = pause_s
        self.observer: Hospital = stage.hospital(stores)
        self.servers: list[ServerProcess] = []
        self.proxies: list[Proxy] = []
        self.people: dict[str, Person] = {}
        self.screens: list[Screen] = []
        self.ledger = Ledger()
        self.shift: Shift | None = None
        self.verdicts: list[Verdict] = []
        self.healed_at = 0.0
        self.done: list[str] = []
        """What the fault did, in words."""

        self._beds: work.Memory = {}
        self._began = time.monotonic()

    # --- for faults

    def note(self, what: str) -> None:
        """Say what is being done, and when."""
        self.done.append(f"{time.monotonic() - self._began:.1f} s {what}")

    def check(self, name: str, ok: bool, detail: str = "") -> None:
        self.verdicts.append(Verdict(name, ok, detail))

    def healed(self) -> None:
        """From here on everything must recover by itself."""
        self.healed_at = time.monotonic()

    @property
    def desks(self) -> list[Desk]:
        return self.shift.desks if self.shift is not None else []

    def urls(self, first: int = 0) -> list[str]:
        """How clients reach the servers, one of them first."""
        doors = [proxy.url for proxy in self.proxies] or [server.url for server in self.servers]
        return doors[first:] + doors[:first]

    # --- life

    async def open(self, servers: int, *, workers: int, point: str | None, proxied: bool) -> None:
        """Start the servers, let everybody sign in, and connect the screens."""
        self.servers = [
            ServerProcess(
                self.stage, self.stores, f"server-{n}", point=point if n == 0 else None, workers=workers
            )
            for n in range(servers)
        ]
        await asyncio.gather(*(server.start() for server in self.servers))
        if proxied:
            self.proxies = [Proxy(server.port) for server in self.servers]
            await asyncio.gather(*(proxy.start() for proxy in self.proxies))
        links = self.stage.cast.links
        self.people = {name: Person(name, links.get(name, "")) for name in [*PEOPLE, *links]}
        for person in self.people.values():
            await person.enter(self.servers[0].url)
        self.screens = [
            Screen(seat, self.people[seat.who], self.urls(n % servers), random.Random(self.chance.random()))
            for n in range(PROCESSES)
            for seat in SEATS
        ]

    async def close(self) -> None:
        """End everything, whatever state it is in."""
        await asyncio.gather(*(screen.stop() for screen in self.screens), return_exceptions=True)
        if self.shift is not None and not self.shift.ended.is_set():
            await self.shift.abandon()
        await asyncio.gather(*(person.hang_up() for person in self.people.values()), return_exceptions=True)
        await asyncio.gather(*(proxy.close() for proxy in self.proxies), return_exceptions=True)
        await asyncio.gather(*(server.close() for server in self.servers), return_exceptions=True)
        await self.observer.close()

    async def connect(self) -> None:
        """Every screen is live."""
        for screen in self.screens:
            screen.start()
        async with asyncio.timeout(LIVE_S):
            while not all(screen.live for screen in self.screens):
                await asyncio.sleep(0.02)

    async def disconnect(self) -> None:
        """Nobody is connected to any server."""
        await asyncio.gather(*(screen.stop() for screen in self.screens))
        await asyncio.gather(*(person.hang_up() for person in self.people.values()))

    def work(self) -> None:
        """Everybody begins to work; the desks are spread over the servers."""
        self.shift = Shift(self.stage.cast, random.Random(self.chance.random()), pause_s=self.pause_s)
        ordering, verifying = self._desk("doctor-icu", 0), self._desk("lab-2", 1)
        workers: list[tuple[str, Worker]] = [
            ("nurse-icu", work.nurse_by_rest("ICU", self._beds)),
            ("nurse-icu", work.nurse_by_socket("ICU", self._beds)),
            ("nurse-med", work.nurse_by_rest("MED", self._beds)),
            ("nurse-med", work.nurse_by_socket("MED", self._beds)),
            ("reception", work.reception()),
            ("desk", work.reception()),
            ("doctor-gen", work.counter("GEN-1")),
            ("doctor-icu", work.doctor("ICU")),
        ]
        workers += [
            (f"cashier-{number}", trade.cashier(counter, buyer))
            for number, (counter, buyer) in enumerate(
                zip(trade.TILLS, self.stage.cast.buyers, strict=True), 1
            )
        ]
        for number, (name, worker) in enumerate(workers):
            self.shift.begin(worker, self._desk(name, number))
        laboratory = work.laboratory(ordering, verifying)
        self.shift.begin(laboratory, self._desk("lab-1", len(workers)), ordering, verifying)
        prescribing, registering = self._desk("doctor-gen", 0), self._desk("desk", 1)
        dispenser = trade.dispenser(prescribing, registering)
        self.shift.begin(dispenser, self._desk("chemist", 1), prescribing, registering)

    def _desk(self, name: str, number: int) -> Desk:
        return Desk(
            self.people[name],
            self.stage.cast.users[name],
            self.urls(number % len(self.servers)),
            self.ledger,
            random.Random(self.chance.random()),
        )

    # --- measuring

    async def footprints(self, *, below: list[Footprint] | None = None, ring: int = 0) -> list[Footprint]:
        """What every server holds while nobody is connected; with ``below``, once it has shrunk to that."""
        deadline = time.monotonic() + BASELINE_S
        while True:
            found = [await server.footprint() for server in self.servers]
            if below is None or time.monotonic() > deadline:
                return found
            if not any(grown(was, now, ring) for was, now in zip(below, found, strict=True)):
                return found
            await asyncio.sleep(0.25)

    async def heads(self) -> dict[tuple[str, str], int]:
        """The version of every room that a screen shows, in the database."""
        found: dict[tuple[str, str], int] = {}
        async with postgres.snapshot(self.observer.engine) as connection:
            for seat in SEATS:
                kind, argument = self.observer.rooms.find(seat.namespace, seat.room)
                _, version = await change_log.head(connection, kind.streams.stream(argument))
                found[(seat.namespace, seat.room)] = version
        return found

    async def recovered(self, limit_s: float) -> float:
        """Seconds from the healing until every screen has proof of what was true then, and everybody at work
        has had an answer; ``limit_s`` at most."""
        await self.observer.engine.dispose()  # its connections may be of a PostgreSQL that is gone
        wanted = await self.heads()
        while (passed := time.monotonic() - self.healed_at) < limit_s:
            current = all(
                screen.shows(None, wanted[(screen.seat.namespace, screen.seat.room)], self.healed_at)
                for screen in self.screens
            )
            if current and all(desk.told_at > self.healed_at for desk in self.desks):
                return passed
            await asyncio.sleep(0.02)
        return limit_s

    async def settled(self, seconds: float) -> None:
        """Wait until every screen shows the newest version of its room, or ``seconds`` have passed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            wanted = await self.heads()
            if all(
                screen.shows(None, wanted[(screen.seat.namespace, screen.seat.room)], 0.0)
                for screen in self.screens
            ):
                return
            await asyncio.sleep(0.1)


def grown(was: Footprint, now: Footprint, ring: int) -> str:
    """What did not return to its baseline; empty if all did. ``ring``: versions that the rings may hold."""
    found = []
    allowed = (RSS_TOLERANCE_KIB + RING_ENTRY_KIB * ring) * was.processes
    if now.rss_kib > was.rss_kib + allowed:
        found.append(f"memory {was.rss_kib} -> {now.rss_kib} KiB")
    if now.descriptors > was.descriptors + DESCRIPTOR_TOLERANCE * was.processes:
        found.append(f"descriptors {was.descriptors} -> {now.descriptors}")
    if was.tasks is not None and now.tasks is not None and now.tasks > was.tasks + TASK_TOLERANCE:
        found.append(f"tasks {was.tasks} -> {now.tasks}")
    return ", ".join(found)


@asynccontextmanager
async def scene(
    stage: Stage,
    chance: random.Random,
    *,
    servers: int = PROCESSES,
    workers: int = 1,
    point: str | None = None,
    proxied: bool = False,
    pause_s: float = 0.2,
) -> AsyncIterator[Scene]:
    """An open scene on a database of its own; everything it started has ended afterwards."""
    async with stage.copy() as stores:
        made = Scene(stage, stores, chance, pause_s=pause_s)
        try:
            await made.open(servers, workers=workers, point=point, proxied=proxied)
            yield made
        finally:
            await made.close()
