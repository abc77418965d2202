"""After a commit, off the request path: read the numbered entries back, show them here, tell the others."""

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.realtime.hub import Hub
from hms_rt.storage import change_log
from hms_rt.storage.redis import Bus

log = structlog.get_logger(__name__)

BATCH = 200
MAX_WAITING = 10_000


class Publisher:
    """Publishes the entries of committed transactions, in batches under load.

    All of it may fail: sweeps, here and in every other process, find what was not published.
    """

    def __init__(self, engine: AsyncEngine, hub: Hub, bus: Bus) -> None:
        self._engine = engine
        self._hub = hub
        self._bus = bus
        self._xids: list[int] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Publish in a task of its own."""
        self._task = asyncio.create_task(self._run(), name="publisher")

    async def stop(self) -> None:
        """Publish what waits, within a second, then stop."""
        if self._task is None:
            return
        self._stopping = True
        self._wake.set()
        with suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(self._task, 1.0)

    @property
    def backlog(self) -> int:
        """Transactions that wait to be published."""
        return len(self._xids)

    def committed(self, xid: int) -> None:
        """Called by the unit of work right after a commit."""
        if len(self._xids) < MAX_WAITING:
            self._xids.append(xid)
        self._wake.set()

    async def _run(self) -> None:
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            while self._xids:
                batch = self._xids[:BATCH]
                await self._publish(batch)
                del self._xids[: len(batch)]

    async def _publish(self, xids: list[int]) -> None:
        try:
            entries = await change_log.by_transactions(self._engine, xids)
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            log.warning("publisher.read_failed", error=type(error).__name__, transactions=len(xids))
            return
        for entry in entries:
            self._hub.offer(entry)
        if entries:
            await self._bus.publish(self._hub.epoch, entries)
