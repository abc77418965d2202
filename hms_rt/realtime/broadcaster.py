"""Hands frames to sockets in slices, so that no broadcast holds the event loop for long.

Five thousand sockets take 20 to 40 ms. Whoever waits meanwhile (a command, another room, a ping) waits for
one slice only. Broadcasts of several rooms take turns.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from hms_rt.realtime.fanout import RoomView
    from hms_rt.realtime.frames import Frame
    from hms_rt.realtime.outlet import Outlet
    from hms_rt.realtime.subscriber import Subscriber

log = structlog.get_logger(__name__)

TURN_S = 0.004
"""How long one turn of the loop may hand out frames."""

STEP = 32
"""Sockets between two looks at the clock; a step takes 0.1 to 0.3 ms."""

Send = Callable[["Subscriber"], object]
"""Hands a frame to one client."""

Spread = Callable[["Sequence[Outlet]", bytes], "Sequence[int]"]
"""Writes a WebSocket frame to every connection for which nothing waits; answers the places of the others."""


class Broadcast:
    """One frame on its way to the sockets that a view had when it began."""

    __slots__ = (
        "_departures",
        "_next",
        "_octets",
        "_outlets",
        "_spread",
        "_subscribers",
        "handed",
        "send",
        "view",
    )

    def __init__(
        self, view: "RoomView", send: Send, octets: bytes = b"", spread: Spread | None = None
    ) -> None:
        self.view = view
        self.send = send
        self.handed = 0
        self._octets = octets
        self._spread = spread
        self._departures = view.subscribers.departures
        self._subscribers, self._outlets = view.subscribers.lists()
        self._next = 0

    def step(self) -> bool:
        """Hand the frame to the next few; False once everybody has it. Who left meanwhile gets nothing."""
        first = self._next
        if self._spread is None or not self._undisturbed():
            self._one_by_one()
        else:
            outlets = self._outlets[first : first + STEP]
            try:
                others = self._spread(outlets, self._octets)
            except Exception:
                log.exception("broadcast.failed", namespace=self.view.kind.namespace)
                self._spread = None  # the long way for all of this step and the rest: twice is harmless
                return True
            self._next = first + len(outlets)
            self.handed += len(outlets)
            for place in others:
                self.send(self._subscribers[first + place])
        return self._next < len(self._subscribers)

    def _undisturbed(self) -> bool:
        """Everybody is still here, and nobody waits for a snapshot instead."""
        members = self.view.subscribers
        return members.departures == self._departures and not members.behind

    def _one_by_one(self) -> None:
        members, send = self.view.subscribers, self.send
        for subscriber in self._subscribers[self._next : self._next + STEP]:
            self._next += 1  # first: if it fails for this one, the others get theirs
            if subscriber in members:
                self.handed += 1
                send(subscriber)


class Broadcaster:
    """Every broadcast of the process. A view has at most one under way.

    ``spread`` is the transport's short way for frames that are changes; without it each client is asked.
    ``lagging`` are the views of which some client waits for a snapshot.
    """

    def __init__(self) -> None:
        self.spread: Spread | None = None
        self.lagging: set[RoomView] = set()
        self._wanting: dict[RoomView, None] = {}
        self._under_way: dict[RoomView, Broadcast] = {}
        self._turns: deque[RoomView] = deque()
        self._scheduled = False

    def wants(self, view: "RoomView") -> None:
        """Ask ``view`` what to send at the loop's next turn; if it is being sent to, once that is done."""
        if view not in self._under_way:
            self._wanting[view] = None
            self._schedule()

    def start(self, view: "RoomView", send: Send) -> None:
        """Call ``send`` for each of the view's sockets, instead of what is under way to them."""
        self._start(Broadcast(view, send))

    def start_change(self, view: "RoomView", frame: "Frame") -> None:
        """Send a change to each of the view's sockets."""
        room = view.room

        def send(subscriber: "Subscriber") -> None:
            subscriber.send_change(room, frame)

        spread = self.spread
        self._start(Broadcast(view, send, frame.octets if spread is not None else b"", spread))

    def _start(self, broadcast: Broadcast) -> None:
        if broadcast.view not in self._under_way:
            self._turns.append(broadcast.view)
        self._under_way[broadcast.view] = broadcast
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Begin broadcasts, then hand out frames, until the time is up; the rest at the loop's next turn.

        At least one of either is done in every turn, so that neither waits for the other for ever.
        """
        self._scheduled = False
        until = time.perf_counter() + TURN_S
        while self._wanting:
            view = next(iter(self._wanting))
            del self._wanting[view]
            if view not in self._under_way:
                self._begin(view)
            if time.perf_counter() >= until:
                break
        while self._turns:
            self._step(self._turns.popleft())
            if time.perf_counter() >= until:
                break
        if self._turns or self._wanting:
            self._schedule()

    @staticmethod
    def _begin(view: "RoomView") -> None:
        try:
            view.begin()
        except Exception:
            log.exception("broadcast.failed", namespace=view.kind.namespace)  # the other rooms go on

    def _step(self, view: "RoomView") -> None:
        broadcast = self._under_way[view]
        try:
            more = broadcast.step()
        except Exception:
            log.exception("broadcast.failed", namespace=view.kind.namespace)
            more = True  # whom it failed for is passed: the others get theirs
        if more:
            self._turns.append(view)
            return
        del self._under_way[view]
        try:
            view.done(broadcast.handed)
        except Exception:
            log.exception("broadcast.failed", namespace=view.kind.namespace)
