"""Hands frames to sockets in slices, so that no broadcast holds the event loop for long.

Five thousand sockets take 20 to 40 ms. Whoever waits meanwhile (a command, another room, a ping) waits for
one slice only. Broadcasts of several rooms take turns.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from hms_rt.realtime.fanout import RoomView
    from hms_rt.realtime.subscriber import Subscriber

log = structlog.get_logger(__name__)

TURN_S = 0.004
"""How long one turn of the loop may hand out frames."""

STEP = 32
"""Sockets between two looks at the clock; a step takes 0.1 to 0.3 ms."""

Send = Callable[["Subscriber"], object]
"""Hands a frame to one client."""


class Broadcast:
    """One frame on its way to the sockets that a view had when it began."""

    __slots__ = ("_left", "handed", "send", "view")

    def __init__(self, view: "RoomView", send: Send) -> None:
        self.view = view
        self.send = send
        self.handed = 0
        self._left: Iterator[Subscriber] = iter(tuple(view.subscribers))

    def step(self) -> bool:
        """Hand the frame to the next few; False once everybody has it. Who left meanwhile gets nothing."""
        members, send = self.view.subscribers, self.send
        for number, subscriber in enumerate(self._left, 1):
            if subscriber in members:
                self.handed += 1
                send(subscriber)
            if number == STEP:
                return True
        return False


class Broadcaster:
    """Every broadcast of the process. A view has at most one under way."""

    def __init__(self) -> None:
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
        if view not in self._under_way:
            self._turns.append(view)
        self._under_way[view] = Broadcast(view, send)
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
