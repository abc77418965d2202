"""Real servers for every test: a stack per worker, a database per test (a copy of a migrated one)."""

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import socketio
import structlog
from aiohttp import ClientSession, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from hms_rt import app
from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.schemas import BedIn, BedOut, WardIn
from hms_rt.departments.identity.schemas import AssignmentIn, UserNew
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import SYSTEM, Assignment, AssignmentKind, Principal, PrincipalKind, Role
from hms_rt.migrations import runner
from hms_rt.services import Services
from hms_rt.storage.embedded import EmbeddedStack, EmbeddedUris, erase
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork
from tests import contract
from tests.databases import Databases, connect
from tests.listening import HospitalServer

PASSWORD = "correct horse battery staple"
SECRET = "for tests only: not a secret at all, but long enough"


def _unless_it_went_well(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Requests that were answered are no news: hundreds of them would bury what a failing test says."""
    if line["event"] == "request" and line.get("status", 500) < 500:
        raise structlog.DropEvent
    return line


def pytest_configure() -> None:
    """What is printed of the server's log; who captures it by ``capture_logs`` gets all of it."""
    structlog.configure(processors=[_unless_it_went_well, *structlog.get_config()["processors"]])


@pytest_asyncio.fixture(scope="session")
async def stack() -> AsyncIterator[EmbeddedUris]:
    """PostgreSQL, MongoDB and Valkey, with the schema in database ``hms``, which becomes the template."""
    folder = Path(tempfile.mkdtemp(prefix="hms-tests-"))
    embedded = EmbeddedStack(folder, durable=False)
    try:
        uris = await embedded.start()
        await asyncio.to_thread(runner.upgrade, uris.postgres_uri)
        yield uris
    finally:
        await embedded.stop()
        erase(folder)


async def admin_connection(postgres_uri: str) -> asyncpg.Connection:
    """A connection to database ``postgres`` of the same server."""
    return await connect(postgres_uri, "postgres")


@pytest_asyncio.fixture(scope="session")
async def databases(stack: EmbeddedUris) -> AsyncIterator[Databases]:
    """Copies of the template, lent to one test after the other."""
    made = Databases(stack.postgres_uri)
    yield made
    await made.close()


@asynccontextmanager
async def lent_stores(stack: EmbeddedUris, databases: Databases) -> AsyncIterator[Stores]:
    """An empty database of PostgreSQL; in MongoDB and Redis a name that nobody used."""
    lent = await databases.lend()
    name = f"t_{uuid.uuid4().hex[:12]}"
    yield Stores(databases.uri(lent.name), stack.mongo_uri, stack.redis_url, name, name)
    await databases.take_back(lent)


@pytest_asyncio.fixture
async def stores(stack: EmbeddedUris, databases: Databases) -> AsyncIterator[Stores]:
    """Databases of this test alone."""
    async with lent_stores(stack, databases) as lent:
        yield lent


@pytest.fixture
def clock() -> ManualClock:
    """Stands at the present until a test moves it."""
    return ManualClock(datetime.now(UTC).replace(microsecond=0))


@pytest_asyncio.fixture
async def valkey() -> AsyncIterator[EmbeddedStack]:
    """A Valkey of this test alone: the session's serves everybody."""
    folder = Path(tempfile.mkdtemp(prefix="hms-valkey-"))
    stack = EmbeddedStack(folder, need=frozenset({"redis"}), durable=False)
    await stack.start()
    yield stack
    await stack.stop()
    erase(folder)


@pytest.fixture
def settings() -> Settings:
    """As in production, but for cheap password hashes and no request limit."""
    return Settings(
        _env_file=None,
        jwt_secret=SECRET,
        password_pepper=SECRET[::-1],
        password_cost=4,
        requests_per_minute=0,
        database_connections=12,
        facility_timezone="Europe/Vienna",
    )


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores, clock: ManualClock) -> AsyncIterator[Hospital]:
    """A started application; it listens once the fixture ``server`` is used."""
    made = Hospital(settings, stores, clock=clock)
    await made.start()
    yield made
    await made.realtime.drain()
    await made.stop()


@pytest.fixture
def services(hospital: Hospital) -> Services:
    return hospital.services


@pytest.fixture
def units(hospital: Hospital) -> UnitsOfWork:
    return hospital.units


def command(name: str = "test", key: str | None = None, expected_version: int | None = None) -> Command:
    """A command's envelope; give ``key`` to test idempotency."""
    return Command(name=name, request_id=str(uuid.uuid4()), key=key, expected_version=expected_version)


PersonFactory = Callable[..., Awaitable[Principal]]


