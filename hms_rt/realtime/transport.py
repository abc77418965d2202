"""The only module that knows the inside of python-socketio 5.18, engineio 4.15 and aiohttp 3.14.

Everything else uses :class:`Outlet` and :class:`GuardedServer`. The traps that this module closes are
listed in DESIGN §5; each has a regression test in ``tests/realtime/test_traps.py``.
"""

import asyncio
import socket as sockets
import time
from collections.abc import Callable
from typing import Any

import orjson
import socketio
import structlog
from aiohttp import WSMsgType, web
from engineio import packet as eio_packet
from engineio.async_drivers import aiohttp as eio_aiohttp

from hms_rt.kernel import strict_json
from hms_rt.kernel.errors import Code, HmsError

log = structlog.get_logger(__name__)

SEND_BUFFER_BYTES = 32 * 1024
"""SO_SNDBUF: a larger one hides megabytes of unread changes in the kernel."""

MAX_MESSAGE_BYTES = 64 * 1024
PING_INTERVAL_S = 20
PING_TIMEOUT_S = 15
_BINARY_EVENT, _BINARY_ACK = "45", "46"


class Json:
    """The JSON module that python-socketio uses: strict on the way in, orjson on the way out."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str, **_: Any) -> Any:
        try:
            return strict_json.loads(text)
        except HmsError as error:
            raise ValueError(error.detail) from None


class _Frame(eio_packet.Packet):  # type: ignore[misc]
    """An Engine.IO message whose text is encoded already and which reports when it is written."""

    def __init__(self, text: str, size: int, written: Callable[[int], None]) -> None:
        super().__init__(eio_packet.MESSAGE, data=text)
        self._text = "4" + text
        self._size = size
        self._written = written

    def encode(self, b64: bool = False) -> str:  # noqa: FBT001 - engineio's signature
        self._written(self._size)
        return self._text


class _WebSocket(eio_aiohttp.WebSocket):  # type: ignore[misc]
    """Engine.IO's aiohttp driver without compression (145 instead of 54 KiB a socket) and without binary."""

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        request: web.Request = environ["aiohttp.request"]
        self._sock = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False, decode_text=True)
        await self._sock.prepare(request)
        _narrow(request)
        self.environ = environ
        await self.handler(self)
        return self._sock

    async def wait(self) -> str:
        message = await self._sock.receive()
        if message.type is not WSMsgType.TEXT:
            if message.type is WSMsgType.BINARY:
                await self._sock.close(code=1003, message=b"binary is refused")
            raise OSError("closed")
        text: str = message.data
        if text.startswith((_BINARY_EVENT, _BINARY_ACK)):
            await self._sock.close(code=1003, message=b"binary is refused")
            raise OSError("binary")
        return text


def _narrow(request: web.Request) -> None:
    transport = request.transport
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)


class GuardedServer(socketio.AsyncServer):  # type: ignore[misc]
    """python-socketio's server: WebSocket only, one packet of a client at a time, bad packets end the socket.

    Origin is checked before the handshake (``cors_allowed_origins=[]`` switches off a check that would
    trust X-Forwarded-Host).
    """

    def __init__(self) -> None:
        super().__init__(
            async_mode="aiohttp",
            async_handlers=False,
            transports=["websocket"],
            cors_allowed_origins=[],
            allow_upgrades=False,
            http_compression=False,
            max_http_buffer_size=MAX_MESSAGE_BYTES,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            json=Json,
            logger=False,
            engineio_logger=False,
        )
        self.eio._async = {**self.eio._async, "websocket": _WebSocket}  # noqa: SLF001

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        try:
            await super()._handle_eio_message(eio_sid, data)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            log.info("socket.bad_packet", error=type(error).__name__)
            outlet = Outlet(self, eio_sid)
            await outlet.close()

    def engine_sid(self, sid: str, namespace: str) -> str | None:
        """The connection behind a client's id in one namespace."""
        found: str | None = self.manager.eio_sid_from_sid(sid, namespace)
        return found

    def connected(self, sid: str, namespace: str) -> bool:
        """True from the accepted ``connect`` until the disconnect began."""
        return bool(self.manager.is_connected(sid, namespace))


class Outlet:
    """One client's way out: frames go in order behind whatever is queued already.

    ``waiting`` counts bytes of changes only (queued here, or unsent in the transport); acknowledgements,
    snapshots and revocations do not count towards conflation.
    """

    __slots__ = ("_last_buffer", "_queued", "_server", "_transport", "eio_sid", "progress_at")

    def __init__(self, server: GuardedServer, eio_sid: str, request: web.Request | None = None) -> None:
        self._server = server
        self.eio_sid = eio_sid
        self._transport: asyncio.Transport | None = request.transport if request is not None else None
        self._queued = 0
        self._last_buffer = 0
        self.progress_at = time.monotonic()

    def send(self, text: str, *, counts: bool) -> None:
        """Queue one Socket.IO packet; ``counts`` says whether it is a change (see the class)."""
        engine = self._server.eio.sockets.get(self.eio_sid)
        if engine is None or engine.closed or engine.closing:
            return
        size = len(text) if counts else 0
        self._queued += size
        engine.queue.put_nowait(_Frame(text, size, self._written))

    def waiting(self) -> int:
        """Bytes of changes that the client has not taken yet."""
        return self._queued + self._buffered()

    def stuck_for(self) -> float:
        """Seconds without progress; 0 when nothing waits."""
        if self.waiting() == 0:
            self.progress_at = time.monotonic()
        return time.monotonic() - self.progress_at

    async def close(self) -> None:
        """Close the connection with all its namespaces: a Socket.IO disconnect would leave it open."""
        engine = self._server.eio.sockets.get(self.eio_sid)
        if engine is not None:
            await engine.close(wait=False, reason=self._server.eio.reason.SERVER_DISCONNECT)
            await engine.queue.put(None)

    def abort(self) -> None:
        """Drop the connection now; what is queued is lost, which is the point."""
        if self._transport is not None:
            self._transport.abort()

    def _buffered(self) -> int:
        if self._transport is None or self._transport.is_closing():
            return 0
        size = self._transport.get_write_buffer_size()
        if size < self._last_buffer:
            self.progress_at = time.monotonic()
        self._last_buffer = size
        return size

    def _written(self, size: int) -> None:
        self._queued -= size
        self.progress_at = time.monotonic()


def packet(namespace: str, event: str, body: bytes) -> str:
    """A Socket.IO EVENT packet around ``body``, which is JSON already."""
    return f'2{namespace},["{event}",{body.decode()}]'


def is_environ(value: object) -> bool:
    """True for what the server passes to ``connect``; a client cannot forge an aiohttp request in JSON."""
    return isinstance(value, dict) and isinstance(value.get("aiohttp.request"), web.Request)


def bad_payload() -> HmsError:
    """The event did not carry exactly one object."""
    return HmsError(Code.MALFORMED, "send one JSON object with the event")
