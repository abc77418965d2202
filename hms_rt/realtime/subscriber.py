"""One client in one namespace: its principal, its rooms, and what it may still be sent."""

import time
from typing import Any

import orjson

from hms_rt.kernel.principal import Principal
from hms_rt.realtime import metrics
from hms_rt.realtime.fanout import CONFLATE_BYTES, RoomView
from hms_rt.realtime.frames import Frame
from hms_rt.realtime.outlet import Outlet

MAX_ROOMS = 64
EVENTS_PER_SECOND = 50.0
EVENT_BURST = 100.0


class Subscriber:
    """A connected client; made when the namespace accepts it, closed when it leaves.

    ``siblings`` are the clients of the same connection by namespace, this one included.
    """

    __slots__ = (
        "_allowance",
        "_allowance_at",
        "address",
        "bucket",
        "conflations",
        "dirty",
        "gone",
        "namespace",
        "outlet",
        "principal",
        "rooms",
        "siblings",
        "sid",
    )

    def __init__(
        self,
        sid: str,
        namespace: str,
        principal: Principal,
        outlet: Outlet,
        bucket: int,
        address: str,
        siblings: "dict[str, Subscriber]",
    ) -> None:
        self.sid = sid
        self.namespace = namespace
        self.principal = principal
        self.outlet = outlet
        self.bucket = bucket
        self.address = address
        self.gone = False
        self.siblings = siblings
        self.rooms: dict[str, RoomView] = {}
        self.dirty: set[str] = set()
        self.conflations = 0
        self._allowance = EVENT_BURST
        self._allowance_at = time.monotonic()

    def send_change(self, room: str, frame: Frame) -> None:
        """Send a change, unless the client is behind: then it gets one snapshot once it has drained."""
        if room in self.dirty:
            self.rooms[room].passed_over += 1
        elif not self.outlet.send_change(frame, CONFLATE_BYTES):
            view = self.rooms[room]
            self.fall_behind(view)
            self.conflations += 1
            view.passed_over += 1
            metrics.conflated()

    def fall_behind(self, view: RoomView) -> None:
        """No change of this view until the snapshot that :meth:`drained` sends."""
        self.dirty.add(view.room)
        view.fell_behind(self)

    def send_snapshot(self, room: str, frame: Frame) -> None:
        """Send a snapshot; it replaces whatever the client missed."""
        if room in self.dirty:
            self.dirty.discard(room)
            self.rooms[room].subscribers.behind.discard(self)
        self.outlet.send(frame, counts=False)

    def send(self, event: str, value: Any) -> None:
        """Send any other event."""
        self.outlet.send(Frame(self.namespace, event, orjson.dumps(value)), counts=False)

    def join(self, room: str, view: RoomView) -> None:
        """Receive the changes of ``room`` from now on."""
        self.leave(room)
        self.rooms[room] = view
        view.subscribers.add(self)

    def leave(self, room: str) -> None:
        """Receive nothing more of ``room``."""
        view = self.rooms.pop(room, None)
        self.dirty.discard(room)
        if view is not None:
            view.subscribers.discard(self)

    def leave_all(self) -> None:
        """The client is gone, and joins nothing any more."""
        self.gone = True
        for room in list(self.rooms):
            self.leave(room)

    def drained(self) -> None:
        """Called while rooms are dirty and nothing waits: one snapshot each."""
        for room in list(self.dirty):
            view = self.rooms.get(room)
            if view is None:
                self.dirty.discard(room)
            else:
                view.catch_up(self)

    def may_send(self) -> bool:
        """Token bucket over the client's own events: 50 a second, bursts of 100."""
        now = time.monotonic()
        gained = (now - self._allowance_at) * EVENTS_PER_SECOND
        self._allowance = min(EVENT_BURST, self._allowance + gained)
        self._allowance_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True
