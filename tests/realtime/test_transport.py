"""The fast path's connections: order whatever way a frame takes, pings, floods, and the end of every kind."""

import asyncio
import random
import socket as sockets
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestServer

from hms_rt.realtime import transport
from hms_rt.realtime.frames import Frame
from hms_rt.realtime.outgoing import spread
from hms_rt.realtime.outlet import READY_BYTES, SEND_BUFFER_BYTES
from hms_rt.realtime.pace import FLOOD
from hms_rt.realtime.takeover import take_over
from hms_rt.realtime.transport import INBOX, EngineSocket
from tests.realtime.raw import until


class Desk:
    """Takes over every connection, notes what comes, and handles it when told."""

    def __init__(self) -> None:
        self.sockets: list[EngineSocket] = []
        self.over: list[EngineSocket] = []
        self.heard: list[str] = []
        self.handling = asyncio.Event()
        self.handling.set()

    async def handshake(self, request: web.Request) -> web.StreamResponse:
        response, socket = await take_over(request, str(len(self.sockets)), self)
        self.sockets.append(socket)
        return response

    async def message(self, socket: EngineSocket, text: str) -> None:
        await self.handling.wait()
        self.heard.append(text)

    def lost(self, socket: EngineSocket) -> None:
        self.over.append(socket)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest_asyncio.fixture(params=["plain", "tls"])
async def client(
    desk: Desk, request: pytest.FixtureRequest, certificate: ssl.SSLContext
) -> AsyncIterator[ClientWebSocketResponse]:
    """One connection, with and without TLS; ``autoping`` is off, so that control frames are seen."""
    app = web.Application()
    app.router.add_get("/", desk.handshake)
    tls = certificate if request.param == "tls" else None
    server = TestServer(app, scheme="https" if tls else "http")
    await server.start_server(ssl=tls)
    async with server, ClientSession() as session:
        ws = await session.ws_connect(server.make_url("/"), autoping=False, autoclose=False, ssl=False)
        yield ws
        await ws.close()


async def received(ws: ClientWebSocketResponse, number: int) -> list[str]:
    return [await ws.receive_str(timeout=10) for _ in range(number)]


def quiet(ws: ClientWebSocketResponse) -> Any:
    """The client's transport, to pause and resume."""
    connection = ws._conn
    assert connection is not None
    return connection.transport


async def test_frames_of_any_size_arrive_in_order_by_whatever_way_they_leave(
    desk: Desk, client: ClientWebSocketResponse
) -> None:
    """Small ones go straight to the kernel, large ones fill it, the rest waits in the transport's buffer."""
    (socket,) = desk.sockets
    chance = random.Random(7)
    sent = 0
    for _ in range(40):
        if chance.random() < 0.5:
            quiet(client).pause_reading()
        for _ in range(chance.randint(1, 12)):
            padding = "x" * chance.choice((0, 10, 5_000, 3 * SEND_BUFFER_BYTES))
            frame = Frame("/beds", "change", f'[{sent},"{padding}"]'.encode())
            if chance.random() < 0.5 or spread([socket], frame.octets):
                socket.send(frame, counts=chance.random() < 0.5)
            sent += 1
        if chance.random() < 0.7:
            await asyncio.sleep(0.001)
        quiet(client).resume_reading()
        await asyncio.sleep(0)
    texts = await received(client, sent)
    numbers = [int(text.split("[", 2)[2].split(",")[0]) for text in texts]
    assert numbers == list(range(sent))
    await until(lambda: socket.backlog() == 0)
    assert (socket.waiting(), socket.stuck_for()) == (0, 0.0)


async def test_what_waits_is_counted_by_what_it_is(desk: Desk, client: ClientWebSocketResponse) -> None:
    (socket,) = desk.sockets
    quiet(client).pause_reading()
    filler = Frame("/beds", "snapshot", b'"' + b"x" * 100_000 + b'"')
    for _ in range(80):  # more than the kernel takes on both sides
        socket.send(filler, counts=False)
    assert socket.backlog() > 0
    assert socket.waiting() == 0
    change = Frame("/beds", "change", b"1")
    socket.send(change, counts=True)
    assert socket.waiting() == len(change.octets)
    quiet(client).resume_reading()
    await received(client, 81)
    await until(lambda: socket.backlog() == 0)


