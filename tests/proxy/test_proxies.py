"""nginx and HAProxy as they ship in docs/proxy: sockets, addresses, cookies, limits, lost servers."""

import asyncio
import random
import re
import signal
import uuid
from collections.abc import Callable

import aiohttp
import asyncpg
import pytest
from aiohttp import ClientSession, CookieJar, TCPConnector
from sqlalchemy.engine import make_url

from hms_rt.app import Hospital, Stores
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.realtime.frames import PING_INTERVAL_S, PING_TIMEOUT_S
from hms_rt.services import Services
from hms_rt.web.problem import CONTENT_TYPE, Problem
from tests.conftest import PASSWORD, PersonFactory, WardFactory, command
from tests.faults.cast import Seat
from tests.faults.desk import Desk, Ledger
from tests.faults.people import Person
from tests.faults.screen import Screen
from tests.proxy.conftest import SHIPPED, PersonAt, Proxied, ProxyFactory
from tests.realtime.conftest import fresh
from tests.realtime.raw import Raw, until

both = pytest.mark.parametrize("kind", ["nginx", "haproxy"])
LOGIN = {"username": "nina", "password": PASSWORD}
SEAT = Seat("nina", "/beds", "ward:ICU", "clinical")


async def addresses_of(stores: Stores, action: str) -> set[str]:
    """Where such accesses came from, by the audit trail."""
    url = make_url(stores.postgres_uri)
    connection = await asyncpg.connect(host=url.query["host"], user=url.username, database=url.database)
    try:
        rows = await connection.fetch("SELECT address FROM audit_log WHERE action = $1", action)
    finally:
        await connection.close()
    return {row["address"] for row in rows}


@both
async def test_the_servers_see_the_client_and_its_tls_and_believe_nobody_else(
    kind: str, proxied: ProxyFactory, stores: Stores, person: PersonFactory
) -> None:
    await person(Role.NURSE, username="nina", ward="ICU")
    proxy = await proxied(kind)
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http"}
    connector = TCPConnector(local_addr=("127.0.0.2", 0))
    async with ClientSession(connector=connector, cookie_jar=CookieJar(unsafe=True)) as http:
        async with http.post(f"{proxy.url}/api/v1/auth/login", json=LOGIN, headers=forged) as answer:
            assert answer.status == 200
            assert all("secure" in cookie.lower() for cookie in answer.headers.getall("Set-Cookie"))
        async with http.get(f"{proxy.url}/api/v1/auth/me") as answer:
            assert answer.status == 200
        async with http.get(f"{proxy.plain_url}/screens/?a=b", allow_redirects=False) as answer:
            assert answer.status == 301
            assert answer.headers["Location"].startswith("https://")
            assert answer.headers["Location"].endswith("/screens/?a=b")
        async with http.get(f"{proxy.url}/metrics") as answer:
            assert answer.status == 404
    assert await addresses_of(stores, "identity.login") == {"127.0.0.2"}


@both
async def test_a_socket_passes_with_its_limits(
    kind: str, proxied: ProxyFactory, services: Services, nina_at: PersonAt, ward: WardFactory
) -> None:
    [bed] = await ward("ICU", beds=1)
    proxy = await proxied(kind)
    nina = await nina_at(proxy)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await Raw.dial(proxy.url, nina.cookie(), headers={"Origin": "https://elsewhere.example"})
    assert refused.value.status == 403
    raw = await Raw.dial(proxy.url, nina.cookie(), headers={"Origin": proxy.url})
    await raw.enter("/beds")
    assert (await raw.call("/beds", "subscribe", {"room": "ward:ICU"}))["ok"]
    await services.beds.change(SYSTEM, command(), bed.id, BedChange(status=BedStatus.CLEANING))
    await until(lambda: bool(raw.events("change")))

    most = 64 * 1024
    await raw.call("/beds", "subscribe", {"room": "x" * (most - 200)}, seconds=10)
    assert not raw.closed.is_set(), "a message within the limit reaches the server, who refuses the room"
    await raw.ask("/beds", lambda _: None, "subscribe", {"room": "x" * most})
    await raw.hung_up(10)
    await raw.close()
    body = {"family_name": "x" * (257 * 1024)}
    async with nina.session.post(f"{proxy.url}/api/v1/patients", json=body) as answer:
        assert answer.status == 413
        assert answer.content_type == "application/problem+json", "the server's own refusal comes through"
    body = {"family_name": "x" * (600 * 1024)}  # beyond what nginx itself lets through
    async with nina.session.post(f"{proxy.url}/api/v1/patients", json=body) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (413, "too_large")


def _shorter(kind: str) -> Callable[[str], str]:
    """Every time-out of requests becomes a second; those of sockets stay as they ship."""
    if kind == "nginx":
        top, sockets = r"((?:keepalive|header|body|send|read|connect)_timeout) \d+s;", "location /socket.io/"

        def edit(text: str) -> str:
            before, separator, after = text.partition(sockets)
            assert len(re.findall(top, before)) >= 6
            return re.sub(top, r"\1 1s;", before) + separator + after

        return edit
    requests = r"timeout (client|server|http-request|http-keep-alive|queue|client-fin) +\d+s"

    def edit_haproxy(text: str) -> str:
        assert len(re.findall(requests, text)) == 6
        return re.sub(requests, r"timeout \1 1s", text)

    return edit_haproxy


