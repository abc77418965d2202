"""``FASTPATH=off``: the same server on nothing but the public API of python-socketio and aiohttp.

Slower by far, and the way out if an upgrade of a library breaks ``transport``, ``takeover`` or ``engine``.
The library's send queue tells nobody how full it is, so frames wait in a queue of ours and are emitted in
small portions, only while aiohttp's transport has little to send.
"""

import asyncio
import contextvars
import logging
from collections import deque
from contextlib import suppress
from typing import Any

import orjson
import socketio
from aiohttp import web

from hms_rt.realtime import metrics
from hms_rt.realtime.broadcaster import Spread
from hms_rt.realtime.connections import Connection, Ended, options
from hms_rt.realtime.frames import BINARY, MESSAGE, Frame, TextPacket
from hms_rt.realtime.held import READY_POLL_S, Backlogged, Held
from hms_rt.realtime.outlet import (
    CLOSE_S,
    narrow,
)
from hms_rt.realtime.pace import Pace

PORTION_BYTES = 16 * 1024
"""Emitted at once, and the most the transport may hold when more is emitted."""

FULL_BYTES = 64 * 1024
"""aiohttp's writer waits from here on."""

POLL_S = 0.01

CONNECTION = web.RequestKey("hms.connection", Connection)
_SENDER: contextvars.ContextVar["StockOutlet"] = contextvars.ContextVar("hms_sender")

_silent = logging.getLogger("hms_rt.socketio")
_silent.setLevel(logging.CRITICAL + 1)


class _CheckedPacket(TextPacket):
    """Whoever sends binary, what is no packet, or far too much, loses the connection."""

    def decode(self, encoded_packet: Any) -> Any:
        if _SENDER.get().pace.floods(len(encoded_packet)):
            metrics.aborted(metrics.Abort.RATE)
            _SENDER.get().abort()
            raise ValueError("too many messages")
        try:
            if binary := not isinstance(encoded_packet, str) or (MESSAGE + encoded_packet).startswith(BINARY):
                raise ValueError("only Socket.IO text messages")
            return super().decode(encoded_packet)
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            metrics.aborted(metrics.Abort.BINARY if binary else metrics.Abort.BAD_PACKET)
            _SENDER.get().abort()
            raise