@pytest.fixture
def person(services: Services) -> PersonFactory:
    """``await person(Role.NURSE, ward="ICU", clinic="GEN")``: a new user, as services see them."""

    async def make(*roles: Role, username: str | None = None, **places: str) -> Principal:
        user = await services.identity.create_user(
            SYSTEM,
            command(),
            UserNew(
                username=username or f"u{uuid.uuid4().hex[:10]}",
                display_name="Test Person",
                password=PASSWORD,
                roles=list(roles),
            ),
        )
        assignments = {Assignment(AssignmentKind(kind), place) for kind, place in places.items()}
        for given in assignments:
            await services.identity.assign(
                SYSTEM, command(), user.id, AssignmentIn(kind=given.kind, place=given.place or None)
            )
        return Principal(
            kind=PrincipalKind.USER,
            id=user.id,
            session_id=uuid.uuid4(),
            name=user.display_name,
            roles=frozenset(roles),
            assignments=frozenset(assignments),
        )

    return make


@pytest_asyncio.fixture
async def server(hospital: Hospital) -> AsyncIterator[TestServer]:
    """The application, listening on a loopback port."""
    listening = HospitalServer(hospital)
    await listening.start_server()
    yield listening
    await listening.close()


@pytest.fixture(scope="session", autouse=True)
def _documents_are_kept() -> Iterator[None]:
    """Every server that is made in this process holds its answers to ``/openapi.json``."""
    build = vars(app)["build_web"]

    def build_checked(*declared: Any, **how: Any) -> web.Application:
        made: web.Application = build(*declared, **how)
        made.on_response_prepare.append(contract.REST.check)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(app), "build_web", build_checked)
        yield


@pytest.fixture(autouse=True)
def _documents_were_kept() -> Iterator[None]:
    """Fails a test in which anything was sent, or accepted, that the published documents do not say."""
    contract.BROKEN.clear()
    yield
    broken = sorted(set(contract.BROKEN))
    assert not broken, "not as documented:\n" + "\n".join(broken)


ClientFactory = Callable[..., Awaitable[TestClient[Any, Any]]]


@pytest_asyncio.fixture
async def client_as(server: TestServer, person: PersonFactory) -> AsyncIterator[ClientFactory]:
    """``await client_as(Role.NURSE, ward="ICU")``: an HTTP client signed in as such a user."""
    opened: list[TestClient[Any, Any]] = []

    async def make(*roles: Role, **places: str) -> TestClient[Any, Any]:
        client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
        opened.append(client)
        if roles:
            username = f"u{uuid.uuid4().hex[:10]}"
            await person(*roles, username=username, **places)
            answer = await client.post(
                "/api/v1/auth/login", json={"username": username, "password": PASSWORD}
            )
            assert answer.status == 200, await answer.text()
        return client

    yield make
    for client in opened:
        await client.session.close()


SocketFactory = Callable[..., Awaitable[socketio.AsyncClient]]


@pytest_asyncio.fixture
async def socket_of(server: TestServer) -> AsyncIterator[SocketFactory]:
    """``await socket_of(client, "/beds")``: a Socket.IO client with the cookies of an HTTP client."""
    opened: list[tuple[socketio.AsyncClient, ClientSession]] = []

    async def make(client: TestClient[Any, Any], *namespaces: str) -> socketio.AsyncClient:
        jar = client.session.cookie_jar.filter_cookies(server.make_url("/"))
        session = ClientSession()
        socket = contract.CheckedSocket(reconnection=False, http_session=session)
        opened.append((socket, session))
        await socket.connect(
            str(server.make_url("/")),
            headers={"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())},
            transports=["websocket"],
            namespaces=list(namespaces),
            wait_timeout=30,
        )
        return socket

    yield make
    for socket, session in opened:
        await socket.disconnect()
        await session.close()


WardFactory = Callable[..., Awaitable[list[BedOut]]]


@pytest.fixture
def ward(services: Services) -> WardFactory:
    """``await ward("ICU", beds=4)``: a ward with beds 1 to 4, two to a room, all available."""

    async def make(code: str, beds: int = 4) -> list[BedOut]:
        await services.beds.define_ward(SYSTEM, command(), WardIn(code=code, name=f"Ward {code}"))
        return [
            await services.beds.define_bed(
                SYSTEM, command(), BedIn(ward=code, room=f"R{(number + 1) // 2}", code=f"{number:02}")
            )
            for number in range(1, beds + 1)
        ]

    return make


@asynccontextmanager
async def reading(hospital: Hospital) -> AsyncIterator[UnitOfWork]:
    """A unit of work that only looks, for what services answer each other."""
    async with hospital.units.reading() as connection:
        yield UnitOfWork(connection, SYSTEM, command(), hospital.clock.now(), hospital.ids, {})
