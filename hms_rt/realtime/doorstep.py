"""The fast path's front: handshakes of sockets are answered before aiohttp makes a request of them.

A new connection is looked at once. If its first bytes are one whole, plain WebSocket handshake for
``/socket.io/`` (read by aiohttp's own parser, within aiohttp's own limits) it is decided here, and who is let
in gets the answer and Engine.IO's greeting as one write. **Only yes is said here**: whoever is refused,
whatever is unusual and every other request is handed to aiohttp from its first byte, which answers as always.

With ``transport``, ``takeover`` and ``engine``, this alone knows the inside of other libraries; see
``test_pins``.
"""

import asyncio
import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

from hms_rt.realtime.connections import Connection
from hms_rt.realtime.engine import FastServer
from hms_rt.realtime.frames import MAX_MESSAGE_BYTES
from hms_rt.realtime.server import PATH, REFUSAL, RealtimeServer

log = structlog.get_logger(__name__)

HEAD_BYTES = 8190
"""The longest head that is looked at: of what aiohttp takes for one header."""

IDLE_S = 75.0
"""A connection that sends nothing is closed after so long, as aiohttp closes idle ones."""

_FIRST = f"GET {PATH}?".encode()
_END = b"\r\n\r\n"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16


class Manners(Protocol):
    """What the web does for every request, whoever answers it."""

    def request_id(self, request: web.Request) -> str:
        """The id that the answer carries."""

    async def check(self, request: web.Request) -> None:
        """Raise for the page of another site, and for who asks too often."""

    def checked(self, request: web.Request) -> None:
        """This request went through :meth:`check` before it was one of aiohttp's."""

    def record(self, request: web.Request, route: str, began: float) -> None:
        """Write the request log's line about a socket that was let in."""


class Doorstep:
    """Makes the protocol of every new connection, in the place of aiohttp's server (``behind``)."""

    def __init__(
        self,
        app: web.Application,
        realtime: RealtimeServer,
        manners: Manners,
        behind: Callable[[], web.RequestHandler],
    ) -> None:
        self.app = app
        self.realtime = realtime
        self.sio: FastServer = realtime.sio  # type: ignore[assignment]  # its only other kind has no doorstep
        self.manners = manners
        self.behind = behind
        self.closed = False
        """Set when the server goes away: from then on everybody is aiohttp's."""
        self.loop = asyncio.get_running_loop()
        self.waiting: set[_Arrival] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def __call__(self) -> asyncio.Protocol:
        """The protocol of one more connection."""
        return self.behind() if self.closed else _Arrival(self)

    async def close(self, patience: float) -> None:
        """Let nobody in any more; handshakes under way get ``patience`` seconds, then all are dropped."""
        self.closed = True
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=patience)
        for arrival in list(self.waiting):
            arrival.drop()


class _Early(web.Request):
    """A request that no router has seen: it belongs to the one application that there is."""

    early_app: web.Application

    @property
    def config_dict(self) -> Any:
        return self.early_app


