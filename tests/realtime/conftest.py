"""Raw connections and boards to a listening hospital."""

import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange, BedOut
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage import postgres
from tests import contract
from tests.conftest import command
from tests.listening import HospitalServer
from tests.realtime.board import Board
from tests.realtime.raw import Json, Raw

Client = TestClient[Any, Any]


@pytest.fixture(params=[True, False], ids=["fast", "stock"])
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """Every test here that has a server runs twice: ``FASTPATH=off`` is the way out of an upgrade."""
    return settings.model_copy(update={"fastpath": request.param})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's TLS context, with a certificate of its own making."""
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "chain.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(key), "-out", str(chain), "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*made, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


@pytest.fixture(autouse=True)
def _documents_were_kept() -> Iterator[None]:
    """Tests of the wire make messages up; those of departments, and test_asyncapi, hold to the documents."""
    yield
    contract.BROKEN.clear()


def cookie_of(client: Client) -> str:
    """The Cookie header that ``client`` would send."""
    jar = client.session.cookie_jar.filter_cookies(client.make_url("/"))
    return "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())


def address(server: TestServer) -> str:
    return str(server.make_url("/")).rstrip("/")


async def turn(hospital: Hospital, bed: BedOut, times: int = 1) -> None:
    """Change a bed ``times`` times; every turn is one version of its ward's stream."""
    for _ in range(times):
        shown = await hospital.services.beds.bed(SYSTEM, command(), bed.id)
        clean = shown.status is BedStatus.AVAILABLE
        change = BedChange(status=BedStatus.CLEANING if clean else BedStatus.AVAILABLE)
        await hospital.services.beds.change(SYSTEM, command(), bed.id, change)


OtherFactory = Callable[[], Awaitable[tuple[Hospital, TestServer]]]


@pytest_asyncio.fixture
async def another(settings: Settings, stores: Stores, clock: ManualClock) -> AsyncIterator[OtherFactory]:
    """``await another()``: one more server process's worth of hospital on the same stores, listening."""
    made: list[tuple[Hospital, TestServer]] = []

    async def make() -> tuple[Hospital, TestServer]:
        other = Hospital(settings, stores, clock=clock)
        await other.start()
        listening = HospitalServer(other)
        await listening.start_server()
        made.append((other, listening))
        return other, listening

    yield make
    for other, listening in made:
        await other.realtime.drain()
        await listening.close()
        await other.stop()


RawFactory = Callable[..., Awaitable[Raw]]
BoardFactory = Callable[..., Awaitable[Board]]


@pytest_asyncio.fixture
async def dial(server: TestServer) -> AsyncIterator[RawFactory]:
    """``await dial(client, "/beds")``: a raw connection with the cookies of ``client``, in a namespace.

    ``server`` goes to another process, ``receive_buffer`` and the like to :meth:`Raw.dial`.
    """
    opened: list[Raw] = []

    async def make(client: Client | None, *namespaces: str, to: TestServer | None = None, **how: Any) -> Raw:
        cookie = cookie_of(client) if client is not None else ""
        raw = await Raw.dial(address(to or server), cookie, **how)
        opened.append(raw)
        for namespace in namespaces:
            answer = await raw.enter(namespace)
            assert "sid" in answer, answer
        return raw

    yield make
    for raw in opened:
        await raw.close()


@pytest.fixture
def board_of(dial: RawFactory) -> BoardFactory:
    """``await board_of(client, "ward:ICU")``: a subscribed board."""

    async def make(client: Client, room: str, *, namespace: str = "/beds", **how: Any) -> Board:
        board = Board(await dial(client, namespace, **how), namespace, room)
        await board.subscribe()
        assert board.refused is None, board.refused
        return board

    return make


async def fresh(hospital: Hospital, namespace: str, room: str, audience: str) -> Json:
    """What the database says that ``audience`` sees of a room, past every cache and stream."""
    kind, argument = hospital.rooms.find(namespace, room)
    async with postgres.snapshot(hospital.engine) as connection:
        state = await kind.streams.read(connection, argument)
    assert state is not None
    view = kind.views[Audience(audience)]
    seen = {key: view(key, value) for key, value in state.items()}
    return {key: dict(value) for key, value in seen.items() if value is not None}
