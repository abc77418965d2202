"""The fast path's way out: frames go to the kernel at once, or wait in one queue, so order is kept.

This is the server's hottest code: what a change costs for each of thousands of screens is :func:`spread`, or
:meth:`Outgoing.send_change` for those that something waits for.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from hms_rt.realtime.frames import Frame
from hms_rt.realtime.held import Backlogged, Held
from hms_rt.realtime.outlet import READY_BYTES, narrow


class Outgoing(Backlogged):
    """The half of a connection that writes (see :class:`~hms_rt.realtime.outlet.Outlet`)."""

    __slots__ = ("_descriptor", "_transport", "_waits", "closing", "direct")

    ready_bytes = READY_BYTES

    def __init__(self, transport: asyncio.Transport) -> None:
        self.closing = False
        self._transport: asyncio.Transport | None = transport
        self._descriptor = _narrow(transport)
        self._waits: Held | None = None
        self.direct = -1
        """The descriptor while nothing waits and the connection is open, else -1: see :func:`spread`."""

    def send(self, frame: Frame, *, counts: bool) -> None:
        """Send an event; ``counts`` says whether it is a change."""
        self.write(frame.octets, counts=counts)

    def write(self, octets: bytes, *, counts: bool = False) -> None:
        """Send WebSocket frames: to the kernel if nothing waits, else behind what waits."""
        transport = self._transport
        if self.closing or transport is None or transport.is_closing():
            return
        if self._descriptor >= 0 and transport.get_write_buffer_size() == 0:
            try:
                sent = os.write(self._descriptor, octets)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.abort()
                return
            if sent == len(octets):
                self._waits = None
                self.direct = self._descriptor
                return
            octets = octets[sent:]
        self._keep(transport, octets, counts=counts)

    def _keep(self, transport: asyncio.Transport, octets: bytes, *, counts: bool) -> None:
        """What the kernel does not take waits in the transport's buffer, and everything else behind it."""
        self.direct = -1
        transport.write(octets)
        if self._waits is None:
            self._waits = Held()
        self._waits.add(len(octets), counts=counts)

    def rest(self, octets: bytes) -> None:
        """Send what the kernel did not take of a change that was written directly."""
        if self._transport is not None:
            self._keep(self._transport, octets, counts=True)

    def send_change(self, frame: Frame, most: int) -> bool:
        """Send a change, unless over ``most`` bytes of changes wait: what every broadcast does for each."""
        if self._waits is not None and self.waiting() > most:
            return False
        self.write(frame.octets, counts=True)
        return True

    def held(self) -> Held | None:
        """What waits, as of now; None (and forgotten) once everything left."""
        held = self._waits
        if held is not None:
            held.sample(self._transport.get_write_buffer_size() if self._transport is not None else 0)
            if held.size == 0:
                self._waits = held = None
                self.direct = -1 if self.closing else self._descriptor
        return held

    def lost(self) -> bool:
        """The connection is closed, or about to be."""
        return self.closing or self._transport is None or self._transport.is_closing()

    def abort(self) -> None:
        """Drop the connection now."""
        self.closing = True
        self.direct = -1
        if self._transport is not None:
            self._transport.abort()


def _narrow(transport: asyncio.Transport) -> int:
    """The descriptor to write to, or -1 where that is not possible (TLS encrypts on the way)."""
    raw = narrow(transport)
    if raw is None or transport.get_extra_info("sslcontext") is not None:
        return -1
    return int(raw.fileno())


def spread(sockets: Sequence[Any], octets: bytes) -> Sequence[int]:
    """Write a change to every socket for which nothing waits; answers the places of the others.

    What a broadcast to thousands costs is this loop: it looks at one attribute of one object per socket.
    ``direct`` is the descriptor only between two moments that are ours: the transport's buffer was seen empty
    and nobody but us writes to it, and asyncio and uvloop close a descriptor after ``connection_lost``, never
    before. So the bytes cannot overtake anything, nor reach a connection that was given the same number.
    """
    others = []
    size = len(octets)
    write = os.write
    for place, socket in enumerate(sockets):
        descriptor = socket.direct
        if descriptor < 0:
            others.append(place)
            continue
        try:
            sent = write(descriptor, octets)
            if sent != size:
                socket.rest(octets[sent:])
        except BlockingIOError:
            socket.rest(octets)
        except OSError:
            socket.abort()
    return others