async def test_the_short_way_is_open_while_nothing_waits_and_never_over_tls(
    desk: Desk, client: ClientWebSocketResponse
) -> None:
    (socket,) = desk.sockets
    change = Frame("/beds", "change", b"1").octets
    large = Frame("/beds", "change", b'"' + b"x" * 400_000 + b'"')
    if quiet(client).get_extra_info("sslcontext") is not None:
        socket.send(large, counts=True)
        assert spread([socket], change) == [0]
        await received(client, 1)
        assert spread([socket], change) == [0]
        return
    socket.send(Frame("/beds", "snapshot", b"{}"), counts=False)
    assert spread([socket], change) == []
    quiet(client).pause_reading()
    written = 0
    while not spread([socket], large.octets):
        written += 1
        assert written < 100, "the kernel takes everything"
    assert socket.waiting() > 0
    assert spread([socket], change) == [0]
    quiet(client).resume_reading()
    texts = await received(client, 2 + written)
    assert [len(text) for text in texts[2:]] == [len(large.octets) - 10] * written
    await until(lambda: socket.backlog() == 0)
    assert spread([socket], change) == []
    socket.refuse(1000, "")
    assert spread([socket], change) == [0]


async def test_a_connection_that_is_gone_is_written_to_no_more(
    desk: Desk, client: ClientWebSocketResponse
) -> None:
    (socket,) = desk.sockets
    change = Frame("/beds", "change", b"1").octets
    socket.send(Frame("/beds", "snapshot", b"{}"), counts=False)
    spread([socket], change)
    quiet(client).abort()
    for _ in range(50):  # the first bytes after the reset are what finds it out
        spread([socket], change)
        await asyncio.sleep(0.005)
        if desk.over:
            break
    assert desk.over == [socket]
    assert spread([socket], change) == [0]


async def test_messages_are_handled_one_after_the_other_in_order(
    desk: Desk, client: ClientWebSocketResponse
) -> None:
    desk.handling.clear()
    for number in range(10):
        await client.send_str(f"4n{number}")
    await asyncio.sleep(0.05)
    assert desk.heard == []
    desk.handling.set()
    await until(lambda: desk.heard == [f"n{number}" for number in range(10)])


async def test_a_message_in_pieces_is_one_message(desk: Desk, client: ClientWebSocketResponse) -> None:
    def piece(first: int, payload: bytes) -> bytes:
        return bytes((first, 0x80 | len(payload))) + bytes(4) + payload

    octets = piece(0x01, b"4one") + piece(0x00, b" two") + piece(0x89, b"in between") + piece(0x80, b" three")
    for octet in octets:
        quiet(client).write(bytes((octet,)))
        await asyncio.sleep(0)
    await until(lambda: desk.heard == ["one two three"])
    answer = await client.receive(timeout=30)
    assert (answer.type, answer.data) == (WSMsgType.PONG, b"in between")


async def test_of_many_pings_at_once_the_last_is_answered(
    desk: Desk, client: ClientWebSocketResponse
) -> None:
    pings = b"".join(bytes((0x89, 0x81)) + bytes(4) + bytes((number,)) for number in range(100))
    quiet(client).write(pings)
    answer = await client.receive(timeout=30)
    assert answer.type is WSMsgType.PONG
    while answer.data != bytes((99,)):  # TCP may have cut the pings in two
        answer = await client.receive(timeout=30)
    assert desk.over == []


