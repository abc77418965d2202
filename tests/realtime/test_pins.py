"""The inside of other libraries that ``transport`` and ``outlet`` stand on: what moves fails here, by name.

The versions are pinned exactly; whoever moves a pin reads these failures first.
"""

import asyncio
import importlib.metadata
import inspect
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web
from engineio import AsyncServer as EngineServer
from engineio import async_socket, base_server
from engineio import packet as engine_packet
from engineio.async_drivers import aiohttp as driver
from socketio import packet

from hms_rt.realtime.transport import GuardedServer

EXACT = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}


@pytest.mark.parametrize("name", EXACT)
def test_the_pinned_version_is_installed(name: str) -> None:
    assert importlib.metadata.version(name) == EXACT[name]


OVERRIDDEN: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "AsyncServer._handle_eio_connect": (
        socketio.AsyncServer._handle_eio_connect,
        ["self", "eio_sid", "environ"],
    ),
    "AsyncServer._handle_eio_message": (
        socketio.AsyncServer._handle_eio_message,
        ["self", "eio_sid", "data"],
    ),
    "AsyncServer._send_packet": (socketio.AsyncServer._send_packet, ["self", "eio_sid", "pkt"]),
    "AsyncNamespace.trigger_event": (socketio.AsyncNamespace.trigger_event, ["self", "event", "args"]),
    "driver.WebSocket.__call__": (driver.WebSocket.__call__, ["self", "environ"]),
    "driver.WebSocket.__init__": (driver.WebSocket.__init__, ["self", "handler", "server"]),
    "driver.WebSocket.wait": (driver.WebSocket.wait, ["self"]),
    "Packet.__init__": (engine_packet.Packet.__init__, ["self", "packet_type", "data", "encoded_packet"]),
    "Packet.encode": (engine_packet.Packet.encode, ["self", "b64"]),
    "AsyncSocket.close": (async_socket.AsyncSocket.close, ["self", "wait", "abort", "reason"]),
    "AsyncManager.disconnect": (
        socketio.AsyncManager.disconnect,
        ["self", "sid", "namespace", "kwargs"],
    ),
    "AsyncManager.is_connected": (socketio.AsyncManager.is_connected, ["self", "sid", "namespace"]),
    "AsyncManager.sid_from_eio_sid": (
        socketio.AsyncManager.sid_from_eio_sid,
        ["self", "eio_sid", "namespace"],
    ),
    "AsyncManager.eio_sid_from_sid": (
        socketio.AsyncManager.eio_sid_from_sid,
        ["self", "sid", "namespace"],
    ),
}


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_what_is_overridden_or_called_takes_the_same_arguments(name: str) -> None:
    function, arguments = OVERRIDDEN[name]
    assert list(inspect.signature(function).parameters) == arguments


STEPS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "the writer asks each packet for its text when it takes it": (
        async_socket.AsyncSocket._websocket_handler,
        ["await ws.send(pkt.encode())", "packets = await self.poll()", "await ws.close()"],
    ),
    "None in the queue ends the writer": (
        async_socket.AsyncSocket.poll,
        ["if packets == [None]", "return []"],
    ),
    "closing tells the namespaces before the client": (
        async_socket.AsyncSocket.close,
        ["self.closing = True", "'disconnect', self.sid", "packet.CLOSE", "self.closed = True"],
    ),
    "a packet is handled before the next is read": (
        socketio.AsyncServer._handle_event,
        ["if self.async_handlers:", "await self._handle_event_internal("],
    ),
    "a namespace gets every event through trigger_event": (
        socketio.AsyncServer._trigger_event,
        ["handler.trigger_event(event, *args)"],
    ),
    "a real disconnect is no longer connected": (
        socketio.AsyncServer._handle_disconnect,
        ["self.manager.pre_disconnect(sid", "_trigger_event('disconnect'"],
    ),
    "namespaces without a handler are accepted by this list alone": (
        socketio.AsyncServer._handle_connect,
        ["namespace in self.namespaces", "ConnectionRefusedError"],
    ),
    "the driver is looked up by name": (
        async_socket.AsyncSocket._upgrade_websocket,
        ["self.server._async['websocket']"],
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_the_library_still_goes_this_way(step: str) -> None:
    function, lines = STEPS[step]
    source = inspect.getsource(function)
    for line in lines:
        assert line in source, f"{line!r} is gone from {function.__qualname__}"


async def test_the_fields_that_are_read_are_there() -> None:
    server = GuardedServer()
    assert isinstance(server.eio, EngineServer)
    assert server.eio._async["websocket"] is not driver.WebSocket
    assert server.eio.sockets == {}
    assert server.environ == {}
    assert list(server.manager.get_namespaces()) == []
    assert server.namespace_handlers == {}
    assert server.async_handlers is False
    assert server.eio.transports == ["websocket"]
    assert server.eio.cors_allowed_origins == []
    assert base_server.BaseServer.reason.SERVER_DISCONNECT
    socket = async_socket.AsyncSocket(server.eio, "sid")
    assert isinstance(socket.queue, asyncio.Queue)
    assert (socket.closed, socket.closing) == (False, False)


def test_a_message_is_framed_by_a_four_and_an_event_by_a_two() -> None:
    event = packet.Packet(packet.EVENT, data=["change", {"to": 1}], namespace="/beds")
    text = event.encode()
    assert text == '2/beds,["change",{"to":1}]'
    assert engine_packet.Packet(engine_packet.MESSAGE, data=text).encode() == "4" + text
    assert (packet.BINARY_EVENT, packet.BINARY_ACK, engine_packet.PONG, engine_packet.CLOSE) == (5, 6, 3, 1)


def test_aiohttp_takes_what_the_driver_asks_for() -> None:
    taken = inspect.signature(web.WebSocketResponse.__init__).parameters
    assert {"max_msg_size", "compress", "decode_text"} <= set(taken)
    assert hasattr(web.Request, "transport")
    assert aiohttp.WSMsgType.TEXT
