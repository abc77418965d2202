"""python-socketio on our own connections: its packets, namespaces and sessions, without its transport.

With ``transport``, ``takeover`` and ``doorstep``, this alone knows the inside of other libraries
(python-socketio 5.18, engineio 4.15, aiohttp 3.14). The traps that they close are listed in DESIGN §5; each
has a regression test in ``tests/realtime/test_traps.py`` or ``test_handshake.py``.
"""

import asyncio
from typing import Any

import engineio
import orjson
import socketio
import structlog
from aiohttp import web

from hms_rt.realtime import frames, metrics
from hms_rt.realtime.broadcaster import Spread
from hms_rt.realtime.connections import Connection, Ended, options
from hms_rt.realtime.frames import TextPacket, text_frame
from hms_rt.realtime.outgoing import spread
from hms_rt.realtime.takeover import take_over
from hms_rt.realtime.transport import POLICY, EngineSocket

log = structlog.get_logger(__name__)

_CONNECTION = "hms.connection"
_BAD = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


class _Engine(engineio.AsyncServer):  # type: ignore[misc]
    """The Engine.IO server that python-socketio talks to; it only finds our sockets."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.ours: dict[str, EngineSocket] = {}

    async def send(self, sid: str, data: str) -> None:
        """Send a Socket.IO packet."""
        self._write(sid, frames.MESSAGE + data)

    async def send_packet(self, sid: str, pkt: Any) -> None:
        """Send an Engine.IO packet."""
        self._write(sid, pkt.encode())

    def _write(self, sid: str, text: str) -> None:
        socket = self.ours.get(sid)
        if socket is not None:
            socket.write(text_frame(text.encode()))


class _Clients(socketio.AsyncManager):  # type: ignore[misc]
    """Who is in which namespace. Clients have no room of their own: leaving would search all of them."""

    def basic_enter_room(
        self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None
    ) -> None:
        if room != sid:
            super().basic_enter_room(sid, namespace, room, eio_sid=eio_sid)


class FastServer(socketio.AsyncServer):  # type: ignore[misc]
    """The default server (see :class:`~hms_rt.realtime.connections.SocketServer`)."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(**options(), serializer=TextPacket, client_manager=_Clients())
        self.namespaces = ()  # else anybody may enter "/"
        self.spread: Spread | None = spread
        self._ended = ended
        self._hello = {
            "upgrades": [],
            "pingInterval": frames.PING_INTERVAL_S * 1000,
            "pingTimeout": frames.PING_TIMEOUT_S * 1000,
            "maxPayload": frames.MAX_MESSAGE_BYTES,
        }

    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine

    async def open(self, request: web.Request, connection: Connection) -> web.StreamResponse:
        """Answer 101 and hand the connection over; returns at once."""
        response, socket = await take_over(request, self.eio.generate_id(), self)
        self._begin(socket, connection)
        return response

    def greet(self, transport: asyncio.Transport, connection: Connection, answer: bytes) -> EngineSocket:
        """Make the connection ours; ``answer``, that to its handshake, leaves with our first packet."""
        socket = EngineSocket(self.eio.generate_id(), transport, self)
        transport.set_protocol(socket)
        self._begin(socket, connection, answer)
        return socket

    def _begin(self, socket: EngineSocket, connection: Connection, answer: bytes = b"") -> None:
        connection.outlet = socket
        self.eio.ours[socket.sid] = socket
        self.environ[socket.sid] = {_CONNECTION: connection}
        hello = frames.OPEN.encode() + orjson.dumps({"sid": socket.sid, **self._hello})
        socket.write(answer + text_frame(hello))

    async def message(self, socket: EngineSocket, text: str) -> None:
        """A Socket.IO packet; a bad one ends the connection."""
        if socket.sid not in self.environ:
            return  # the connection is over: what still waits must not enter a namespace
        try:
            await self._handle_eio_message(socket.sid, text)
        except _BAD as error:
            log.info("socket.bad_packet", error=type(error).__name__)
            metrics.aborted(metrics.Abort.BAD_PACKET)
            socket.refuse(POLICY, "not a Socket.IO packet")

    def lost(self, socket: EngineSocket) -> None:
        """The connection is over: forget what python-socketio holds of it, and tell."""
        self.eio.ours.pop(socket.sid, None)
        environ = self.environ.pop(socket.sid, None)
        for namespace in list(self.manager.get_namespaces()):
            sid = self.manager.sid_from_eio_sid(socket.sid, namespace)
            if sid is not None:
                self.manager.basic_disconnect(sid, namespace)
        if environ is not None:
            self._ended(environ[_CONNECTION])

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        """Acknowledgements and refusals take the same way out as changes."""
        socket = self.eio.ours.get(eio_sid)
        if socket is not None:
            socket.write(text_frame((frames.MESSAGE + pkt.encode()).encode()))

    def connection_of(self, environ: object) -> Connection | None:
        """A client cannot forge an object of ours in JSON."""
        found = environ.get(_CONNECTION) if isinstance(environ, dict) else None
        return found if isinstance(found, Connection) else None

    def connected(self, sid: str, namespace: str) -> bool:
        """True from the accepted ``connect`` until the disconnect began."""
        return bool(self.manager.is_connected(sid, namespace))

    def known(self) -> int:
        """Connections in any of the tables."""
        clients = sum(len(rooms.get(None, ())) for rooms in self.manager.rooms.values())
        return max(len(self.eio.ours), len(self.environ), clients)
