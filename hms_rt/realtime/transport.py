"""The fast path's WebSocket: its beginning, what comes in, and its end; what goes out is ``outgoing``.

After the handshake (``doorstep``, or aiohttp's own) the transport gets :class:`EngineSocket` as its protocol,
and aiohttp forgets the connection. What is written goes straight to the kernel while nothing waits in the
transport's buffer, and behind it otherwise: so there is one queue, and order is kept by construction.

With ``takeover``, ``engine`` and ``doorstep``, this alone knows the inside of other libraries; ``test_pins``
tells by name what moved. ``FASTPATH=off`` does without them (``stock``).
"""

import asyncio
import random
import time
from collections import deque
from typing import Any, Protocol

from aiohttp import WebSocketError, WSMessage, WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

from hms_rt.realtime import metrics
from hms_rt.realtime.frames import (
    BINARY,
    CLOSE,
    MAX_MESSAGE_BYTES,
    MESSAGE,
    PING,
    PING_INTERVAL_S,
    PONG,
    close_frame,
    pong_frame,
    text_frame,
)
from hms_rt.realtime.outgoing import Outgoing
from hms_rt.realtime.outlet import CLOSE_S, READY_BYTES
from hms_rt.realtime.pace import FLOOD, MESSAGE_BURST, MESSAGE_BYTES, MESSAGES_PER_SECOND

INBOX = 16
"""Messages that wait to be handled; with more, the client is not read from."""

NORMAL, UNSUPPORTED, POLICY, PROTOCOL = 1000, 1003, 1008, 1002

_PING_FRAME = text_frame(PING.encode())
_CLOSE_FRAME = text_frame(CLOSE.encode())


class Inlet(Protocol):
    """Who handles what a client sends."""

    async def message(self, socket: "EngineSocket", text: str) -> None:
        """One Socket.IO packet; the next waits until this one is handled. Never raises."""

    def lost(self, socket: "EngineSocket") -> None:
        """The connection is over. Called once."""


