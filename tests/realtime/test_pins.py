"""The inside of other libraries that the fast path stands on: what moves fails here, by name.

Whoever moves a pin reads these failures first. Until they are mended, ``FASTPATH=off`` serves.
"""

import asyncio
import importlib.metadata
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import socketio
import uvloop
from aiohttp import BaseConnector, WSMsgType, web, web_protocol
from aiohttp._websocket import reader
from engineio import AsyncServer as EngineServer
from engineio import packet as engine_packet
from socketio import packet

from hms_rt.realtime import frames
from hms_rt.realtime.engine import FastServer
from hms_rt.realtime.frames import TextPacket

EXACT = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}
SERIES = {"aiohttp": "3.14.", "uvloop": "0.2"}


@pytest.mark.parametrize("name", EXACT)
def test_the_pinned_version_is_installed(name: str) -> None:
    assert importlib.metadata.version(name) == EXACT[name]


@pytest.mark.parametrize("name", SERIES)
def test_the_known_series_is_installed(name: str) -> None:
    assert importlib.metadata.version(name).startswith(SERIES[name])


CALLED: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "AsyncServer._engineio_server_class": (socketio.AsyncServer._engineio_server_class, ["self"]),
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
    "AsyncManager.basic_enter_room": (
        socketio.AsyncManager.basic_enter_room,
        ["self", "sid", "namespace", "room", "eio_sid"],
    ),
    "AsyncManager.basic_disconnect": (
        socketio.AsyncManager.basic_disconnect,
        ["self", "sid", "namespace", "kwargs"],
    ),
    "AsyncManager.is_connected": (socketio.AsyncManager.is_connected, ["self", "sid", "namespace"]),
    "AsyncManager.sid_from_eio_sid": (
        socketio.AsyncManager.sid_from_eio_sid,
        ["self", "eio_sid", "namespace"],
    ),
    "engineio.AsyncServer.send": (EngineServer.send, ["self", "sid", "data"]),
    "engineio.AsyncServer.send_packet": (EngineServer.send_packet, ["self", "sid", "pkt"]),
    "aiohttp.WebSocketResponse._post_start": (
        web.WebSocketResponse._post_start,
        ["self", "request", "protocol", "writer"],
    ),
    "aiohttp.WebSocketResponse.write_eof": (web.WebSocketResponse.write_eof, ["self"]),
    "aiohttp.RequestHandler.connection_lost": (web.RequestHandler.connection_lost, ["self", "exc"]),
}


