"""``serve --workers N``: N processes on one port, kept running, replaced one by one, ended together.

Every worker accepts from sockets of its own (``SO_REUSEPORT``: the kernel spreads the clients) that belong to
the supervisor. So in a rolling restart the next worker accepts from the very sockets of the one before it,
and nobody who waits in their queues is cut off.

Signals: SIGTERM and SIGINT drain all workers, a second one kills them; SIGHUP replaces them one by one.
"""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from socket import socket

import structlog

from hms_rt.cli import sockets
from hms_rt.cli.metrics_folder import MetricsFolder
from hms_rt.cli.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

START_S = 60.0
"""For a worker to listen, and for its successor to be ready."""

STEADY_S = 10.0
"""A worker that ends sooner than this after it listened has failed to start."""

BACK_OFF_S = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""By how often in a row it failed; the first time, a worker is started again at once."""

GIVE_UP_AFTER = 5
"""Failed starts in a row, while no other worker serves."""

LOOK_S = 2.0
SILENT_LOOKS = 15
"""A worker whose event loop was not heard for 30 s is killed and started again: its screens say that they are
stale after 15 s already, and nothing else would end it. A busy loop beats late, never for so long."""

STOP_S = 30.0
"""For a worker to end once asked, on top of its draining."""


class GaveUp(Exception):  # noqa: N818 - a decision
    """No worker can be kept running; the message has the last one's error."""


@dataclass(frozen=True)
class Plan:
    """What to run: ``environment`` is the workers' own and carries every setting that was not in it yet."""

    workers: int
    host: str
    port: int
    drain_seconds: float
    environment: Mapping[str, str]


