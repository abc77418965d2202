"""Follows streams: takes entries from Redis, from own commits and from the change log, and keeps order.

Redis is only the fast path: what it loses is found by the sweeps (``sweeps.py``), so an outage delays a
change by half a second and loses none (DESIGN §4.7).
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hms_rt.kernel.clock import Clock
from hms_rt.kernel.errors import HmsError
from hms_rt.realtime import metrics
from hms_rt.realtime.follower import RING, Follower
from hms_rt.realtime.rooms import unknown_room
from hms_rt.realtime.sweeps import Sweeps
from hms_rt.storage import change_log, epochs, postgres
from hms_rt.storage.change_log import LogEntry
from hms_rt.storage.redis import Bus

log = structlog.get_logger(__name__)

GAP_S = 0.02
LOAD_S = 5.0
CONCURRENT_READS = 4
"""Loads, gaps and resumes at once: the sweep and the publisher must always find a connection."""

_TROUBLE = (SQLAlchemyError, OSError, asyncio.TimeoutError, HmsError)

Reader = Callable[[AsyncConnection], Awaitable[Mapping[str, Mapping[str, Any]] | None]]


class Hub:
    """Every stream that this process follows."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self.epoch: uuid.UUID = uuid.UUID(int=0)
        self.followers: dict[str, Follower] = {}
        self.bus: Bus | None = None
        self.advanced: Callable[[Follower], None] = lambda follower: None
        self.replaced: Callable[[Follower], None] = lambda follower: None
        self.vanished: Callable[[Follower], None] = lambda follower: None
        self._readers: dict[str, Reader] = {}
        self._sweeps = Sweeps(engine, self)
        self._filling: dict[str, asyncio.TimerHandle | asyncio.Task[None]] = {}
        self._forgotten: list[Follower] = []
        self._missing: dict[tuple[str, int], asyncio.Task[list[LogEntry]]] = {}
        self._reads = asyncio.Semaphore(CONCURRENT_READS)

    async def start(self) -> None:
        """Find the epoch and where to sweep from, then sweep in a task. Raises if PostgreSQL is away."""
        await epochs.check(self._engine)
        self.epoch = await self._sweeps.start()

    async def stop(self) -> None:
        """Stop sweeping and reading."""
        for reading in [*self._filling.values(), *self._missing.values()]:
            reading.cancel()
        await self._sweeps.stop()

    def sweep_age(self) -> float:
        """Seconds since the last sweep that succeeded began."""
        return self._sweeps.age()

    def wake(self) -> None:
        """Sweep now: Redis is back, or something looks wrong."""
        self._sweeps.wake()

    async def follow(self, stream: str, read: Reader) -> Follower:
        """The follower of ``stream``, loaded. Readers of the same stream share one read of the database.

        Raises ``unknown_room`` when ``read`` finds nothing and ``unavailable`` when PostgreSQL is away.
        """
        follower = self.followers.get(stream)
        if follower is None:
            follower = Follower(stream, gap=self._gap, advanced=self._advanced)
            self.followers[stream] = follower
            self._readers[stream] = read
            if self.bus is not None:
                self.bus.follow(stream)
        if follower.version is None:
            await self._load(follower)
            if self.followers.get(stream) is not follower:  # dropped meanwhile: it would hear nothing
                return await self.follow(stream, read)
        return follower

    def unfollow(self, stream: str) -> None:
        """Forget ``stream``: nobody here shows it any more."""
        self.followers.pop(stream, None)
        self._readers.pop(stream, None)
        if self.bus is not None:
            self.bus.unfollow(stream)

    def take(self, epoch: uuid.UUID, entry: LogEntry) -> None:
        """An entry from Redis; one of another epoch only wakes the sweep."""
        if epoch != self.epoch:
            self.wake()
        else:
            self.offer(entry)

    def offer(self, entry: LogEntry) -> None:
        """An entry read from the change log; unknown streams are dropped."""
        follower = self.followers.get(entry.stream)
        if follower is not None:
            follower.offer(entry)

    def _advanced(self, follower: Follower) -> None:
        self.advanced(follower)

    async def _load(self, follower: Follower) -> None:
        if follower.loading is None:
            follower.loading = asyncio.create_task(self._read(follower), name=f"load {follower.stream}")
            follower.loading.add_done_callback(_heard)
        await asyncio.shield(follower.loading)

    async def _read(self, follower: Follower) -> None:
        """One REPEATABLE READ transaction for head and rows, so that they belong together."""
        try:
            epoch, version, state = await self._read_state(follower.stream)
            if state is None:
                self.unfollow(follower.stream)
                self.vanished(follower)
                raise unknown_room()
            if epoch != self.epoch:
                self.wake()
            follower.load(version, dict(state), self._clock.now())
        except BaseException:
            if not follower.shown and self.followers.get(follower.stream) is follower:
                self.unfollow(follower.stream)
            raise
        finally:
            follower.loading = None

    async def _read_state(self, stream: str) -> tuple[uuid.UUID, int, Mapping[str, Mapping[str, Any]] | None]:
        read = self._readers[stream]
        try:
            async with self._reads, asyncio.timeout(LOAD_S), postgres.snapshot(self._engine) as connection:
                metrics.state_read(stream)
                epoch, version = await change_log.head(connection, stream)
                return epoch, version, await read(connection)
        except TimeoutError:
            raise postgres.unavailable() from None

    async def since(self, stream: str, version: int) -> list[LogEntry]:
        """What ``stream`` holds above ``version``, up to a ring's length, from the change log.

        Clients that come back at once from the same version share one read. Raises ``unavailable``.
        """
        key = (stream, version)
        reading = self._missing.get(key)
        if reading is None:
            reading = self._missing[key] = asyncio.create_task(self._read_since(*key), name="read since")
            reading.add_done_callback(_heard)
            reading.add_done_callback(lambda _: self._missing.pop(key, None))
        return await asyncio.shield(reading)

    async def _read_since(self, stream: str, version: int) -> list[LogEntry]:
        async with self._reads:
            return await change_log.since(self._engine, stream, version, RING)

    def _gap(self, follower: Follower) -> None:
        """Give Redis 20 ms to bring the missing entry, then read it."""
        if follower.stream not in self._filling:
            self._filling[follower.stream] = asyncio.get_running_loop().call_later(
                GAP_S, self._fill_soon, follower
            )

    def _fill_soon(self, follower: Follower) -> None:
        if not follower.waiting:
            self._filling.pop(follower.stream, None)
            return
        self._filling[follower.stream] = asyncio.create_task(self._fill(follower), name="fill gap")

    async def _fill(self, follower: Follower) -> None:
        try:
            if follower.version is None:
                return
            metrics.gap_filled()
            missing = await self._read_since(follower.stream, follower.version)
            for entry in missing:
                follower.offer(entry)
            if len(missing) == RING:
                await self.reload(follower)
        except _TROUBLE as error:
            log.warning(
                "hub.fill_failed", stream_kind=follower.stream.split(":")[0], error=type(error).__name__
            )
        finally:
            self._filling.pop(follower.stream, None)

    async def reload(self, follower: Follower) -> None:
        """Load ``follower`` again; its boards get a snapshot. Raises what :meth:`follow` does."""
        await self._load(follower)
        self.replaced(follower)
        for skipped in follower.skipped:
            skipped()

    def new_epoch(self, epoch: uuid.UUID) -> None:
        """The database went back in time: what is known here is of another one."""
        log.warning("hub.new_epoch")
        self.epoch = epoch
        self._forgotten = list(self.followers.values())
        for follower in self._forgotten:
            follower.forget()

    async def reload_forgotten(self) -> None:
        """Load again what the new epoch dropped; what fails stays forgotten until the next sweep."""
        wanted = [one for one in self._forgotten if self.followers.get(one.stream) is one]
        outcomes = await asyncio.gather(*map(self.reload, wanted), return_exceptions=True)
        self._forgotten = [one for one, outcome in zip(wanted, outcomes, strict=True) if outcome is not None]
        for outcome in outcomes:
            if outcome is not None:
                log.warning("hub.reload_failed", error=type(outcome).__name__)

    async def went_back(self, reason: str) -> None:
        """Somebody remembers what the database does not have: ask for a new epoch, and look."""
        try:
            async with asyncio.timeout(LOAD_S):
                await epochs.went_back(self._engine, reason)
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            raise postgres.refusal(error) or error from error
        self.wake()

    def as_of(self, follower: Follower) -> datetime:
        """When the follower's state was true."""
        return follower.as_of or self._clock.now()


def _heard(task: asyncio.Task[Any]) -> None:
    """Whoever waited for a shared read may have gone: its failure is nobody's surprise."""
    if not task.cancelled():
        task.exception()