@pytest.mark.parametrize("new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
@pytest.mark.parametrize("end", ["peer", "abort", "close"])
def test_a_descriptor_is_still_ours_when_the_connection_is_reported_lost(
    new_loop: Callable[[], asyncio.AbstractEventLoop], end: str
) -> None:
    """``outgoing.spread`` writes to descriptors: one that was closed before might be somebody else's."""

    async def scene() -> None:
        accepted: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()
        lost: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        class Accepted(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.number = transport.get_extra_info("socket").fileno()
                accepted.set_result(cast(asyncio.Transport, transport))

            def connection_lost(self, exc: BaseException | None) -> None:
                lost.set_result(Path(f"/proc/self/fd/{self.number}").exists())

        server = await asyncio.get_running_loop().create_server(Accepted, "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        transport = await asyncio.wait_for(accepted, 30)
        if end == "peer":
            writer.close()
        else:
            getattr(transport, end)()
        assert await asyncio.wait_for(lost, 30)
        writer.close()
        server.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scene())


@pytest.mark.parametrize("name", CALLED)
def test_what_is_overridden_or_called_takes_the_same_arguments(name: str) -> None:
    function, arguments = CALLED[name]
    assert list(inspect.signature(function).parameters) == arguments


STEPS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "a packet is handled before the next is read": (
        socketio.AsyncServer._handle_event,
        ["if self.async_handlers:", "await self._handle_event_internal("],
    ),
    "an answer is queued with no pause after its handler": (
        socketio.AsyncServer._handle_event_internal,
        ["r = await server._trigger_event(", "await server._send_packet("],
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
    "a handshake ends with _post_start": (
        web.WebSocketResponse.prepare,
        ["self._pre_start(request)", "self._post_start(request, protocol, writer)"],
    ),
    "bytes after the handshake wait in _message_tail": (
        web_protocol.RequestHandler.data_received,
        ["self._message_tail += data", "self._message_tail = tail"],
    ),
    "a handler without a transport closes none": (
        web_protocol.RequestHandler.force_close,
        ["if self.transport is not None:", "self.transport.close()"],
    ),
    "a request asks its protocol for this and no more": (
        web.BaseRequest.__init__,
        [
            "self._transport_sslcontext = protocol.ssl_context",
            "self._transport_peername = protocol.peername",
            "self._transport_sockname = protocol.sockname",
        ],
    ),
    "a connection's requests are made by its factory": (
        web_protocol.RequestHandler.start,
        ["request = self._request_factory("],
    ),
    "a request knows its settings by config_dict": (
        vars(web.Request)["config_dict"].fget,
        ["ChainMapProxy(sublist)"],
    ),
    "a runner's sites ask it for the server": (
        web.SockSite.start,
        ["server = self._runner.server", "await loop.create_server("],
    ),
    "a lost handler leaves the server's list": (
        web_protocol.RequestHandler.connection_lost,
        ["self._manager.connection_lost(self, exc)", "self._manager = None"],
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_the_library_still_goes_this_way(step: str) -> None:
    function, lines = STEPS[step]
    source = inspect.getsource(function)
    for line in lines:
        assert line in source, f"{line!r} is gone from {function.__qualname__}"


async def test_the_fields_that_are_read_are_there() -> None:
    server = FastServer(lambda connection: None)
    assert isinstance(server.eio, EngineServer)
    assert server.environ == {}
    assert server.manager.rooms == {}
    assert server.namespace_handlers == {}
    assert server.async_handlers is False
    assert server.packet_class is TextPacket
    assert {"transport", "_message_tail"} <= set(dir(web.RequestHandler))
    server.manager.basic_enter_room("client", "/beds", None, eio_sid="connection")
    server.manager.basic_enter_room("client", "/beds", "client", eio_sid="connection")
    assert list(server.manager.rooms["/beds"]) == [None]
    assert server.manager.sid_from_eio_sid("connection", "/beds") == "client"
    assert server.known() == 1
    server.manager.basic_disconnect("client", "/beds")
    assert server.known() == 0


async def test_the_parser_hands_every_message_over_at_once() -> None:
    """aiohttp's compiled reader calls the methods of a queue that is ours."""
    taken: list[Any] = []

    class Queue(reader.WebSocketDataQueue):
        def feed_data(self, data: Any, size: int) -> None:
            taken.append((data.type, data.data))

        def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
            taken.append(exc)

    made = Queue(BaseConnector, 1, loop=asyncio.get_running_loop())  # type: ignore[arg-type]
    parser = reader.WebSocketReader(made, 100, compress=False, decode_text=True)
    hello = bytes((0x81, 0x85)) + bytes(4) + b"hello"
    parser.feed_data(hello * 3 + hello[:4])
    parser.feed_data(hello[4:])
    assert taken == [(WSMsgType.TEXT, "hello")] * 4
    parser.feed_data(bytes((0x81, 0xFE, 0x40, 0x00)))
    assert isinstance(taken[-1], Exception)


def test_events_and_frames_are_what_the_libraries_would_send() -> None:
    event = packet.Packet(packet.EVENT, data=["change", {"to": 1}], namespace="/beds")
    text = event.encode()
    assert text == '2/beds,["change",{"to":1}]'
    assert engine_packet.Packet(engine_packet.MESSAGE, data=text).encode() == "4" + text
    octets = frames.Frame("/beds", "change", b'{"to":1}').octets
    assert octets == bytes((0x81, len(text) + 1)) + b"4" + text.encode()
    for kind, number in (("OPEN", 0), ("CLOSE", 1), ("PING", 2), ("PONG", 3), ("MESSAGE", 4)):
        assert getattr(frames, kind) == str(number) == str(getattr(engine_packet, kind))
    assert tuple(f"4{kind}" for kind in (packet.BINARY_EVENT, packet.BINARY_ACK)) == frames.BINARY


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
async def test_a_frame_of_any_size_is_read_back(size: int) -> None:
    taken: list[bytes] = []

    class Queue(reader.WebSocketDataQueue):
        def feed_data(self, data: Any, size: int) -> None:
            taken.append(data.data)

    made = Queue(BaseConnector, 1, loop=asyncio.get_running_loop())  # type: ignore[arg-type]
    parser = reader.WebSocketReader(made, 1 << 20, compress=False, decode_text=False)
    parser.feed_data(frames.text_frame(b"x" * size))
    assert taken == [b"x" * size]


def test_the_way_out_of_an_upgrade_needs_nothing_that_the_upgrade_may_break() -> None:
    """``FASTPATH=off`` starts where the fast path cannot even be imported."""
    script = (
        "import sys\n"
        "for name in ('transport', 'takeover', 'outgoing', 'engine', 'doorstep'):\n"
        "    sys.modules[f'hms_rt.realtime.{name}'] = None\n"
        "import hms_rt.app, hms_rt.cli.serving;"
        "from hms_rt.realtime.stock import StockServer;"
        "StockServer(['/beds'], lambda connection: None)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