@dataclass
class Slot:
    """A worker's place: its number, its sockets, who is there, and how often starting failed in a row."""

    number: int
    sockets: list[socket] = field(default_factory=list)
    worker: WorkerProcess | None = None
    failures: int = 0
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Keeps the workers of one plan. Use once: :meth:`run`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._port = plan.port
        self._slots = [Slot(number) for number in range(1, plan.workers + 1)]
        self._all: set[WorkerProcess] = set()
        self._metrics = MetricsFolder()
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()
        self._roll = asyncio.Event()
        self._served = False

    async def run(self) -> None:
        """Until told to stop; ``OSError`` if the port is taken, :class:`GaveUp` if workers keep dying."""
        try:
            self._find_port()
            self._handle_signals()
            log.info("supervising", workers=len(self._slots), port=self._port, pid=os.getpid())
            async with asyncio.TaskGroup() as tasks:
                kept = [tasks.create_task(self._keep(slot)) for slot in self._slots]
                kept.append(tasks.create_task(self._roll_when_asked()))
                tasks.create_task(self._end_when_asked(kept))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await self._end_all()
            self._metrics.remove()
            log.info("stopped")

    def _find_port(self) -> None:
        """Nobody else may have it: strangers who bind the same port would share its clients unnoticed."""
        probe = sockets.bind(self._plan.host, self._port)
        self._port = probe[0].getsockname()[1]
        sockets.close(probe)

    def _handle_signals(self) -> None:
        running = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, self._asked_to_stop)
        running.add_signal_handler(signal.SIGHUP, self._roll.set)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._kill.set()
        self._stop.set()

    async def _end_when_asked(self, kept: list[asyncio.Task[None]]) -> None:
        await self._stop.wait()
        for task in kept:
            task.cancel()

    # --- one slot

    async def _keep(self, slot: Slot) -> None:
        """Keep a worker in this place, for ever."""
        while True:
            await asyncio.sleep(BACK_OFF_S[min(slot.failures, len(BACK_OFF_S) - 1)])
            async with slot.changing:
                if slot.worker is None:
                    await self._fill(slot)
            worker = slot.worker
            if worker is None:
                continue
            since = time.monotonic()
            if await worker.hangs(LOOK_S, SILENT_LOOKS):
                worker.error = f"its event loop stood still for {LOOK_S * SILENT_LOOKS:g} s"
                worker.kill()
                await worker.ended.wait()
            async with slot.changing:
                if slot.worker is worker:  # else it was replaced
                    self._lost(slot, worker, time.monotonic() - since)

    async def _fill(self, slot: Slot) -> None:
        """Start a worker with sockets of its own; leaves the place empty if it does not come to listen."""
        slot.sockets = sockets.bind_shared(self._plan.host, self._port)
        worker = await self._start(slot, self._metrics.name(slot.number))
        if await worker.until(worker.listening, START_S):
            slot.worker = worker
            self._served = True
            log.info("worker.listening", worker=slot.number, pid=worker.pid)
            return
        await self._discard(worker)
        self._metrics.forget(worker.post.metrics)  # in case they are what it cannot read
        self._lost(slot, worker, 0.0)

    async def _start(self, slot: Slot, metrics: str) -> WorkerProcess:
        environment = {**self._plan.environment, **self._metrics.environment()}
        descriptors = [each.fileno() for each in slot.sockets]
        worker = await WorkerProcess.start(slot.number, descriptors, metrics, environment)
        self._all.add(worker)
        return worker

    def _lost(self, slot: Slot, worker: WorkerProcess, served_s: float) -> None:
        """A worker ended by itself. Its sockets go too: the kernel sends clients to the others at once."""
        slot.worker = None
        sockets.close(slot.sockets)
        self._gone(worker)
        slot.failures = 1 if served_s > STEADY_S else slot.failures + 1
        error = worker.error or "it ended by itself"
        log.error("worker.lost", worker=slot.number, pid=worker.pid, error=error, failures=slot.failures)
        if any(other.worker is not None for other in self._slots):
            return
        if slot.failures >= GIVE_UP_AFTER or (worker.refused and not self._served):
            raise GaveUp(error)

    def _gone(self, worker: WorkerProcess) -> None:
        self._all.discard(worker)
        self._metrics.dead(worker.post.metrics)

    async def _discard(self, worker: WorkerProcess) -> None:
        worker.kill()
        await worker.ended.wait()
        self._gone(worker)

    # --- all slots

    async def _roll_when_asked(self) -> None:
        """SIGHUP: replace the workers one by one; stop at the first successor that does not become ready."""
        while True:
            await self._roll.wait()
            self._roll.clear()
            log.info("rolling.began")
            for slot in self._slots:
                async with slot.changing:
                    if not await self._succeed(slot):
                        break
            else:
                log.info("rolling.done")

    async def _succeed(self, slot: Slot) -> bool:
        """Put another worker into this place, then let the one before it go; False if that cannot be."""
        before = slot.worker
        if before is None:
            return True  # it is being started anew anyway
        worker = await self._start(slot, self._metrics.name(slot.number, but=before.post.metrics))
        if not await worker.until(worker.ready, START_S):
            error = worker.error or f"not ready after {START_S:g} s"
            await self._discard(worker)
            log.error("rolling.stopped", worker=slot.number, error=error, pid=before.pid)
            return False
        slot.worker, slot.failures = worker, 0
        log.info("worker.replaced", worker=slot.number, pid=worker.pid, before=before.pid)
        before.replace()
        await self._end(before, STOP_S)
        return True

    async def _end(self, worker: WorkerProcess, seconds: float) -> None:
        if not await worker.end(seconds):
            log.error("worker.killed", worker=worker.post.worker, pid=worker.pid, after_s=seconds)
        self._gone(worker)

    async def _end_all(self) -> None:
        """Drain all workers side by side; kill those that take too long, or all when asked a second time."""
        for slot in self._slots:
            sockets.close(slot.sockets)  # the workers' own hold of them counts from now on
        ending = list(self._all)
        for worker in ending:
            worker.stop()
        killer = asyncio.create_task(self._kill_when_asked(ending), name="kill when asked")
        seconds = self._plan.drain_seconds + STOP_S
        await asyncio.gather(*(self._end(worker, seconds) for worker in ending))
        killer.cancel()

    async def _kill_when_asked(self, workers: list[WorkerProcess]) -> None:
        await self._kill.wait()
        for worker in workers:
            worker.kill()
