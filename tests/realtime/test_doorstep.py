"""Handshakes before aiohttp: what is let in there, and that all else is answered as if it were not there.

Every test runs with ``FASTPATH=off``, too, where there is no doorstep: no client can tell the difference.
"""

import asyncio
import base64
import hashlib
import json
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import Role
from hms_rt.realtime import doorstep, frames
from tests.conftest import ClientFactory
from tests.listening import HospitalServer
from tests.realtime.conftest import cookie_of
from tests.realtime.measured import Moved
from tests.realtime.raw import until

KEY = base64.b64encode(bytes(range(16))).decode()
ACCEPT = base64.b64encode(
    hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
).decode()
REFUSED = "hms_handshakes_refused_total"


class Wire:
    """One TCP connection; requests and frames are bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers (lower case) and JSON body of one answer."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, json.loads(body) if body else None

    async def text(self) -> str:
        """The next WebSocket frame of the server, a short one."""
        _, size = await asyncio.wait_for(self.reader.readexactly(2), 5)
        length = size if size < 126 else int.from_bytes(await self.reader.readexactly(2), "big")
        return (await self.reader.readexactly(length)).decode()


@asynccontextmanager
async def wire(server: TestServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A connection to ``server``."""
    assert server.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=tls)
    yield Wire(reader, writer)
    writer.close()


def handshake(cookie: str, *, path: str = "/socket.io/?EIO=4&transport=websocket", **changed: str) -> bytes:
    """A browser's request; a header that is changed to nothing is left out."""
    headers = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        "Cookie": cookie,
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


def masked(text: str) -> bytes:
    """A short client's frame."""
    mask = os.urandom(4)
    body = bytes(octet ^ mask[at % 4] for at, octet in enumerate(text.encode()))
    return bytes((0x81, 0x80 | len(body))) + mask + body