class StockOutlet(Backlogged):
    """A connection's way out (see :class:`~hms_rt.realtime.outlet.Outlet`)."""

    ready_bytes = FULL_BYTES
    """Acknowledgements wait in the library's queue unseen, but only behind a transport that is full."""

    def __init__(self, sio: socketio.AsyncServer, connection: Connection, request: web.Request) -> None:
        self._sio = sio
        self._connection = connection
        self._transport = request.transport
        self._queue: deque[Frame] = deque()
        self._queued = 0
        self._held = Held()
        self.pace = Pace()
        self._pump: asyncio.Task[None] | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[None] | None = None

    def send(self, frame: Frame, *, counts: bool) -> None:
        """Queue an event; ``counts`` says whether it is a change."""
        if self.lost():
            return
        self._queue.append(frame)
        self._queued += len(frame.body)
        self._held.add(len(frame.body), counts=counts)
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._drain())

    def send_change(self, frame: Frame, most: int) -> bool:
        """Queue a change, unless over ``most`` bytes of changes wait."""
        if self.waiting() > most:
            return False
        self.send(frame, counts=True)
        return True

    async def _drain(self) -> None:
        try:
            while self._queue and not self._over():
                if self._in_transport() > PORTION_BYTES:
                    await asyncio.sleep(POLL_S)
                    continue
                portion = 0
                while self._queue and portion < PORTION_BYTES:
                    portion += await self._emit(self._queue.popleft())
                await asyncio.sleep(0)  # the library's writer takes the portion
        finally:
            self._pump = None

    async def _emit(self, frame: Frame) -> int:
        size = len(frame.body)
        self._queued -= size
        subscriber = self._connection.subscribers.get(frame.namespace)
        if subscriber is not None:
            body = orjson.Fragment(frame.body)
            await self._sio.emit(frame.event, body, to=subscriber.sid, namespace=frame.namespace)
        return size

    def lost(self) -> bool:
        """The connection is closed, or about to be: only what was sent before still leaves."""
        return self._closing is not None or self._over()

    def _over(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    async def close(self) -> None:
        """Leave every namespace, then close the connection; after two seconds drop it."""
        if self._closing is not None or self._transport is None:
            return
        loop = asyncio.get_running_loop()
        self._closing = loop.call_later(CLOSE_S, self._give_up)
        self._leaving = loop.create_task(self._leave(self._transport))

    async def _leave(self, transport: asyncio.Transport) -> None:
        """What was sent before the goodbye goes first."""
        while self._queue and not self._over():  # noqa: ASYNC110 - as above
            await asyncio.sleep(POLL_S)
        for namespace, subscriber in list(self._connection.subscribers.items()):
            with suppress(Exception):
                await self._sio.disconnect(subscriber.sid, namespace=namespace)
        await asyncio.sleep(READY_POLL_S)
        transport.close()

    def abort(self) -> None:
        """Drop the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self) -> None:
        metrics.aborted(metrics.Abort.GOODBYE)
        self.abort()

    def finished(self) -> None:
        """The connection is over."""
        if self._closing is not None:
            self._closing.cancel()
        if self._pump is not None:
            self._pump.cancel()
        self._transport = None

    def held(self) -> Held | None:
        """What waits in our queue or in the transport; what the library holds is seen by neither."""
        backlog = self.backlog()
        self._held.sample(backlog)
        return self._held if backlog else None

    def backlog(self) -> int:
        """Bytes of everything: acknowledgements, too, which the library sends, wait in the transport."""
        return self._queued + self._in_transport()

    def _in_transport(self) -> int:
        transport = self._transport
        return transport.get_write_buffer_size() if transport is not None and not self._over() else 0


class StockServer:
    """python-socketio as it is (see :class:`~hms_rt.realtime.connections.SocketServer`)."""

    def __init__(self, namespaces: list[str], ended: Ended) -> None:
        told = {**options(), "logger": _silent, "engineio_logger": _silent}
        self.sio = socketio.AsyncServer(**told, serializer=_CheckedPacket, namespaces=namespaces)
        self.spread: Spread | None = None
        self._ended = ended
        self._open = 0

    def register_namespace(self, namespace_handler: socketio.AsyncNamespace) -> None:
        """Serve a department's namespace."""
        self.sio.register_namespace(namespace_handler)

    async def open(self, request: web.Request, connection: Connection) -> web.StreamResponse:
        """Serve the connection; returns when it is over."""
        narrow(request.transport)
        outlet = StockOutlet(self.sio, connection, request)
        connection.outlet = outlet
        _SENDER.set(outlet)
        headers = request.headers.copy()
        headers.popall("Sec-WebSocket-Extensions", None)  # 145 instead of 54 KiB a socket
        self._open += 1
        try:
            plain = request.clone(headers=headers)
            plain[CONNECTION] = connection
            response: web.StreamResponse = await self.sio.handle_request(plain)
            return response
        finally:
            self._open -= 1
            outlet.finished()
            self._ended(connection)

    def connection_of(self, environ: object) -> Connection | None:
        """A client cannot forge a request of aiohttp's in JSON."""
        request = environ.get("aiohttp.request") if isinstance(environ, dict) else None
        return request.get(CONNECTION) if isinstance(request, web.Request) else None

    def connected(self, sid: str, namespace: str) -> bool:
        """The library tells of a disconnect only once; before that the client is connected."""
        return bool(self.sio.manager.is_connected(sid, namespace))

    def known(self) -> int:
        """Connections whose handler has not returned."""
        return self._open
