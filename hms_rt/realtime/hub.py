"""Follows streams: takes entries from Redis, from own commits and from the change log, and keeps order.

Redis is only the fast path. Every 500 ms, and whenever Redis (re)connects, a sweep reads what was
committed since the transaction horizon of the sweep before, so an outage delays a change by half a second
and loses none (DESIGN §4.7).
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hms_rt.kernel.clock import Clock
from hms_rt.kernel.errors import HmsError
from hms_rt.realtime.follower import RING, Follower
from hms_rt.realtime.rooms import unknown_room
from hms_rt.storage import change_log, epochs, postgres
from hms_rt.storage.change_log import LogEntry
from hms_rt.storage.redis import Bus

log = structlog.get_logger(__name__)

SWEEP_S = 0.5
GAP_S = 0.02
HEADS_EVERY = 10
"""Sweeps between two comparisons of heads, which notice a database that went back in time."""

CONCURRENT_LOADS = 4
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
        self._horizon = 0
        self._swept_at = 0.0
        self._sweeps = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._filling: dict[str, asyncio.TimerHandle | asyncio.Task[None]] = {}
        self._forgotten: list[Follower] = []
        self._loads = asyncio.Semaphore(CONCURRENT_LOADS)

    async def start(self) -> None:
        """Find the epoch and the horizon, then sweep in a task. Raises if PostgreSQL is away."""
        await epochs.check(self._engine)
        first = await change_log.sweep(self._engine, 0)
        self.epoch, self._horizon = first.epoch, first.horizon
        self._swept_at = time.monotonic()
        self._task = asyncio.create_task(self._run(), name="sweep")

    async def stop(self) -> None:
        """Stop sweeping and filling."""
        for filling in self._filling.values():
            filling.cancel()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def sweep_age(self) -> float:
        """Seconds since the last sweep that succeeded."""
        return time.monotonic() - self._swept_at

    def wake(self) -> None:
        """Sweep now: Redis is back, or something looks wrong."""
        self._wake.set()

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
        await asyncio.shield(follower.loading)

    async def _read(self, follower: Follower) -> None:
        """One REPEATABLE READ transaction for head and rows, so that they belong together."""
        try:
            read = self._readers[follower.stream]
            async with self._loads, postgres.snapshot(self._engine) as connection:
                epoch, version = await change_log.head(connection, follower.stream)
                state = await read(connection)
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
            missing = await change_log.since(self._engine, follower.stream, follower.version, RING)
            for entry in missing:
                follower.offer(entry)
            if len(missing) == RING:
                await self._reload(follower)
        except _TROUBLE as error:
            log.warning(
                "hub.fill_failed", stream_kind=follower.stream.split(":")[0], error=type(error).__name__
            )
        finally:
            self._filling.pop(follower.stream, None)

    async def _reload(self, follower: Follower) -> None:
        await self._load(follower)
        self.replaced(follower)
        for skipped in follower.skipped:
            skipped()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP_S)
            self._wake.clear()
            try:
                await self._sweep()
            except _TROUBLE as error:
                log.warning("hub.sweep_failed", error=type(error).__name__)
            except Exception:
                log.exception("hub.sweep_failed")  # boards turn stale by themselves; the next sweep may do

    async def _sweep(self) -> None:
        found = await change_log.sweep(self._engine, self._horizon)
        if found.epoch != self.epoch:
            self._new_epoch(found.epoch)
        await self._reload_forgotten()
        for entry in found.entries:
            self.offer(entry)
        self._sweeps += 1
        if found.overflow or self._sweeps % HEADS_EVERY == 0:
            await self._compare_heads()
        self._horizon = found.horizon
        self._swept_at = time.monotonic()

    async def _compare_heads(self) -> None:
        remembered = {
            stream: follower.version
            for stream, follower in self.followers.items()
            if follower.version is not None
        }
        heads = await change_log.heads(self._engine, remembered)
        for stream, version in remembered.items():
            follower = self.followers.get(stream)
            head = heads.get(stream, 0)
            if follower is None or follower.version is None:
                continue
            if head < version:
                await self.went_back("a head moved backwards")
                return
            if head > follower.version:
                await self._fill(follower)

    def _new_epoch(self, epoch: uuid.UUID) -> None:
        log.warning("hub.new_epoch")
        self.epoch = epoch
        self._forgotten = list(self.followers.values())
        for follower in self._forgotten:
            follower.forget()

    async def _reload_forgotten(self) -> None:
        """Load again what the new epoch dropped; what fails stays forgotten until the next sweep."""
        wanted = [one for one in self._forgotten if self.followers.get(one.stream) is one]
        outcomes = await asyncio.gather(*map(self._reload, wanted), return_exceptions=True)
        self._forgotten = [one for one, outcome in zip(wanted, outcomes, strict=True) if outcome is not None]
        for outcome in outcomes:
            if outcome is not None:
                log.warning("hub.reload_failed", error=type(outcome).__name__)

    async def went_back(self, reason: str) -> None:
        """Somebody remembers what the database does not have: ask for a new epoch, and look."""
        await epochs.went_back(self._engine, reason)
        self.wake()

    def as_of(self, follower: Follower) -> datetime:
        """When the follower's state was true."""
        return follower.as_of or self._clock.now()
