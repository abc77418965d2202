"""Publishes changes through Redis for a server in another process: ``python -m bench.feeder SUBJECT_JSON``.

The argument is the line that :mod:`bench.subject` prints when it is ready.
"""

import asyncio
import os
import sys
import uuid
from collections import deque
from typing import Any

import orjson
import uvloop

from bench.subject import Nurses
from bench.trigger import listen
from hms_rt.cli.loop import stop_event
from hms_rt.logs import configure
from hms_rt.storage.change_log import LogEntry
from hms_rt.storage.redis import Bus, make_redis

BATCH = 200


class Publishing:
    """Publishes in order, in batches under load, as the server's own publisher does."""

    def __init__(self, bus: Bus, epoch: uuid.UUID) -> None:
        self._bus = bus
        self._epoch = epoch
        self._waiting: deque[LogEntry] = deque()
        self._wake = asyncio.Event()

    def take(self, entry: LogEntry) -> None:
        """Publish ``entry`` soon."""
        self._waiting.append(entry)
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                most = min(BATCH, len(self._waiting))
                await self._bus.publish(self._epoch, [self._waiting.popleft() for _ in range(most)])


async def run(subject: dict[str, Any]) -> None:
    """Publish until SIGTERM; prints one line of JSON when ready."""
    configure("WARNING")
    bus = Bus(make_redis(os.environ["REDIS_URL"]), lambda epoch, entry: None, lambda: None)
    nurses = Nurses(subject["stream"], subject["version"], subject["beds"])
    publishing = Publishing(bus, uuid.UUID(subject["epoch"]))
    task = asyncio.create_task(publishing.run())
    stop = stop_event()
    trigger = await listen(lambda taken_ns: publishing.take(nurses.change(taken_ns)))
    print(orjson.dumps({"trigger": trigger}).decode(), flush=True)
    await stop.wait()
    task.cancel()
    await bus.stop()


def main() -> None:
    """The command line."""
    uvloop.run(run(orjson.loads(sys.argv[1])))


if __name__ == "__main__":
    main()
