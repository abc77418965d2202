"""The slow beat: heartbeats, clients that drained or are stuck, unused views, and what must be watched.

One task for the whole process. Every client is in one of 50 buckets and one bucket is served every
100 ms, so heartbeats (one per client every 5 s) never leave in one burst.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from hms_rt.kernel.clock import Clock, rfc3339
from hms_rt.kernel.ending import end
from hms_rt.realtime import metrics
from hms_rt.realtime.fanout import Views
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.outlet import READY_BYTES
from hms_rt.realtime.subscriber import Subscriber

log = structlog.get_logger(__name__)

TICK_S = 0.1
BUCKETS = 50
HEARTBEAT_S = TICK_S * BUCKETS
FRESH_S = 2.0
"""A heartbeat needs a sweep that succeeded within this time: silence tells a board that it is stale.

A client with too much unread gets none either: it is not current, and they would pile up without bound.
"""

STUCK_S = 10.0
WATCH_EVERY = 3
"""Beats between two calls of the watches."""


class Pulse:
    """Keeps every subscriber of the process. ``watches`` are called about three times a second."""

    def __init__(
        self, hub: Hub, views: Views, clock: Clock, watches: Sequence[Callable[[], None]] = ()
    ) -> None:
        self._hub = hub
        self._views = views
        self._clock = clock
        self._watches = watches
        self._buckets: list[set[Subscriber]] = [set() for _ in range(BUCKETS)]
        self._next = 0
        self._tick = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Beat in a task."""
        self._task = asyncio.create_task(self._run(), name="pulse")

    async def stop(self) -> None:
        """Stop beating."""
        if self._task is not None:
            await end(self._task)

    def bucket(self) -> int:
        """The bucket for the next client; they fill evenly."""
        self._next = (self._next + 1) % BUCKETS
        return self._next

    def add(self, subscriber: Subscriber) -> None:
        """Start serving a client."""
        self._buckets[subscriber.bucket].add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Stop serving a client."""
        self._buckets[subscriber.bucket].discard(subscriber)

    def everyone(self) -> list[Subscriber]:
        """All clients of this process."""
        return [subscriber for bucket in self._buckets for subscriber in bucket]

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._tick += 1
            for work in (*self._watches, self._beat) if self._tick % WATCH_EVERY == 0 else (self._beat,):
                try:
                    work()
                except Exception:
                    log.exception("pulse.failed")

    def _beat(self) -> None:
        for subscriber in list(self._buckets[self._tick % BUCKETS]):
            self._serve(subscriber)
        for subscriber in self._views.behind():
            self._relieve(subscriber)
        if self._tick % (BUCKETS * 6) == 0:
            self._views.close_unused()

    def _serve(self, subscriber: Subscriber) -> None:
        if subscriber.outlet.stuck_for() > STUCK_S:
            _drop(subscriber)
        elif self._hub.sweep_age() <= FRESH_S and subscriber.outlet.backlog() <= READY_BYTES:
            heads = {room: [view.epoch, view.head] for room, view in subscriber.rooms.items()}
            subscriber.send("heartbeat", {"at": rfc3339(self._clock.now()), "heads": heads})

    def _relieve(self, subscriber: Subscriber) -> None:
        if subscriber.outlet.waiting() == 0:
            subscriber.drained()
        elif subscriber.outlet.stuck_for() > STUCK_S:
            _drop(subscriber)


def _drop(subscriber: Subscriber) -> None:
    """Its connection takes nothing; with several namespaces it is dropped and counted once."""
    if not subscriber.outlet.lost():
        log.info("socket.stuck", namespace=subscriber.namespace)
        metrics.aborted(metrics.Abort.STUCK)
        subscriber.outlet.abort()
