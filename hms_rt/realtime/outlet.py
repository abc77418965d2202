"""One connection's way out: what waits for a client, how much of it are changes, and whether it moves."""

import asyncio
import time
from collections import deque

from aiohttp import web
from engineio import AsyncServer
from engineio import packet as eio_packet

CLOSE_S = 2.0
"""Time for a polite close; then the connection is dropped, whatever waits."""

READY_BYTES = 256 * 1024
"""A client with more than this unread is not read from: who takes no answers asks nothing more."""

READY_POLL_S = 0.05


class _Frame(eio_packet.Packet):  # type: ignore[misc]
    """An Engine.IO message whose text is encoded already and which tells when the writer takes it."""

    def __init__(self, text: str, size: int, outlet: "Outlet", *, counts: bool) -> None:
        super().__init__(eio_packet.MESSAGE, data=text)
        self._size = size
        self._outlet = outlet
        self._counts = counts

    def encode(self, b64: bool = False) -> str:  # noqa: FBT001 - engineio's signature
        self._outlet.handed(self._size, counts=self._counts)
        text: str = self.data
        return text


class Outlet:
    """Frames leave in order behind whatever is queued already; every namespace of a connection shares it.

    ``waiting`` counts bytes of changes only; acknowledgements, snapshots and revocations do not count
    towards conflation. ``backlog`` counts everything. Both cover Engine.IO's queue and the transport's
    buffer, which is why every frame's size is remembered until the transport has got rid of it.
    """

    __slots__ = (
        "_buffered",
        "_buffered_bytes",
        "_buffered_changes",
        "_closing",
        "_engine",
        "_handed",
        "_progress_at",
        "_queued",
        "_queued_changes",
        "_taken",
        "_transport",
        "eio_sid",
    )

    def __init__(self, engine: AsyncServer, eio_sid: str, request: web.Request) -> None:
        self.eio_sid = eio_sid
        self._engine = engine
        self._transport: asyncio.Transport | None = request.transport
        self._queued = 0
        self._queued_changes = 0
        self._buffered: deque[tuple[int, bool]] = deque()
        self._buffered_bytes = 0
        self._buffered_changes = 0
        self._handed = 0
        self._taken = 0
        self._progress_at = time.monotonic()
        self._closing: asyncio.TimerHandle | None = None

    def send(self, text: str, *, counts: bool) -> None:
        """Queue one encoded message; ``counts`` says whether it is a change (see the class)."""
        socket = self._engine.sockets.get(self.eio_sid)
        if socket is None or socket.closed or socket.closing:
            return
        size = len(text) if text.isascii() else len(text.encode())
        self._queued += size
        self._queued_changes += size if counts else 0
        socket.queue.put_nowait(_Frame(text, size, self, counts=counts))

    def handed(self, size: int, *, counts: bool) -> None:
        """The writer takes a frame and gives it to the transport."""
        self._queued -= size
        self._queued_changes -= size if counts else 0
        self._handed += size
        self._sample()
        self._buffered.append((size, counts))
        self._buffered_bytes += size
        self._buffered_changes += size if counts else 0

    def waiting(self) -> int:
        """Bytes of changes that the client has not taken yet."""
        self._sample()
        return self._queued_changes + self._buffered_changes

    def backlog(self) -> int:
        """Bytes of everything that the client has not taken yet."""
        return self._queued + self._sample()

    def stuck_for(self) -> float:
        """Seconds since the client last took something; 0 when nothing waits for it."""
        if self.backlog() == 0:
            self._progress_at = time.monotonic()
        return time.monotonic() - self._progress_at

    async def ready(self) -> None:
        """Return once the client has taken most of what it was sent, or is gone."""
        while self.backlog() > READY_BYTES and not self.lost():  # noqa: ASYNC110 - a transport tells nobody
            await asyncio.sleep(READY_POLL_S)

    def lost(self) -> bool:
        """The connection under it is closed, or about to be."""
        return self._transport is None or self._transport.is_closing()

    async def close(self) -> None:
        """Close the connection with all its namespaces: a Socket.IO disconnect would leave it open.

        A client that does not even take the goodbye is dropped after two seconds.
        """
        if self._closing is not None:
            return
        self._closing = asyncio.get_running_loop().call_later(CLOSE_S, self.abort)
        socket = self._engine.sockets.get(self.eio_sid)
        if socket is not None:
            await socket.close(wait=False, reason=self._engine.reason.SERVER_DISCONNECT)
            await socket.queue.put(None)

    def abort(self) -> None:
        """Drop the connection now; what is queued is lost, which is the point."""
        if self._transport is not None:
            self._transport.abort()

    def finished(self) -> None:
        """The connection is over: nothing is left to abort."""
        if self._closing is not None:
            self._closing.cancel()
        self._transport = None

    def _sample(self) -> int:
        """Look at the transport's buffer, forget frames that left it, note progress; returns its bytes."""
        if self._transport is None or self._transport.is_closing():
            size = 0
        else:
            size = self._transport.get_write_buffer_size()
        while self._buffered and self._buffered_bytes - self._buffered[0][0] >= size:
            gone, counts = self._buffered.popleft()
            self._buffered_bytes -= gone
            self._buffered_changes -= gone if counts else 0
        taken = self._handed - size
        if taken > self._taken:
            self._progress_at = time.monotonic()
        self._taken = taken
        return size