@both
async def test_a_socket_outlives_every_time_out_of_requests(
    kind: str, proxied: ProxyFactory, nina_at: PersonAt, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    proxy = await proxied(kind, _shorter(kind))
    nina = await nina_at(proxy)
    raw = await Raw.dial(proxy.url, nina.cookie())
    await raw.enter("/beds")
    assert (await raw.call("/beds", "subscribe", {"room": "ward:ICU"}))["ok"]
    await until(lambda: len(raw.events("heartbeat")) >= 2, 30)
    assert (await raw.call("/beds", "subscribe", {"room": "ward:ICU"}))["ok"]
    await raw.close()


@both
def test_time_outs_of_sockets_leave_room_for_a_ping_and_its_answer(kind: str) -> None:
    found = (
        re.findall(r"timeout tunnel (\d+)s", (SHIPPED / "haproxy.cfg").read_text())
        if kind == "haproxy"
        else re.findall(
            r"proxy_(?:read|send)_timeout (\d+)s",
            (SHIPPED / "nginx.conf").read_text().partition("location /socket.io/")[2],
        )
    )
    assert found
    assert all(int(seconds) > 2 * (PING_INTERVAL_S + PING_TIMEOUT_S) for seconds in found)


class AtWork:
    """Four screens and a nurse who keeps turning a bed, all through the proxy."""

    def __init__(self, proxy: Proxied, bed: uuid.UUID, nina: Person) -> None:
        self.ledger = Ledger()
        self.screens = [Screen(SEAT, nina, [proxy.url], random.Random(number)) for number in range(4)]
        self.version, self.status = 1, "available"
        self._bed = bed
        self._desk = Desk(nina, uuid.uuid4(), [proxy.url], self.ledger, random.Random(7))
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        for screen in self.screens:
            screen.start()
        await until(lambda: all(screen.live for screen in self.screens), 20)
        self._task = asyncio.create_task(self._work())
        await self.acknowledged(3)

    async def acknowledged(self, more: int) -> None:
        """Until so many further commands are acknowledged."""
        wanted = len(self.ledger.acknowledged()) + more
        task = self._task
        assert task is not None
        await until(lambda: len(self.ledger.acknowledged()) >= wanted or task.done(), 30)
        if task.done():
            task.result()

    async def end(self) -> None:
        self._ended.set()
        assert self._task is not None
        await self._task

    async def _work(self) -> None:
        while not self._ended.is_set():
            status = "cleaning" if self.status == "available" else "available"
            path = f"/beds/{self._bed}"
            sent = await self._desk.rest("turn", "PATCH", path, {"status": status}, version=self.version)
            assert sent.done, sent
            self.version, self.status = sent.answer["version"], sent.answer["status"]
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("nginx", signal.SIGKILL),
        ("haproxy", signal.SIGKILL),
        ("haproxy", signal.SIGTERM),
        ("nginx", signal.SIGTERM),
    ],
    ids=["killed-nginx", "killed-haproxy", "drained-haproxy", "drained-nginx"],
)
async def test_when_one_server_goes_its_clients_come_back_at_the_other(
    kind: str,
    how: signal.Signals,
    proxied: ProxyFactory,
    hospital: Hospital,
    services: Services,
    nina_at: PersonAt,
    ward: WardFactory,
) -> None:
    [bed] = await ward("ICU", beds=1)
    proxy = await proxied(kind)
    nina = await nina_at(proxy)
    work = AtWork(proxy, bed.id, nina)
    await work.begin()
    goes = proxy.servers[0]
    goes.tell(how)
    await goes.ended()
    await until(lambda: all(screen.live for screen in work.screens), 30)
    await work.acknowledged(20)
    await work.end()

    assert not work.ledger.failures
    stored = await services.beds.bed(SYSTEM, command(), bed.id)
    assert (stored.version, stored.status.value) == (work.version, work.status)
    assert stored.version == 1 + len(work.ledger.acknowledged()), "every command once"
    assert sum(screen.connections for screen in work.screens) > len(work.screens), "somebody had to move"
    state = await fresh(hospital, "/beds", "ward:ICU", "clinical")
    for screen in work.screens:
        assert screen.board is not None
        await screen.board.settle(state, 20)
        await screen.stop()
    proxy.servers[1].tell(signal.SIGKILL)
    await proxy.servers[1].ended()
    async with nina.session.get(f"{proxy.url}/api/v1/auth/me") as answer:
        told = Problem.model_validate(await answer.json(content_type=None))
    assert answer.status in {502, 503}
    assert (told.status, told.code, answer.content_type) == (answer.status, Code.UNAVAILABLE, CONTENT_TYPE)
    assert answer.headers["Retry-After"] == "1"
