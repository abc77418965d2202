"""Counts who is connected and what they are shown, a slice at a time, so that the loop is never held."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from hms_rt.realtime.fanout import RoomView, Views
from hms_rt.realtime.pulse import Pulse
from hms_rt.realtime.status import MOST_ROOMS, RoomStatus, SlowClient, slowest
from hms_rt.realtime.subscriber import Subscriber

SLICE = 250
"""Clients, or rooms, that are looked at between two turns of the event loop: some tenths of a millisecond."""

SLOW_BYTES = 16 * 1024
SLOW_S = 1.0
NOWHERE = "none"

Labels = tuple[str, ...]


@dataclass
class Counted:
    """What was found. Clients that came or went meanwhile may be missing: it is a survey, not a ledger."""

    connections: Counter[Labels] = field(default_factory=Counter)
    """By namespace and audience; a client in rooms of two audiences counts in each."""
    kinds: Counter[Labels] = field(default_factory=Counter)
    """Rooms with clients, by namespace, kind and audience."""
    rooms_total: int = 0
    rooms: list[RoomStatus] = field(default_factory=list)
    slow_total: int = 0
    slow: list[SlowClient] = field(default_factory=list)


async def take(pulse: Pulse, views: Views) -> Counted:
    """Count everything once."""
    counted = Counted()
    await _clients(counted, pulse.everyone())
    await _rooms(counted, views.all())
    return counted


async def _clients(counted: Counted, everyone: list[Subscriber]) -> None:
    slow: list[SlowClient] = []
    for start in range(0, len(everyone), SLICE):
        for subscriber in everyone[start : start + SLICE]:
            for audience in {view.audience.value for view in subscriber.rooms.values()} or (NOWHERE,):
                counted.connections[(subscriber.namespace, audience)] += 1
            if (found := _slow(subscriber)) is not None:
                slow.append(found)
        await asyncio.sleep(0)
    counted.slow_total = len(slow)
    counted.slow = slowest(slow)


def _slow(subscriber: Subscriber) -> SlowClient | None:
    behind = subscriber.outlet.backlog()
    if not subscriber.dirty and not behind:
        return None
    stuck = subscriber.outlet.stuck_for()
    if not subscriber.dirty and behind < SLOW_BYTES and stuck < SLOW_S:
        return None
    return SlowClient(
        namespace=subscriber.namespace,
        address=subscriber.address,
        kind=subscriber.principal.kind,
        behind_bytes=behind,
        dirty_rooms=len(subscriber.dirty),
        stuck_s=round(stuck, 1),
    )


async def _rooms(counted: Counted, views: list[RoomView]) -> None:
    sockets: Counter[Labels] = Counter()
    shown: dict[Labels, RoomView] = {}
    for start in range(0, len(views), SLICE):
        for view in views[start : start + SLICE]:
            if view.subscribers:
                audience = view.audience.value
                key = (view.kind.namespace, view.room, audience)
                counted.kinds[(view.kind.namespace, view.kind.name, audience)] += 1
                sockets[key] += len(view.subscribers)
                shown[key] = view
        await asyncio.sleep(0)
    counted.rooms_total = sum(counted.kinds.values())
    counted.rooms = [_room(key, number, shown[key]) for key, number in sockets.most_common(MOST_ROOMS)]


def _room(key: Labels, sockets: int, view: RoomView) -> RoomStatus:
    """A name that stands for one stream per person (``me``) has no version of its own."""
    namespace, room, audience = key
    shared = view.kind.streams.stream(room.partition(":")[2]) == view.follower.stream
    return RoomStatus(
        namespace=namespace,
        room=room,
        audience=audience,
        sockets=sockets,
        version=view.sent if shared else None,
    )
