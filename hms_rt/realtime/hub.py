"""Follows streams: takes entries from Redis, from own commits and from the change log, and keeps order.

Redis is only the fast path. Every 500 ms, and whenever Redis (re)connects, a sweep reads what was
committed since the transaction horizon of the sweep before, so an outage delays a change by half a second
and loses none (DESIGN §4.7).
"""

import asyncio
import time
import uuid
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.kernel.clock import Clock
from hms_rt.kernel.errors import HmsError
from hms_rt.realtime.follower import RING, Follower, Reader
from hms_rt.realtime.rooms import unknown_room
from hms_rt.storage import change_log, epochs, postgres
from hms_rt.storage.change_log import LogEntry
from hms_rt.storage.redis import Bus

log = structlog.get_logger(__name__)

SWEEP_S = 0.5
GAP_S = 0.02
HEADS_EVERY = 10
"""Sweeps between two comparisons of heads, which notice a database that went back in time."""

CONCURRENT_READS = 4
"""Loads and fills at once; the rest of the pool is left to the sweep and the publisher."""

READ_ATTEMPTS = 5
_TROUBLE = (SQLAlchemyError, OSError, asyncio.TimeoutError, HmsError)


class Hub:
    """Every stream that this process follows.

    ``advanced`` is called after each version of a follower, ``replaced`` when its state was read anew, and
    ``vanished`` when what it shows is gone from the database. All three are called with no ``await`` in
    between.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self.epoch: uuid.UUID = uuid.UUID(int=0)
        self.followers: dict[str, Follower] = {}
        self.bus: Bus | None = None
        self.advanced = _nothing
        self.replaced = _nothing
        self.vanished = _nothing
        self._horizon = 0
        self._swept_at = 0.0
        self._sweeps = 0
        self._doubt = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reads = asyncio.Semaphore(CONCURRENT_READS)

    async def start(self) -> None:
        """Find the epoch and the horizon, then sweep in a task. Raises if PostgreSQL is away."""
        await epochs.check(self._engine)
        started = time.monotonic()
        first = await change_log.sweep(self._engine, 0)
        self.epoch, self._horizon = first.epoch, first.horizon
        self._swept_at = started
        self._task = asyncio.create_task(self._run(), name="sweep")

    async def stop(self) -> None:
        """Stop sweeping, loading and filling."""
        tasks = [*self._tasks, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def sweep_age(self) -> float:
        """Seconds since the last sweep that succeeded began."""
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
            follower = Follower(stream, read, gap=self._gap, advanced=self._advanced)
            self.followers[stream] = follower
            if self.bus is not None:
                self.bus.follow(stream)
        if follower.version is None:
            await self._load(follower)
        return follower

    def follows(self, follower: Follower) -> bool:
        """True while ``follower`` is kept up to date and has a state to show."""
        return follower.version is not None and self.followers.get(follower.stream) is follower

    def unfollow(self, stream: str) -> None:
        """Forget ``stream``: nobody here shows it any more."""
        self.followers.pop(stream, None)
        if self.bus is not None:
            self.bus.unfollow(stream)

    def take(self, epoch: uuid.UUID, entry: LogEntry) -> None:
        """An entry and the epoch that it was read in; one of another epoch only wakes the sweep."""
        if epoch != self.epoch:
            self.wake()
            return
        follower = self.followers.get(entry.stream)
        if follower is not None:
            follower.offer(entry)

    async def missed(self, follower: Follower, version: int) -> list[LogEntry]:
        """Up to ``RING`` entries that follow ``version`` without a gap, from the change log.

        Empty when the log does not reach back so far, or belongs to another epoch by now.
        """
        async with self._reads:
            epoch, entries = await change_log.since(self._engine, follower.stream, version, RING)
        if epoch != self.epoch:
            self.wake()
            return []
        return entries if entries and entries[0].version == version + 1 else []

    async def went_back(self, reason: str, *, certain: bool) -> None:
        """Somebody remembers what the database does not have: ask for a new epoch, and look.

        ``certain``: this process remembers. What only a client says counts once a minute.
        """
        await epochs.went_back(self._engine, reason, self.epoch, certain=certain)
        self.wake()

    def as_of(self, follower: Follower) -> datetime:
        """When the follower's state was true."""
        return follower.as_of or self._clock.now()

    def _advanced(self, follower: Follower) -> None:
        self.advanced(follower)

    # --- reading state

    async def _load(self, follower: Follower) -> None:
        if follower.loading is None:
            follower.loading = self._spawn(self._read(follower), f"load {follower.stream}")
        await asyncio.shield(follower.loading)

    async def _read(self, follower: Follower) -> None:
        try:
            version, state = await self._read_in_epoch(follower)
            if state is None:
                self.unfollow(follower.stream)
                self.vanished(follower)
                raise unknown_room()
            if follower.load(version, state, self._clock.now()):
                for reset in follower.resets:
                    reset()
                self.replaced(follower)
        except BaseException:
            if not follower.known and self.followers.get(follower.stream) is follower:
                self.unfollow(follower.stream)
            raise
        finally:
            follower.loading = None

    async def _read_in_epoch(self, follower: Follower) -> tuple[int, dict[str, Mapping[str, Any]] | None]:
        """One REPEATABLE READ transaction for epoch, head and rows, so that they belong together.

        What was read in another epoch than this process knows is not used: the sweep learns the new one.
        """
        for attempt in range(READ_ATTEMPTS):
            async with self._reads, postgres.snapshot(self._engine) as connection:
                epoch, version = await change_log.head(connection, follower.stream)
                state = await follower.read(connection)
            if epoch == self.epoch:
                return version, state
            self.wake()
            await asyncio.sleep(0.05 * (attempt + 1))
        raise postgres.unavailable()

    # --- gaps

    def _gap(self, follower: Follower) -> None:
        """Give Redis 20 ms to bring the missing entry, then read it."""
        if not follower.filling:
            follower.filling = True
            self._spawn(self._fill_gap(follower), "fill gap")

    async def _fill_gap(self, follower: Follower) -> None:
        before = follower.version
        try:
            await asyncio.sleep(GAP_S)
            if follower.waiting:
                await self._fill(follower)
        except _TROUBLE as error:
            log.warning("hub.fill_failed", error=type(error).__name__)  # the next sweep brings it
        finally:
            follower.filling = False
        if follower.waiting and follower.version != before:
            self._gap(follower)  # another one opened meanwhile

    async def _fill(self, follower: Follower) -> None:
        before = follower.version
        if before is None or not self.follows(follower):
            return
        missing = await self.missed(follower, before)
        if follower.version is None:
            return  # the epoch changed meanwhile: a load is due
        for entry in missing:
            follower.offer(entry)
        if follower.version == before or len(missing) >= RING:
            await self._load(follower)

    # --- the sweep

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP_S)
            self._wake.clear()
            try:
                await self._sweep()
            except _TROUBLE as error:
                self._doubt = True
                log.warning("hub.sweep_failed", error=type(error).__name__)
            except Exception:
                log.exception("hub.sweep_broken")  # no heartbeat is sent, and boards say that they are stale
                await asyncio.sleep(SWEEP_S)

    async def _sweep(self) -> None:
        started = time.monotonic()
        if self._doubt:
            await epochs.check(self._engine)  # the connection was lost: perhaps this is another server now
        found = await change_log.sweep(self._engine, self._horizon)
        if found.epoch != self.epoch:
            self._adopt(found.epoch)
        for entry in found.entries:
            self.take(found.epoch, entry)
        self._sweeps += 1
        if found.overflow or self._sweeps % HEADS_EVERY == 0:
            await self._compare_heads()
        self._renew()
        self._horizon = found.horizon
        self._swept_at = started
        self._doubt = False

    async def _compare_heads(self) -> None:
        """Read what the sweep left out; notice a database that has less than we remember."""
        remembered = {f: f.version for f in self.followers.values() if f.version is not None}
        heads = await change_log.heads(self._engine, [follower.stream for follower in remembered])
        behind = []
        for follower, version in remembered.items():
            head = heads.get(follower.stream, 0)
            if head < version:
                await self.went_back("a head moved backwards", certain=True)
                return
            if follower.version is not None and head > follower.version:
                behind.append(follower)
        outcomes = await asyncio.gather(*map(self._fill, behind), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _adopt(self, epoch: uuid.UUID) -> None:
        """Nothing that was known counts any more: every stream is read anew."""
        log.warning("hub.new_epoch")
        self.epoch = epoch
        for follower in self.followers.values():
            follower.forget()

    def _renew(self) -> None:
        """Read what was forgotten, again at every sweep until it succeeds."""
        for follower in self.followers.values():
            if follower.known and follower.version is None and follower.loading is None:
                follower.loading = self._spawn(self._read(follower), f"renew {follower.stream}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, _TROUBLE):
            log.error("hub.task_failed", task=task.get_name().partition(" ")[0], exc_info=error)


def _nothing(follower: Follower) -> None:
    """Nobody listens yet."""
