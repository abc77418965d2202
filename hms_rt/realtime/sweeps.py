"""Sweeps: every 500 ms, and whenever Redis (re)connects, ask the change log what is missing here.

A sweep asks which streams moved by transactions that the sweep before did not see, and reads what did not
come by Redis. Its cost depends on what was committed since, and not on the number of rooms, the length of
the log, or how long some transaction stays open. Heads are compared besides, a share in each sweep: the net
under everything else, and how a database that went back in time is noticed.
"""

import asyncio
import math
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.kernel.ending import end
from hms_rt.kernel.errors import HmsError
from hms_rt.realtime import metrics
from hms_rt.storage import change_log

if TYPE_CHECKING:
    from hms_rt.realtime.hub import Hub

log = structlog.get_logger(__name__)

SWEEP_S = 0.5
PAUSE_S = 0.05
"""Least time between two sweeps, whatever wakes them."""

HEADS_EVERY = 10
"""Sweeps in which every head is compared once; more where there are over 10,000 streams."""

HEADS_AT_ONCE = 1_000
CATCH_UP_STREAMS = 50
CATCH_UP = 200
"""Entries of one stream that a sweep reads; a stream that is further behind is loaded anew."""

COMPLAIN_S = 60.0


class Sweeps:
    """The task that sweeps for one hub."""

    def __init__(self, engine: AsyncEngine, hub: "Hub") -> None:
        self.done = 0
        self._engine = engine
        self._hub = hub
        self._before = change_log.Snapshot(0, ())
        self._uncompared: list[str] = []
        self._swept_at = 0.0
        self._complained_at = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> uuid.UUID:
        """Find where to sweep from, then sweep in a task; the epoch. Raises if PostgreSQL is away."""
        began = time.monotonic()
        first = await change_log.start(self._engine)
        self._before, self._swept_at = first.snapshot, began
        self._task = asyncio.create_task(self._run(), name="sweep")
        return first.epoch

    async def stop(self) -> None:
        """Stop sweeping."""
        if self._task is not None:
            await end(self._task)

    def age(self) -> float:
        """Seconds since the last sweep that succeeded began."""
        return time.monotonic() - self._swept_at

    def wake(self) -> None:
        """Sweep now, or as soon as the least time has passed."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP_S)
            self._wake.clear()
            try:
                await self._sweep()
            except (SQLAlchemyError, OSError, HmsError) as error:
                metrics.sweep_failed()
                self._complain(error)
            except Exception:
                log.exception("hub.sweep_failed")  # boards turn stale by themselves; the next sweep may do
            await asyncio.sleep(PAUSE_S)

    def _complain(self, error: BaseException) -> None:
        """When the trouble begins, then once a minute."""
        now = time.monotonic()
        if self._complained_at < self._swept_at or now - self._complained_at > COMPLAIN_S:
            self._complained_at = now
            told = error.code.value if isinstance(error, HmsError) else type(error).__name__
            log.warning("hub.sweep_failed", error=told, age_s=round(self.age(), 1))

    async def _sweep(self) -> None:
        began = time.monotonic()
        found = await change_log.sweep(self._engine, self._before)
        if found.epoch != self._hub.epoch:
            self._hub.new_epoch(found.epoch)
        await self._hub.reload_forgotten()
        await self._catch_up(found.moved)
        # Transaction ids never run backwards, unless this is another database than before.
        await self._compare_heads(every=found.overflow or found.snapshot.end < self._before.end)
        self._before, self._swept_at = found.snapshot, began
        self.done += 1
        metrics.swept(time.monotonic() - began)

    async def _catch_up(self, heads: Mapping[str, int]) -> None:
        """Read what is missing here up to these heads."""
        behind = [stream for stream, head in heads.items() if self._lags(stream, head)]
        metrics.caught_up(len(behind))
        for first in range(0, len(behind), CATCH_UP_STREAMS):
            known = self._versions(behind[first : first + CATCH_UP_STREAMS])
            for entry in await change_log.after(self._engine, known, CATCH_UP):
                self._hub.offer(entry)
            for stream in known:
                if self._lags(stream, heads[stream]):
                    await self._hub.reload(self._hub.followers[stream])

    def _lags(self, stream: str, head: int) -> bool:
        follower = self._hub.followers.get(stream)
        return follower is not None and follower.lags(head)

    def _versions(self, streams: Iterable[str]) -> dict[str, int]:
        """What is known of those streams that are followed and loaded."""
        followers = (self._hub.followers.get(stream) for stream in streams)
        return {one.stream: one.version for one in followers if one is not None and one.version is not None}

    async def _compare_heads(self, *, every: bool) -> None:
        if every or not self._uncompared:
            self._uncompared = list(self._hub.followers)
        share = min(math.ceil(len(self._hub.followers) / HEADS_EVERY), HEADS_AT_ONCE)
        now = len(self._uncompared) if every else share
        streams, self._uncompared = self._uncompared[:now], self._uncompared[now:]
        for first in range(0, len(streams), HEADS_AT_ONCE):
            await self._compare(streams[first : first + HEADS_AT_ONCE])

    async def _compare(self, streams: Sequence[str]) -> None:
        known = self._versions(streams)
        heads = await change_log.different(self._engine, known)
        if any(head < known[stream] for stream, head in heads.items()):
            await self._hub.went_back("a head moved backwards")
        else:
            await self._catch_up(heads)
