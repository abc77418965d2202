"""Once a second: count what is alive in this process, set its gauges, and leave a note for ``hms-rt top``."""

import asyncio
import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web
from prometheus_client import Gauge

from hms_rt import __version__
from hms_rt.departments.reporting.schemas.standing import ReaderStatus
from hms_rt.kernel.clock import SystemClock
from hms_rt.kernel.ending import end
from hms_rt.realtime import census, metrics
from hms_rt.realtime.census import Counted
from hms_rt.realtime.fanout import Views
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.loop_lag import LoopLag
from hms_rt.realtime.publisher import Publisher
from hms_rt.realtime.server import RealtimeServer
from hms_rt.realtime.status import ConnectionCount, InstallationStatus, ProcessStatus, read, together
from hms_rt.storage.notes import TROUBLE, Notes
from hms_rt.storage.redis import Bus

log = structlog.get_logger(__name__)

PERIOD_S = 1.0
QUIET_S = 5.0
"""After a failure, Redis is tried again this much later: it may be paused, and every try waits."""

_STATM = Path("/proc/self/statm")
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Rates:
    """Per second, since the last look."""

    frames: float = 0.0
    changes: float = 0.0
    bytes: float = 0.0


class Vitals:
    """One process as others see it. It fails quietly: nothing depends on it."""

    def __init__(
        self,
        *,
        realtime: RealtimeServer,
        hub: Hub,
        views: Views,
        publisher: Publisher,
        bus: Bus,
        notes: Notes,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.worker: int | None = None
        """Its number among the processes of one ``serve --workers``."""
        self.readers: Sequence[ReaderStatus] = ()
        """How far external servers have read, as of the last look."""
        self._realtime = realtime
        self._hub = hub
        self._views = views
        self._publisher = publisher
        self._bus = bus
        self._notes = notes
        self._clock = SystemClock()  # a test that moves its own clock still has a process that runs
        self._started_at = self._clock.now()
        self._lag = LoopLag()
        self._task: asyncio.Task[None] | None = None
        self._tally = (0.0, 0, 0, 0)
        self._failures = 0
        self._quiet_until = 0.0
        self._stopping = False
        self._seen: dict[Gauge, dict[tuple[str, ...], Gauge]] = {}
        self._latest: ProcessStatus | None = None

    def start(self) -> None:
        """Begin to report, in a task."""
        self._lag.start()
        self._task = asyncio.create_task(self._run(), name="vitals")

    async def stop(self) -> None:
        """Stop, and take the note back."""
        self._lag.stop()
        self._stopping = True
        if self._task is not None:
            await end(self._task)
            self._task = None
            await self._notes.withdraw(self.id)

    async def process(self) -> ProcessStatus:
        """This process as of the last second."""
        if self._latest is None:
            self._latest = self._describe(await census.take(self._realtime.pulse, self._views), Rates())
        return self._latest

    async def installation(self) -> InstallationStatus:
        """Every process that has reported lately; this one alone if Redis is away."""
        own = await self.process()
        try:
            others = read(await self._notes.read())
        except TROUBLE:
            return together([own], redis=False)
        return together([own, *(one for one in others if one.id != own.id)], redis=True)

    async def _run(self) -> None:
        while not self._stopping:  # a Redis client that is connecting swallows a cancellation
            try:
                await self._look()
            except Exception:
                log.exception("vitals.failed")
            await asyncio.sleep(PERIOD_S)

    async def _look(self) -> None:
        counted = await census.take(self._realtime.pulse, self._views)
        self._set_gauges(counted)
        self._latest = self._describe(counted, self._rates())
        self._lag.turn()
        loop = asyncio.get_running_loop()
        if loop.time() < self._quiet_until:
            return
        try:
            await self._notes.leave(self.id, self._latest.model_dump_json().encode())
        except TROUBLE as error:
            log.debug("vitals.not_published", error=type(error).__name__)
            self._quiet_until = loop.time() + QUIET_S

    def _rates(self) -> Rates:
        tally = metrics.TALLY
        before = self._tally
        now = asyncio.get_running_loop().time()
        self._tally = (now, tally.frames, tally.changes, tally.bytes)
        seconds = now - before[0]
        if before[0] == 0 or seconds <= 0:
            return Rates()
        frames, changes, size = (
            round((after - earlier) / seconds, 1)
            for after, earlier in zip(self._tally[1:], before[1:], strict=True)
        )
        return Rates(frames, changes, size)

    def _describe(self, counted: Counted, rates: Rates) -> ProcessStatus:
        return ProcessStatus(
            id=self.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            worker=self.worker,
            version=__version__,
            started_at=self._started_at,
            at=self._clock.now(),
            draining=self._realtime.draining,
            redis=self._bus.up,
            sweep_lag_s=round(self._hub.sweep_age(), 3),
            loop_lag_ms=round(self._lag.worst() * 1000, 1),
            publisher_backlog=self._publisher.backlog,
            memory_mib=_memory_mib(),
            sockets=self._realtime.sockets,
            connections=[
                ConnectionCount(namespace=namespace, audience=audience, clients=clients)
                for (namespace, audience), clients in sorted(counted.connections.items())
            ],
            streams=len(self._hub.followers),
            rooms_total=counted.rooms_total,
            rooms=counted.rooms,
            slow_total=counted.slow_total,
            slow=counted.slow,
            frames_per_s=rates.frames,
            changes_per_s=rates.changes,
            bytes_per_s=rates.bytes,
            readers=self.readers,
        )

    def _set_gauges(self, counted: Counted) -> None:
        gauges = metrics.gauges()
        gauges.processes.set(1)
        gauges.sockets.set(self._realtime.sockets)
        gauges.streams.set(len(self._hub.followers))
        gauges.slow.set(counted.slow_total)
        gauges.sweep_lag.set(self._hub.sweep_age())
        gauges.redis_up.set(self._bus.up)
        gauges.backlog.set(self._publisher.backlog)
        gauges.loop_lag.set(self._lag.worst())
        self._set_labelled(gauges.connections, counted.connections)
        self._set_labelled(gauges.rooms, counted.kinds)
        failures = self._bus.publish_failures
        metrics.PUBLISH_FAILURES.inc(failures - self._failures)
        self._failures = failures

    def _set_labelled(self, gauge: Gauge, counted: Mapping[tuple[str, ...], int]) -> None:
        """Who was counted before and is not counted again is gone."""
        seen = self._seen.setdefault(gauge, {})
        for labels in counted:
            if labels not in seen:
                seen[labels] = gauge.labels(*labels)
        for labels, child in seen.items():
            child.set(counted.get(labels, 0))


VITALS = web.AppKey("VITALS", Vitals)


def _memory_mib() -> float:
    """Resident memory; 0 where there is no /proc."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return round(pages * os.sysconf("SC_PAGE_SIZE") / _MIB, 1)
