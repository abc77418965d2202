"""After a commit, off the request path: read the numbered entries back, show them here, tell the others."""

import asyncio
from collections import deque
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.kernel.ending import end
from hms_rt.kernel.errors import HmsError
from hms_rt.realtime.hub import Hub
from hms_rt.storage import change_log
from hms_rt.storage.change_log import LogEntry
from hms_rt.storage.redis import Bus

log = structlog.get_logger(__name__)

BATCH = 200
MAX_WAITING = 10_000
"""Transactions, and entries for Redis: what does not find room is left to the sweeps."""

TELL_AT_ONCE = 500
SILENT_S = 0.5
"""Pause after Redis failed: what would be told then, the sweeps of the others have found already."""

STOP_S = 1.0


class Publisher:
    """Shows and publishes the entries of committed transactions, in batches under load.

    Boards of this process never wait for Redis. All of it may fail: sweeps, here and in every other process,
    find what was not published.
    """

    def __init__(self, engine: AsyncEngine, hub: Hub, bus: Bus) -> None:
        self._engine = engine
        self._hub = hub
        self._bus = bus
        self._xids: list[int] = []
        self._outgoing: deque[LogEntry] = deque(maxlen=MAX_WAITING)
        self._committed = asyncio.Event()
        self._to_tell = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Publish in tasks of its own."""
        self._tasks = [
            asyncio.create_task(self._read_back(), name="publisher"),
            asyncio.create_task(self._tell(), name="publisher to Redis"),
        ]

    async def stop(self) -> None:
        """Publish what waits, within a second, then stop."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                for task, event in zip(self._tasks, (self._committed, self._to_tell), strict=False):
                    event.set()
                    await task
        await end(*self._tasks)

    @property
    def backlog(self) -> int:
        """Transactions that wait to be read back."""
        return len(self._xids)

    def committed(self, xid: int) -> None:
        """Called by the unit of work right after a commit."""
        if len(self._xids) < MAX_WAITING:
            self._xids.append(xid)
        self._committed.set()

    async def _read_back(self) -> None:
        while self._xids or not self._stopping:
            await self._committed.wait()
            self._committed.clear()
            while self._xids:
                batch = self._xids[:BATCH]
                try:
                    await self._show(batch)
                except (SQLAlchemyError, OSError, HmsError) as error:
                    log.warning("publisher.read_failed", error=type(error).__name__, left=len(self._xids))
                    self._xids.clear()
                except Exception:
                    log.exception("publisher.failed")
                    self._xids.clear()
                else:
                    del self._xids[: len(batch)]

    async def _show(self, xids: list[int]) -> None:
        entries = await change_log.by_transactions(self._engine, xids)
        for entry in entries:
            self._hub.offer(entry)
        self._outgoing.extend(entries)
        self._to_tell.set()

    async def _tell(self) -> None:
        while self._outgoing or not self._stopping:
            await self._to_tell.wait()
            self._to_tell.clear()
            while self._outgoing:
                most = min(TELL_AT_ONCE, len(self._outgoing))
                entries = [self._outgoing.popleft() for _ in range(most)]
                if not await self._bus.publish(self._hub.epoch, entries):
                    self._outgoing.clear()
                    await asyncio.sleep(SILENT_S)