class _Reader(WebSocketDataQueue):
    """Where aiohttp's parser puts messages: they are handled at once instead of queued."""

    def __init__(self, socket: "EngineSocket") -> None:
        super().__init__(socket, MAX_MESSAGE_BYTES, loop=asyncio.get_running_loop())  # type: ignore[arg-type]
        self._take = socket.received
        self._fail = socket.unreadable

    def feed_data(self, data: Any, size: int) -> None:
        self._take(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        self._fail(exc.code if isinstance(exc, WebSocketError) else PROTOCOL)


class EngineSocket(Outgoing, asyncio.Protocol):
    """One Engine.IO connection, and its outlet (see :class:`~hms_rt.realtime.outlet.Outlet`).

    Pings every 20 s; a client that has not answered by the next ping is dropped, so a half-open connection
    lasts 40 s at most. A client that sends faster than 100 messages (of 2 KiB) a second is read more slowly,
    one that floods is closed with 1008, binary with 1003.
    """

    __slots__ = (
        "_allowance", "_allowance_at", "_inbox", "_inbox_bytes", "_inlet", "_loop", "_parser", "_pinged",
        "_pong", "_punished", "_timer", "_working", "sid",
    )  # fmt: skip

    def __init__(self, sid: str, transport: asyncio.Transport, inlet: Inlet) -> None:
        super().__init__(transport)
        self.sid = sid
        self._loop = asyncio.get_running_loop()
        self._inlet = inlet
        self._inbox: deque[str] | None = None
        self._inbox_bytes = 0
        self._working: asyncio.Task[None] | None = None
        self._parser = WebSocketReader(_Reader(self), MAX_MESSAGE_BYTES, compress=False, decode_text=True)
        self._pinged = False
        self._pong: bytes | None = None
        self._punished = False
        self._allowance = MESSAGE_BURST
        self._allowance_at = time.monotonic()
        self._timer = self._loop.call_later(PING_INTERVAL_S * random.uniform(0.5, 1.0), self._beat)

    # --- end

    async def close(self) -> None:
        """Close politely; a client that does not take the goodbye is dropped after two seconds."""
        self.refuse(NORMAL, "")

    def refuse(self, code: int, reason: str) -> None:
        """Close with a WebSocket close code; what is sent afterwards is dropped."""
        if self.closing or self._transport is None:
            return
        self.write(_CLOSE_FRAME + close_frame(code, reason))
        self.closing = True
        self.direct = -1
        self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_S, self._give_up)
        self._transport.close()

    def _give_up(self) -> None:
        metrics.aborted(metrics.Abort.GOODBYE)
        self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """asyncio's end of the connection."""
        self.closing = True
        self._transport = self._waits = self._inbox = None
        self._descriptor = self.direct = -1
        self._timer.cancel()
        del self._parser  # it knows this object
        self._inlet.lost(self)

    def _beat(self) -> None:
        """Every 20 s: the last ping must have been answered, unless nobody listened for the answer."""
        if self._pinged and self._transport is not None and self._transport.is_reading():
            metrics.aborted(metrics.Abort.SILENT)
            self.abort()
            return
        self._pinged = True
        self.write(_PING_FRAME)
        self._timer = self._loop.call_later(PING_INTERVAL_S, self._beat)

    # --- in

    def begin(self, came_early: bytes) -> None:
        """Read from now on, after what the client sent before it had its answer."""
        self.data_received(came_early)
        self._steer()

    def data_received(self, data: bytes) -> None:
        """asyncio's delivery of bytes, parsed by aiohttp."""
        if self.closing:
            return
        now = time.monotonic()
        gained = (now - self._allowance_at) * MESSAGES_PER_SECOND
        self._allowance = min(MESSAGE_BURST, self._allowance + gained) - len(data) / MESSAGE_BYTES
        self._allowance_at = now
        self._parser.feed_data(data)
        if self._pong is not None and self.backlog() <= READY_BYTES:
            self.write(pong_frame(self._pong))
            self._pong = None
        if self._allowance < 0 and not self._punished and not self.closing:
            self._punished = True
            self._loop.call_later(-self._allowance / MESSAGES_PER_SECOND, self._forgive)
            self._steer()

    def received(self, message: WSMessage) -> None:
        """One WebSocket message; of several pings only the last is answered (RFC 6455 §5.5.3).

        Raises once the connection is being closed, so that the parser leaves what else came.
        """
        self._allowance -= 1
        if self._allowance < -FLOOD or len(self._inbox or ()) > FLOOD:
            metrics.aborted(metrics.Abort.RATE)
            self.refuse(POLICY, "too many messages")
        if self.closing:
            raise WebSocketError(POLICY, "closing")
        if message.type is WSMsgType.TEXT:
            self._text(message.data)
        elif message.type is WSMsgType.PING:
            self._pong = message.data
        elif message.type is WSMsgType.CLOSE:
            self.refuse(NORMAL, "")
        elif message.type is not WSMsgType.PONG:
            metrics.aborted(metrics.Abort.BINARY)
            self.refuse(UNSUPPORTED, "only Socket.IO text messages")

    def unreadable(self, code: int) -> None:
        """What came is no WebSocket message."""
        if not self.closing:
            metrics.aborted(metrics.Abort.BAD_PACKET)
            self.refuse(code, "not a WebSocket message")

    def _text(self, text: str) -> None:
        if text.startswith(MESSAGE) and not text.startswith(BINARY):
            self._queue(text[1:])
        elif text.startswith(PONG):
            self._pinged = False
        elif text.startswith(CLOSE):
            self.refuse(NORMAL, "")
        else:
            binary = text.startswith(BINARY)
            metrics.aborted(metrics.Abort.BINARY if binary else metrics.Abort.BAD_PACKET)
            self.refuse(UNSUPPORTED, "only Socket.IO text messages")

    def _queue(self, text: str) -> None:
        if self._inbox is None:
            self._inbox = deque()
        self._inbox.append(text)
        self._inbox_bytes += len(text)
        if self._working is None:
            self._working = self._loop.create_task(self._work())
        self._steer()

    async def _work(self) -> None:
        """Handle one message after the other until none is left."""
        try:
            while self._inbox and not self.closing:
                text = self._inbox.popleft()
                self._inbox_bytes -= len(text)
                self._steer()
                await self._inlet.message(self, text)
                if self._waits is not None:
                    await self.ready()
                if self._inbox:
                    await asyncio.sleep(0)  # others get their turn between two messages
        finally:
            self._working = None
            self._inbox = None
            self._inbox_bytes = 0
            self._steer()

    def _forgive(self) -> None:
        self._punished = False
        self._steer()

    def _steer(self) -> None:
        """Read from the client, or do not: it is too fast, or too much of it waits."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        wait = self._punished or len(self._inbox or ()) > INBOX or self._inbox_bytes > MAX_MESSAGE_BYTES
        if wait and transport.is_reading():
            transport.pause_reading()
        elif not wait and not transport.is_reading():
            self._pinged = False  # its answer is among what is read only now
            transport.resume_reading()
