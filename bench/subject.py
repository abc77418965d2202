"""The server that is measured: the real application, on real stores, and datagrams in place of nurses.

A datagram becomes a put of a bed in the change log's form and goes to ``Hub.offer``: version, projection
for the audience, ring, one encoding, fan-out. The time of the datagram travels in the bed's ``status`` and a
running number in its ``code``, which the view of a corridor board shows. Nothing is written to PostgreSQL:
commits are measured apart, see :mod:`bench.scenarios.commit`.

``--one-by-one`` keeps changes in order outside of the hub and offers the next when the one before has begun
to leave, so that each leaves as a frame of its own, as every change does at the peers. Without it changes of
the room that arrive while a broadcast is under way leave together, as in a hospital.

``--redis`` publishes nothing itself: another process (:mod:`bench.feeder`) does, and :class:`Bus` receives.
"""

import argparse
import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop
from sqlalchemy import text

from bench.harness import WARD
from bench.trigger import listen
from hms_rt.app import Hospital, Stores
from hms_rt.cli.loop import stop_event
from hms_rt.cli.serving import listening
from hms_rt.config import Settings
from hms_rt.logs import configure
from hms_rt.realtime.fanout import RoomView
from hms_rt.realtime.follower import Follower
from hms_rt.storage.change_log import LogEntry
from hms_rt.storage.redis import Bus, make_redis

ROOM = f"ward:{WARD}"
FIRST, AHEAD = 10**6, 10**12
"""The ward's version when a subject starts, the same for each; and its head in the database from then on."""

PADDING = "x" * 27
"""Brings the frame of one bed to 300 bytes."""

Beds = list[tuple[str, dict[str, Any]]]


class Nurses:
    """Makes the entries that commits would have made: one bed after the other changes."""

    def __init__(self, stream: str, version: int, beds: Beds) -> None:
        self.version = version
        self._stream = stream
        self._beds = beds

    def change(self, taken_ns: int) -> LogEntry:
        """The next version of the ward: a bed that carries ``taken_ns``."""
        self.version += 1
        key, value = self._beds[self.version % len(self._beds)]
        shown = {**value, "code": self.version, "room": PADDING, "status": taken_ns}
        ops = [{"op": "put", "key": key, "value": shown, "cause": "status"}]
        return LogEntry(self._stream, self.version, datetime.now(UTC), ops)


class OneByOne:
    """Hands on one entry at a time: the next when the one before has begun to leave."""

    def __init__(self, hospital: Hospital, follower: Follower, give: Callable[[LogEntry], None]) -> None:
        self._hospital = hospital
        self._follower = follower
        self._give = give
        self._waiting: deque[LogEntry] = deque()
        self._view: RoomView | None = None
        self._scheduled = False

    def take(self, entry: LogEntry) -> None:
        """Hand on ``entry`` when its turn comes."""
        self._waiting.append(entry)
        if not self._scheduled:
            self._next()

    def _next(self) -> None:
        self._scheduled = False
        if self._waiting and self._left():
            self._give(self._waiting.popleft())
        if self._waiting:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._next)

    def _left(self) -> bool:
        """Whether all that was handed on has begun to leave."""
        if self._view is None or self._view.closed:
            views = [view for view in self._hospital.views.all() if view.follower is self._follower]
            self._view = views[0] if views else None
        view = self._view
        return view is None or not view.subscribers or view.sent == self._follower.version


class Offered(Follower):
    """A follower that is told more than the database holds: no sweep needs to bring it up to the head."""

    def lags(self, head: int) -> bool:
        return False


async def _follow(hospital: Hospital) -> Follower:
    """The ward's follower, kept for good; its head in the database is moved out of reach.

    Else the comparison of heads would find that the stream went back in time: what is offered here is
    not in the database.
    """
    kind, argument = hospital.rooms.find("/beds", ROOM)
    stream = kind.streams.stream(argument)

    async def read(connection: Any) -> Any:
        return await kind.streams.read(connection, argument)

    await _move_head(hospital, stream, FIRST)
    follower = await hospital.hub.follow(stream, read)
    follower.__class__ = Offered
    follower.listeners.append(lambda entry: None)
    await _move_head(hospital, stream, AHEAD)
    return follower


async def _move_head(hospital: Hospital, stream: str, version: int) -> None:
    move = text(
        """
        INSERT INTO stream_head (stream, version, at) VALUES (:stream, :version, clock_timestamp())
        ON CONFLICT (stream) DO UPDATE SET version = excluded.version
        """
    )
    async with hospital.engine.begin() as connection:
        await connection.execute(move, {"stream": stream, "version": version})


def _beds(follower: Follower) -> Beds:
    return [(key, dict(value)) for key, value in follower.state.items() if key.startswith("bed:")]


def _through_redis(hospital: Hospital, url: str, take: Callable[[LogEntry], None]) -> Bus:
    """A bus of our own in the place of the application's, so that entries can be kept one by one."""

    def received(epoch: uuid.UUID, entry: LogEntry) -> None:
        take(entry)

    bus = Bus(make_redis(url), received, hospital.hub.wake)
    hospital.hub.bus = bus
    bus.start()
    return bus


async def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM; prints one line of JSON when ready."""
    settings = Settings(_env_file=None, port=0)
    configure(settings.log_level)
    stores = Stores(settings.postgres_uri or "", settings.mongo_uri or "", settings.redis_url or "")
    hospital = Hospital(settings, stores)
    stop = stop_event()
    async with listening(hospital, settings) as port:
        bus: Bus | None = None
        if arguments.redis:
            bus = _through_redis(hospital, stores.redis_url, lambda entry: take(entry))
        follower = await _follow(hospital)
        nurses = Nurses(follower.stream, follower.version or 0, _beds(follower))
        gate = OneByOne(hospital, follower, hospital.hub.offer)
        take = gate.take if arguments.one_by_one else hospital.hub.offer
        trigger = await listen(lambda taken_ns: take(nurses.change(taken_ns)))
        said = {
            "port": port,
            "trigger": trigger,
            "epoch": str(hospital.hub.epoch),
            "stream": follower.stream,
            "version": nurses.version,
            "beds": _beds(follower),
        }
        print(orjson.dumps(said).decode(), flush=True)
        await stop.wait()
        if bus is not None:
            await bus.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one-by-one", action="store_true")
    parser.add_argument("--redis", action="store_true")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
