"""One connection, and what the realtime server asks of whichever server carries it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import socketio
from aiohttp import web

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.realtime import frames
from hms_rt.realtime.broadcaster import Spread

if TYPE_CHECKING:
    from hms_rt.realtime.outlet import Outlet
    from hms_rt.realtime.subscriber import Subscriber

PROTOCOL = "4"
"""The Engine.IO protocol of Socket.IO 3 and newer clients."""


@dataclass(eq=False, slots=True)
class Connection:
    """What the handshake found out, and the namespaces entered since.

    ``expiry`` ends a connection that enters no namespace in time.
    """

    principal: Principal
    address: str
    outlet: "Outlet | None" = None
    subscribers: "dict[str, Subscriber]" = field(default_factory=dict)
    expiry: asyncio.TimerHandle | None = None
    over: bool = False


Ended = Callable[[Connection], None]
"""Told once when a connection that was opened is over."""


class SocketServer(Protocol):
    """python-socketio with our transport under it (``engine``), or with its own (``stock``).

    ``spread`` is the transport's short way for changes, if it has one.
    """

    spread: Spread | None

    def register_namespace(self, namespace_handler: socketio.AsyncNamespace) -> None:
        """Serve a department's namespace."""

    async def open(self, request: web.Request, connection: Connection) -> web.StreamResponse:
        """Answer 101 and set ``connection.outlet``; ``ended``, which the server was made with, is told."""

    def connection_of(self, environ: object) -> Connection | None:
        """The connection in what the server passes to ``connect``; None for what a client forged."""

    def connected(self, sid: str, namespace: str) -> bool:
        """True from the accepted ``connect`` until the disconnect began."""

    def known(self) -> int:
        """How many connections are remembered, in whatever table: 0 once all are over."""


def check_handshake(request: web.Request) -> None:
    """Long polling and older protocols are refused; raises ``malformed``."""
    if request.query.get("transport") != "websocket" or request.query.get("EIO") != PROTOCOL:
        raise HmsError(
            Code.MALFORMED, "connect with Engine.IO 4 over WebSocket: transports must be ['websocket']"
        )


def options() -> dict[str, Any]:
    """What both servers are told: public arguments of python-socketio's server.

    Origin is checked before the handshake (``cors_allowed_origins=[]`` switches off a check that would trust
    X-Forwarded-Host); packets of a client are handled one after the other.
    """
    return {
        "async_mode": "aiohttp",
        "async_handlers": False,
        "transports": ["websocket"],
        "cors_allowed_origins": [],
        "allow_upgrades": False,
        "http_compression": False,
        "max_http_buffer_size": frames.MAX_MESSAGE_BYTES,
        "ping_interval": frames.PING_INTERVAL_S,
        "ping_timeout": frames.PING_TIMEOUT_S,
        "json": frames.Json,
        "logger": False,
        "engineio_logger": False,
    }
