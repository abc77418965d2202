"""The only module, with ``outlet``, that knows the inside of python-socketio 5.18 and engineio 4.15.

Everything else uses :class:`~hms_rt.realtime.outlet.Outlet` and :class:`GuardedServer`. The traps that
these modules close are listed in DESIGN §5; each has a regression test in ``tests/realtime/test_traps.py``
or ``test_handshake.py``, and ``test_pins.py`` tells by name which of the libraries' insides moved.
"""

import asyncio
import socket as sockets
import time
from typing import Any

import orjson
import socketio
import structlog
from aiohttp import WSMsgType, web
from engineio.async_drivers import aiohttp as eio_aiohttp

from hms_rt.kernel import strict_json
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.realtime.outlet import Outlet

log = structlog.get_logger(__name__)

SEND_BUFFER_BYTES = 32 * 1024
"""SO_SNDBUF: a larger one hides megabytes of unread changes in the kernel."""

UNACKNOWLEDGED_MS = 30_000
"""TCP_USER_TIMEOUT: a peer that takes nothing for so long is dropped by the kernel, whatever we do."""

MAX_MESSAGE_BYTES = 64 * 1024
FRAMES_PER_SECOND = 100.0
FRAME_BURST = 200.0
PING_INTERVAL_S = 20
PING_TIMEOUT_S = 15
_BINARY_EVENT, _BINARY_ACK = "45", "46"
_CLOSE, _PONG, _MESSAGE = "1", "3", "4"

OUTLET = web.RequestKey("hms.outlet", Outlet)


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


class _WebSocket(eio_aiohttp.WebSocket):  # type: ignore[misc]
    """Engine.IO's aiohttp driver without compression (145 instead of 54 KiB a socket), without binary, and
    with a limit on what a client sends: faster than that, or without taking its answers, it is not read."""

    _outlet: Outlet
    _allowance = FRAME_BURST
    _allowance_at = 0.0

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        request: web.Request = environ["aiohttp.request"]
        self._sock = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False, decode_text=True)
        await self._sock.prepare(request)
        _narrow(request)
        self._outlet = request[OUTLET]
        self.environ = environ
        await self.handler(self)
        return self._sock

    async def wait(self) -> str:
        """The next text frame of a kind that a client may send; anything else ends the connection."""
        await self._outlet.ready()
        await self._pace()
        message = await self._sock.receive()
        if message.type is WSMsgType.TEXT:
            text: str = message.data
            if text.startswith((_MESSAGE, _PONG, _CLOSE)) and not text.startswith(
                (_BINARY_EVENT, _BINARY_ACK)
            ):
                return text
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            await self._sock.close(code=1003, message=b"only Socket.IO text messages")
        raise OSError("closed")

    async def _pace(self) -> None:
        now = time.monotonic()
        gained = (now - self._allowance_at) * FRAMES_PER_SECOND
        self._allowance = min(FRAME_BURST, self._allowance + gained)
        self._allowance_at = now
        if self._allowance < 1:
            await asyncio.sleep(1 / FRAMES_PER_SECOND)
        self._allowance -= 1


def _narrow(request: web.Request) -> None:
    transport = request.transport
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)
        if raw.family in (sockets.AF_INET, sockets.AF_INET6):
            raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)


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
        self.namespaces = ()  # else anybody may enter "/"
        self.eio._async = {**self.eio._async, "websocket": _WebSocket}  # noqa: SLF001
        self._outlets: dict[str, Outlet] = {}

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        request: web.Request = environ["aiohttp.request"]
        self._outlets[eio_sid] = request[OUTLET] = Outlet(self.eio, eio_sid, request)
        await super()._handle_eio_connect(eio_sid, environ)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        outlet = self._outlets.get(eio_sid)
        if outlet is None or eio_sid not in self.environ:
            return  # the connection is closing: what still arrives must not enter a namespace
        try:
            await super()._handle_eio_message(eio_sid, data)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            log.info("socket.bad_packet", error=type(error).__name__)
            await outlet.close()

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        """Acknowledgements and refusals take the same way out as changes, and are counted."""
        outlet = self._outlets.get(eio_sid)
        if outlet is not None:
            outlet.send(_MESSAGE + pkt.encode(), counts=False)

    async def finished(self, request: web.Request) -> None:
        """The connection is over: forget what the libraries may still hold of it."""
        outlet = request.get(OUTLET)
        if outlet is None:
            return
        outlet.finished()
        self._outlets.pop(outlet.eio_sid, None)
        self.eio.sockets.pop(outlet.eio_sid, None)
        self.environ.pop(outlet.eio_sid, None)
        for namespace in list(self.manager.get_namespaces()):
            sid = self.manager.sid_from_eio_sid(outlet.eio_sid, namespace)
            if sid is not None:
                await self.manager.disconnect(sid, namespace, ignore_queue=True)

    def engine_sid(self, sid: str, namespace: str) -> str | None:
        """The connection behind a client's id in one namespace."""
        found: str | None = self.manager.eio_sid_from_sid(sid, namespace)
        return found

    def connected(self, sid: str, namespace: str) -> bool:
        """True from the accepted ``connect`` until the disconnect began."""
        return bool(self.manager.is_connected(sid, namespace))


def packet(namespace: str, event: str, body: bytes) -> str:
    """An EVENT packet around ``body``, which is JSON already: the same text for every client."""
    return f'{_MESSAGE}2{namespace},["{event}",{body.decode()}]'


def is_environ(value: object) -> bool:
    """True for what the server passes to ``connect``; a client cannot forge an aiohttp request in JSON."""
    return isinstance(value, dict) and isinstance(value.get("aiohttp.request"), web.Request)


def bad_payload() -> HmsError:
    """The event did not carry exactly one object."""
    return HmsError(Code.MALFORMED, "send one JSON object with the event")