async def test_a_client_in_a_hurry_is_read_more_slowly_and_loses_nothing(
    desk: Desk, client: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MESSAGES_PER_SECOND", 1000.0)
    for number in range(450):
        await client.send_str(f"4n{number}")
    await until(lambda: len(desk.heard) == 450, 10)
    assert desk.heard == [f"n{number}" for number in range(450)]
    assert desk.over == []


async def test_a_flood_ends_the_connection_with_1008(desk: Desk, client: ClientWebSocketResponse) -> None:
    desk.handling.clear()
    message = bytes((0x81, 0x81)) + bytes(4) + b"4"
    quiet(client).write(message * 4 * FLOOD)
    await _closed(client, 1008)
    await until(lambda: desk.over == desk.sockets)
    desk.handling.set()


async def test_of_a_flood_no_more_is_looked_at_than_a_client_may_send(
    desk: Desk, client: ClientWebSocketResponse
) -> None:
    """A quarter of a megabyte of empty pings comes in one read: it must not hold the loop."""
    (socket,) = desk.sockets
    socket.data_received((bytes((0x89, 0x80)) + bytes(4)) * 40_000)
    assert socket.lost()
    assert socket._allowance > -2 * FLOOD
    await _closed(client, 1008)


async def test_large_messages_are_read_more_slowly_than_small_ones(
    desk: Desk, client: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message of 64 KiB takes as long as hundreds of others."""
    monkeypatch.setattr(transport, "MESSAGES_PER_SECOND", 10_000.0)
    (socket,) = desk.sockets
    held_up = 0
    pause = EngineSocket._steer

    def counted(self: EngineSocket) -> None:
        nonlocal held_up
        held_up += self._punished
        pause(self)

    monkeypatch.setattr(EngineSocket, "_steer", counted)
    for _ in range(20):
        await client.send_str("4" + "x" * 60_000)
    await until(lambda: len(desk.heard) == 20, 10)
    assert held_up
    assert not socket.lost()


async def test_pings_of_a_client_that_takes_nothing_are_not_answered_without_end(
    desk: Desk, client: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MESSAGE_BURST", 1e9)
    (socket,) = desk.sockets
    socket._allowance = 1e9
    quiet(client).pause_reading()
    filler = Frame("/beds", "snapshot", b'"' + b"x" * 100_000 + b'"')
    while socket.backlog() <= READY_BYTES:
        socket.send(filler, counts=False)
    held = socket.backlog()
    ping = bytes((0x89, 0xFD)) + bytes(4 + 125)
    for _ in range(100):
        socket.data_received(ping)
    assert socket.backlog() <= held
    quiet(client).resume_reading()
    await until(lambda: socket.backlog() == 0)
    socket.data_received(ping)
    while (await client.receive(timeout=30)).type is not WSMsgType.PONG:
        pass


BROKEN = {
    "binary": (bytes((0x82, 0x81)) + bytes(5), 1003),
    "reserved bits": (bytes((0xF1, 0x81)) + bytes(4) + b"4", 1002),
    "an unknown kind of frame": (bytes((0x83, 0x80)) + bytes(4), 1002),
    "a continuation of nothing": (bytes((0x80, 0x81)) + bytes(4) + b"4", 1002),
    "a ping in pieces": (bytes((0x09, 0x80)) + bytes(4), 1002),
    "a message of 2**63 bytes": (bytes((0x81, 0xFF)) + b"\x7f" + b"\xff" * 7, 1009),
    "no UTF-8": (bytes((0x81, 0x82)) + bytes(4) + b"4\xff", 1007),
    "no Engine.IO packet": (bytes((0x81, 0x81)) + bytes(4) + b"9", 1003),
    "nothing": (bytes((0x81, 0x80)) + bytes(4), 1003),
    "a goodbye": (bytes((0x88, 0x82)) + bytes(4) + (1000).to_bytes(2, "big"), 1000),
    "Engine.IO's goodbye": (bytes((0x81, 0x81)) + bytes(4) + b"1", 1000),
}


@pytest.mark.parametrize("sent", BROKEN)
async def test_what_ends_a_connection_ends_it_with_its_code(
    desk: Desk, client: ClientWebSocketResponse, sent: str
) -> None:
    octets, code = BROKEN[sent]
    quiet(client).write(octets)
    await _closed(client, code)
    await until(lambda: desk.over == desk.sockets)
    assert desk.sockets[0].lost()
    desk.sockets[0].send(Frame("/beds", "change", b"1"), counts=True)  # harmless
    assert (desk.sockets[0].backlog(), desk.sockets[0].waiting()) == (0, 0)


async def _closed(ws: ClientWebSocketResponse, code: int) -> None:
    while True:
        message = await ws.receive(timeout=30)
        if message.type is WSMsgType.CLOSE:
            assert message.data == code
            return
        assert message.type is WSMsgType.TEXT, message
        assert message.data == "1", message


async def test_a_client_that_does_not_answer_pings_is_dropped(
    monkeypatch: pytest.MonkeyPatch, desk: Desk
) -> None:
    """A half-open connection lasts two intervals at most: 40 s as it is."""
    monkeypatch.setattr(transport, "PING_INTERVAL_S", 0.3)
    app = web.Application()
    app.router.add_get("/", desk.handshake)
    async with TestServer(app) as server, ClientSession() as session:
        silent = await session.ws_connect(server.make_url("/"))
        polite = await session.ws_connect(server.make_url("/"))
        for _ in range(5):
            assert await polite.receive_str(timeout=30) == "2"
            await polite.send_str("3")
        await until(lambda: desk.over == desk.sockets[:1])
        assert await silent.receive_str(timeout=30) == "2"
        await polite.close()


async def test_a_client_that_is_not_read_from_is_not_silent(
    monkeypatch: pytest.MonkeyPatch, desk: Desk
) -> None:
    """Its answers wait behind what it asked, which takes as long as the database does."""
    monkeypatch.setattr(transport, "PING_INTERVAL_S", 0.3)
    desk.handling.clear()
    app = web.Application()
    app.router.add_get("/", desk.handshake)
    async with TestServer(app) as server, ClientSession() as session:
        asking = await session.ws_connect(server.make_url("/"))
        for number in range(2 * INBOX):
            await asking.send_str(f"4n{number}")
        for _ in range(5):
            assert await asking.receive_str(timeout=30) == "2"
            await asking.send_str("3")
        desk.handling.set()
        await until(lambda: len(desk.heard) == 2 * INBOX)
        for _ in range(5):
            assert await asking.receive_str(timeout=30) == "2"
            await asking.send_str("3")
        assert desk.over == []
        await asking.close()


async def test_a_client_that_does_not_take_the_goodbye_is_dropped(
    desk: Desk, client: ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CLOSE_S", 0.1)
    (socket,) = desk.sockets
    quiet(client).pause_reading()
    for _ in range(80):
        socket.send(Frame("/beds", "snapshot", b'"' + b"x" * 100_000 + b'"'), counts=False)
    await socket.close()
    assert socket.lost()
    await until(lambda: desk.over == [socket])
    quiet(client).resume_reading()


async def test_bytes_that_came_with_the_handshake_are_not_lost(desk: Desk) -> None:
    app = web.Application()
    app.router.add_get("/", desk.handshake)
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        hello = bytes((0x81, 0x86)) + bytes(4) + b"4early"
        writer.write(
            b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            + hello
            + hello[:4]
        )
        await until(lambda: desk.heard == ["early"])
        writer.write(hello[4:])
        await until(lambda: desk.heard == ["early"] * 2)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b"101 Switching Protocols" in answer
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
        writer.close()
        await until(lambda: desk.over == desk.sockets)


@pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_bytes_of_the_handshake_precede_those_that_come_while_it_is_answered(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """uvloop reads before it runs what was called soon."""
    desk = Desk()
    hello = [bytes((0x81, 0x82)) + bytes(4) + b"4" + bytes((65 + number,)) for number in range(4)]

    async def scenario() -> None:
        with sockets.socket() as client:

            async def handshake(request: web.Request) -> web.StreamResponse:
                client.sendall(hello[2] + hello[3])  # in the kernel before the connection is taken over
                return await desk.handshake(request)

            app = web.Application()
            app.router.add_get("/", handshake)
            async with TestServer(app) as server:
                client.connect(("127.0.0.1", server.port))
                client.sendall(
                    b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                    + hello[0]
                    + hello[1]
                )
                await until(lambda: len(desk.heard) == 4)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(scenario())
    assert desk.heard == ["A", "B", "C", "D"]