class _Arrival(asyncio.Protocol):
    """A connection of which nothing is known yet.

    ``transport``, ``ssl_context``, ``peername`` and ``sockname`` are what a request of aiohttp's asks its
    protocol for.
    """

    __slots__ = ("_bytes", "_doorstep", "_idle", "_task", "peername", "sockname", "ssl_context", "transport")

    def __init__(self, doorstep: Doorstep) -> None:
        self._doorstep = doorstep
        self._bytes = b""
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's beginning of the connection."""
        self.transport = transport  # type: ignore[assignment]
        self._doorstep.waiting.add(self)
        self._idle = self._doorstep.loop.call_later(IDLE_S, self.drop)

    def connection_lost(self, exc: BaseException | None) -> None:
        """asyncio's end of the connection; who is being looked up is told by the missing transport."""
        self._forget()
        self.transport = None

    def drop(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()

    def _forget(self) -> None:
        self._idle.cancel()
        self._doorstep.waiting.discard(self)

    def data_received(self, data: bytes) -> None:
        """The first bytes decide; what comes while somebody is looked up waits, and not much of it."""
        if self._bytes:
            self._bytes += data
            if len(self._bytes) > MAX_MESSAGE_BYTES and self.transport is not None:
                self.transport.pause_reading()
            return
        self._bytes = data
        request = self._request(data) if not self._doorstep.closed else None
        answer = _upgraded(request) if request is not None else b""
        if request is None or not answer:
            self._pass_on()
            return
        self._task = task = self._doorstep.loop.create_task(self._decide(request, answer, len(data)))
        self._doorstep.tasks.add(task)
        task.add_done_callback(self._doorstep.tasks.discard)

    def _request(self, data: bytes) -> web.Request | None:
        """One whole handshake without a body, and nothing after it; else None."""
        if not data.startswith(_FIRST) or not data.endswith(_END) or len(data) > HEAD_BYTES:
            return None
        loop = self._doorstep.loop
        parser = HttpRequestParser(self, loop, 2**16, payload_exception=web.RequestPayloadError)  # type: ignore[arg-type]
        try:
            messages, upgraded, tail = parser.feed_data(data)
        except HttpProcessingError:
            return None
        if len(messages) != 1 or not upgraded or tail or self.transport is None:
            return None
        (message, payload), *_ = messages
        self.ssl_context = self.transport.get_extra_info("sslcontext")
        self.peername = self.transport.get_extra_info("peername")
        self.sockname = None
        request = _Early(message, payload, self, None, None, loop)  # type: ignore[arg-type]
        request.early_app = self._doorstep.app
        return request

    async def _decide(self, request: web.Request, answer: bytes, size: int) -> None:
        """Let the client in, or leave it to aiohttp to say why not."""
        began = time.perf_counter()
        realtime, manners = self._doorstep.realtime, self._doorstep.manners
        request_id = manners.request_id(request)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await manners.check(request)
        except Exception:  # the middlewares find the same
            self._pass_on()
            return
        try:
            connection = await realtime.admit(request)
        except Exception as error:
            self._pass_on(error)
            return
        manners.record(request, PATH, began)
        self._enter(connection, answer + request_id.encode() + _END, self._bytes[size:])

    def _enter(self, connection: Connection, answer: bytes, came_early: bytes) -> None:
        """The client is in, unless it left meanwhile."""
        transport, self.transport = self.transport, None
        self._forget()
        if transport is None or transport.is_closing():
            self._doorstep.realtime.over(connection)
            return
        try:
            socket = self._doorstep.sio.greet(transport, connection, answer)
        except BaseException:
            self._doorstep.realtime.over(connection)
            transport.abort()
            raise
        if came_early:
            socket.begin(came_early)

    def _pass_on(self, error: Exception | None = None) -> None:
        """The connection is aiohttp's from its first byte; ``error`` is its first request's answer."""
        self._forget()
        transport, self.transport = self.transport, None
        if transport is None or transport.is_closing():
            return
        protocol = self._doorstep.behind()
        if error is not None:
            protocol._request_factory = _Told(self._doorstep.manners, error, protocol)  # noqa: SLF001
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(self._bytes)
        if not transport.is_reading():
            transport.resume_reading()


class _Told:
    """Makes the first request of a connection, which knows how it ends; the next are made as ever."""

    def __init__(self, manners: Manners, error: Exception, protocol: web.RequestHandler) -> None:
        self._manners = manners
        self._error = error
        self._make: Any = protocol._request_factory  # noqa: SLF001

    def __call__(self, message: Any, payload: Any, protocol: web.RequestHandler, *rest: Any) -> web.Request:
        protocol._request_factory = self._make  # noqa: SLF001
        request: web.Request = self._make(message, payload, protocol, *rest)
        request[REFUSAL] = self._error
        self._manners.checked(request)
        return request


def _upgraded(request: web.Request) -> bytes:
    """The answer 101 up to the request's id; empty for what is no plain WebSocket handshake (RFC 6455 §4)."""
    headers = request.headers
    key = headers.getall("Sec-WebSocket-Key", ())
    if (
        headers.get("Upgrade", "").lower() != "websocket"
        or headers.get("Sec-WebSocket-Version") != "13"
        or len(key) != 1
        or request.version != HttpVersion11
        or "Host" not in headers
        or "Expect" in headers
        or "Content-Length" in headers
        or "Transfer-Encoding" in headers
    ):
        return b""
    try:
        octets = key[0].encode("ascii")
        if len(base64.b64decode(octets, validate=True)) != _KEY_BYTES:
            return b""
    except (UnicodeEncodeError, binascii.Error):
        return b""
    accept = base64.b64encode(hashlib.sha1(octets + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\nX-Request-Id: "
    )