async def test_the_answer_is_that_of_rfc_6455_with_the_requests_id_and_the_greeting_follows(
    server: TestServer, client_as: ClientFactory
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    moved = await Moved.since_now(server)
    async with wire(server) as client:
        await client.send(
            handshake(cookie, X_Request_Id="monitor-0001", Sec_WebSocket_Extensions="permessage-deflate")
        )
        status, headers, _ = await client.answer()
        assert (status, headers["sec-websocket-accept"]) == (101, ACCEPT)
        assert headers["upgrade"].lower() == "websocket"
        assert headers["x-request-id"] == "monitor-0001"
        assert "sec-websocket-extensions" not in headers
        hello = json.loads((await client.text())[1:])
        assert hello["maxPayload"] == frames.MAX_MESSAGE_BYTES
    assert await moved.by("hms_handshakes_total") == 1


@pytest.mark.parametrize("pieces", ["at once", "split", "early", "both"])
async def test_bytes_may_come_in_any_pieces_and_before_the_answer(
    server: TestServer, client_as: ClientFactory, pieces: str
) -> None:
    asked, enter = handshake(cookie_of(await client_as(Role.NURSE))), masked("40/beds,")
    sent = {
        "at once": [asked, enter],
        "split": [asked[:9], asked[9:200], asked[200:], enter],
        "early": [asked, enter[:3], enter[3:]],
        "both": [asked + enter],
    }[pieces]
    async with wire(server) as client:
        for piece in sent:
            await client.send(piece)
            await asyncio.sleep(0.001 if pieces == "split" else 0)
        assert (await client.answer())[0] == 101
        assert (await client.text()).startswith("0{")
        assert (await client.text()).startswith('40/beds,{"sid"')


async def test_a_plain_handshake_never_becomes_a_request_of_aiohttps(
    settings: Settings, server: TestServer, client_as: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not settings.fastpath:
        pytest.skip("there every handshake is one")
    cookie = cookie_of(await client_as(Role.NURSE))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("made a request of it")

    monkeypatch.setattr(web.Application, "_make_request", never)
    async with wire(server) as client:
        await client.send(handshake(cookie, Origin="http://localhost"))
        assert (await client.answer())[0] == 101


async def test_whoever_is_refused_gets_one_problem_counts_once_and_may_try_again_on_the_same_connection(
    server: TestServer, client_as: ClientFactory
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    moved = await Moved.since_now(server)
    async with wire(server) as client:
        for bad, code, status in (
            (handshake("hms_session=nonsense", X_Request_Id="monitor-0002"), "unauthenticated", 401),
            (handshake(cookie, Origin="https://evil.example"), "bad_origin", 403),
            (handshake(cookie, path="/socket.io/?EIO=3&transport=websocket"), "malformed", 400),
        ):
            await client.send(bad)
            answered, headers, problem = await client.answer()
            assert (answered, headers["content-type"]) == (status, "application/problem+json")
            assert problem["code"] == code
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-request-id"] == problem["request_id"]
        await client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await client.answer())[0] == 200
        await client.send(handshake(cookie))
        assert (await client.answer())[0] == 101
    assert await moved.by(REFUSED, reason="unauthenticated") == 1
    assert await moved.by(REFUSED, reason="protocol") == 1
    assert await moved.by("hms_handshakes_total") == 1


async def test_a_refusal_is_of_one_request_and_not_of_the_connection(
    server: TestServer, client_as: ClientFactory
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    for first in (handshake(""), handshake(cookie, Origin="null")):
        async with wire(server) as client:
            await client.send(first)
            assert (await client.answer())[0] in {401, 403}
            await client.send(handshake(cookie))
            assert (await client.answer())[0] == 101


@pytest.mark.parametrize(
    "flaw",
    [
        {"Sec_WebSocket_Key": ""},
        {"Sec_WebSocket_Key": "short"},
        {"Sec_WebSocket_Key": base64.b64encode(bytes(15)).decode()},
        {"Sec_WebSocket_Version": "7000"},
        {"Upgrade": "h2c"},
    ],
    ids=str,
)
async def test_what_is_no_websocket_handshake_is_a_400(
    server: TestServer, client_as: ClientFactory, flaw: dict[str, str]
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    async with wire(server) as client:
        await client.send(handshake(cookie, **flaw))
        assert (await client.answer())[0] == 400


async def test_a_token_that_was_seen_before_is_no_way_past_the_end_of_its_session_or_its_own(
    server: TestServer, client_as: ClientFactory, clock: ManualClock
) -> None:
    person = await client_as(Role.NURSE)
    cookie = cookie_of(person)

    async def asked(shown: str) -> int:
        async with wire(server) as client:
            await client.send(handshake(shown))
            return (await client.answer())[0]

    assert await asked(cookie) == 101
    token = next(part for part in cookie.split("; ") if part.startswith("hms_session="))
    head, body, signature = token.removeprefix("hms_session=").split(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert await asked(f"hms_session={head}.{body}.{other}") == 401
    assert await asked(f"hms_device={head}.{body}.{signature}") == 401, "a user's token is not a screen's"
    assert (await person.post("/api/v1/auth/logout")).status == 204
    async with asyncio.timeout(30):  # other processes hear of it within a second, and so does this one
        while await asked(cookie) != 401:
            await asyncio.sleep(0.02)
    late = cookie_of(await client_as(Role.NURSE))
    assert await asked(late) == 101
    clock.advance(timedelta(minutes=11))
    assert await asked(late) == 401


async def test_handshakes_count_towards_the_limit_of_requests_and_each_once(
    settings: Settings, stores: Stores, clock: ManualClock, client_as: ClientFactory
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    limited = settings.model_copy(update={"requests_per_minute": 6, "trusted_proxies": ["127.0.0.1/32"]})
    other = Hospital(limited, stores, clock=clock)
    await other.start()
    listening = HospitalServer(other)
    await listening.start_server()

    async def asked(shown: str) -> tuple[int, dict[str, str]]:
        async with wire(listening) as client:
            await client.send(handshake(shown, X_Forwarded_For="203.0.113.9"))
            status, headers, _ = await client.answer()
            return status, headers

    try:
        assert [(await asked(shown))[0] for shown in (cookie, "") * 3] == [101, 401] * 3
        for shown in (cookie, ""):
            status, headers = await asked(shown)
            assert (status, headers["content-type"]) == (429, "application/problem+json")
            assert int(headers["retry-after"]) >= 1
    finally:
        await other.realtime.drain()
        await listening.close()
        await other.stop()


async def test_over_tls_it_is_the_same(
    hospital: Hospital, client_as: ClientFactory, certificate: ssl.SSLContext
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE)).replace("hms_session=", "__Host-hms_session=")
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    listening = HospitalServer(hospital, scheme="https")
    await listening.start_server(ssl=certificate)
    try:
        async with wire(listening, trusting) as client:
            await client.send(handshake("", Origin="https://localhost"))
            assert (await client.answer())[0] == 401
            await client.send(handshake(cookie, Origin="http://localhost"))
            assert (await client.answer())[0] == 403
        async with wire(listening, trusting) as client:
            await client.send(handshake(cookie, Origin="https://localhost"))
            assert (await client.answer())[0] == 101
            assert (await client.text()).startswith("0{")
            await client.send(masked("40/beds,"))
            assert (await client.text()).startswith('40/beds,{"sid"')
    finally:
        await listening.close()


async def test_who_is_looked_up_while_the_server_drains_is_told_to_come_back(
    hospital: Hospital, server: TestServer, client_as: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    asked, go_on = asyncio.Event(), asyncio.Event()
    of = hospital.principals.of

    async def slowly(*who: Any, **how: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await of(*who, **how)

    monkeypatch.setattr(hospital.principals, "of", slowly)
    async with wire(server) as client, wire(server) as gone:
        await client.send(handshake(cookie))
        await gone.send(handshake(cookie))
        await asked.wait()
        gone.writer.close()
        await asyncio.sleep(0.02)
        await hospital.realtime.drain()
        go_on.set()
        status, headers, problem = await client.answer()
        assert (status, problem["code"]) == (503, "unavailable")
        assert int(headers["retry-after"]) >= 1
    await until(lambda: hospital.realtime.sockets == 0 and hospital.realtime.sio.known() == 0)


async def test_who_leaves_while_looked_up_leaves_nothing_behind(
    hospital: Hospital, server: TestServer, client_as: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = cookie_of(await client_as(Role.NURSE))
    asked, go_on = asyncio.Event(), asyncio.Event()
    of = hospital.principals.of

    async def slowly(*who: Any, **how: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await of(*who, **how)

    monkeypatch.setattr(hospital.principals, "of", slowly)
    async with wire(server) as client:
        await client.send(handshake(cookie))
        await asked.wait()
    await asyncio.sleep(0.05)
    go_on.set()
    await until(lambda: hospital.realtime.sockets == 0 and hospital.realtime.sio.known() == 0)


async def test_who_says_nothing_is_let_go_after_a_while_and_at_the_end(
    settings: Settings, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not settings.fastpath:
        pytest.skip("aiohttp's own time")
    listening = HospitalServer(hospital)
    await listening.start_server()
    try:
        async with wire(listening) as patient:
            monkeypatch.setattr(doorstep, "IDLE_S", 0.05)
            async with wire(listening) as silent:
                assert await asyncio.wait_for(silent.reader.read(), 5) == b""
            assert not patient.reader.at_eof()
            await listening.close()
            assert await asyncio.wait_for(patient.reader.read(), 5) == b""
    finally:
        await listening.close()
