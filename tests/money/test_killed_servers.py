"""Any commands over REST to two servers of which one is killed while it works, and Redis with it: everything
adds up, and boards of the other show it, the ward's what is left to be done before a patient goes.

``MONEY_KILLS=100:120 python -m pytest -s tests/money/test_killed_servers.py`` walks other ways.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from yarl import URL

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.principal import Principal, Role
from hms_rt.storage import postgres
from hms_rt.storage.embedded import EmbeddedStack
from tests.cli.processes import configured
from tests.conftest import PersonFactory, WardFactory
from tests.money.later_rules import AllCommands
from tests.money.machine import Ground
from tests.money.money_rules import COUNTER
from tests.money.remote import RemoteService, Servers, killed_soon
from tests.money.test_any_sequence import furnished
from tests.money.trouble import Client, Death, T, Trouble
from tests.money.wire import Wire
from tests.realtime.board import Board
from tests.realtime.raw import Raw

IN_THE_SUITE = "1:2"
STEPS = int(os.environ.get("MONEY_STEPS", 25))
KILLS = 2
"""More deaths of a sequence than that would take long: a server needs two seconds to come back."""
AWAY = 6
"""How many commands see no Redis."""
MOMENTS_S = (0.0, 0.002, 0.006, 0.012, 0.02)
SETTLED_S = 20.0
COPIES = (Trouble.TOLD_TWICE, Trouble.TOLD_THRICE_AT_ONCE)
ROOMS = (
    ("pharmacist", "/pharmacy", "stock:MAIN"),
    ("pharmacist", "/pharmacy", "stock:ICU-CUP"),
    ("pharmacist", "/pharmacy", "dispensary:MAIN"),
    ("clerk", "/billing", f"cashier:{COUNTER}"),
    ("nurse", "/beds", "ward:ICU"),
    ("nurse", "/ipd", "ward:ICU"),
)


class RemoteClient(Client):
    """Asks the two servers in turn. A server dies a given number of times, Redis once."""

    pause_s = 0.1

    def __init__(self, wire: Wire, aside: AsyncEngine, servers: Servers, valkey: EmbeddedStack) -> None:
        super().__init__(wire, aside)
        self._servers, self._valkey = servers, valkey
        self._without_redis = 0
        """How many commands ago Redis died."""

    async def _first(
        self, once: Callable[[], Awaitable[T | HmsError]], trouble: StrEnum, messages: int
    ) -> list[T | HmsError]:
        self._servers.begin()
        self._without_redis += self._without_redis > 0
        if trouble is Death.REDIS_GONE and not self._without_redis:
            self._without_redis = 1
            os.kill(self._valkey.pid("redis"), signal.SIGKILL)
        if self._without_redis == AWAY:
            await self._valkey.restart("redis")
        copies = 3 if trouble in (Trouble.TOLD_THRICE_AT_ONCE, Death.KILLED_AMONG_COPIES) else 1
        doing = [once() for _ in range(copies)]
        if trouble in (Death.KILLED, Death.KILLED_AMONG_COPIES) and self._servers.victim.kills < KILLS:
            moment = MOMENTS_S[messages % len(MOMENTS_S)]
            dies = asyncio.create_task(killed_soon(self._servers.victim, moment))
            told = await asyncio.gather(*doing)
            await dies
        else:
            told = await asyncio.gather(*doing)
        return [*told, *([await once()] if trouble is Trouble.TOLD_TWICE else [])]


class RemoteCommands(AllCommands):
    """What a sequence does, over REST; nobody moves the servers' clocks."""

    troubles = (*[Trouble.NONE] * 4, *COPIES, *[Death.KILLED] * 2, *Death)

    def __init__(self, ground: Ground, seed: int, servers: Servers, boards: Sequence[Board]) -> None:
        self.servers, self.watched = servers, boards
        super().__init__(ground, seed)

    def service(self, department: str) -> Any:
        return RemoteService(self.servers, department)

    async def midnight_strikes(self, hours: int) -> None:
        """Not here: the clocks are the machine's."""

    async def look(self) -> list[str]:
        """With the ward's board, after every command; the machine's own midnight is no matter here."""
        found = [one for one in await super().look() if not one.startswith("nights")]
        return found + await self.behind([one for one in self.watched if one.room == "ward:ICU"])

    async def behind(self, boards: Sequence[Board]) -> list[str]:
        """Boards that do not come to show what is stored."""
        wrong = []
        for board in boards:
            kind, code = self.ground.hospital.rooms.find(board.namespace, board.room)
            async with postgres.snapshot(self.ground.hospital.engine) as connection:
                state = await kind.streams.read(connection, code)
            view = kind.views[Audience(board.audience)]
            seen = {key: view(key, value) for key, value in (state or {}).items()}
            try:
                await board.settle({key: dict(one) for key, one in seen.items() if one}, SETTLED_S)
            except AssertionError as error:
                wrong.append(f"{board.namespace} {board.room}: {error}, instead of {seen}")
        return wrong


def seeds() -> Sequence[int]:
    """From the first to before the last."""
    first, _, last = os.environ.get("MONEY_KILLS", IN_THE_SUITE).partition(":")
    return range(int(first), int(last or int(first) + 1))


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores, valkey: EmbeddedStack) -> AsyncIterator[Hospital]:
    """Not started: it prepares, and looks."""
    made = Hospital(settings, replace(stores, redis_url=valkey.uri("redis")))
    yield made
    await made.close()


@pytest.mark.parametrize("seed", seeds())
async def test_everything_adds_up_and_is_shown_whichever_server_dies_while_it_works(
    hospital: Hospital,
    clock: ManualClock,
    person: PersonFactory,
    ward: WardFactory,
    stores: Stores,
    valkey: EmbeddedStack,
    tmp_path: Path,
    seed: int,
) -> None:
    await furnished(hospital.services, ward)
    wire, aside = Wire(stores.postgres_uri), create_async_engine(stores.postgres_uri)
    servers = Servers(tmp_path, configured(stores) | {"REDIS_URL": valkey.uri("redis")})

    async def somebody(name: str, role: Role, **places: str) -> Principal:
        made = await person(role, username=name, **places)
        servers.people[made.id] = name
        return made

    ground = Ground(
        hospital=hospital,
        clock=clock,
        client=RemoteClient(wire, aside, servers, valkey),
        aside=aside,
        clerk=await somebody("clerk", Role.RECEPTION),
        admin=await somebody("boss", Role.ADMIN),
        pharmacist=await somebody("pharmacist", Role.PHARMACY),
        doctor=await somebody("doctor", Role.DOCTOR, ward="ICU", clinic="GEN"),
        nurse=await somebody("nurse", Role.NURSE, ward="ICU"),
    )
    async with aside.connect() as connection:
        await ground.books.read_definitions(connection)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(aside.dispose)
        stack.push_async_callback(wire.close)
        await stack.enter_async_context(servers.running())
        boards = [await _watching(stack, servers, *each) for each in ROOMS]
        sequence = RemoteCommands(ground, seed, servers, boards)
        await sequence.walk(range(STEPS))
        assert await sequence.behind(boards) == []
        assert servers.victim.kills, "no server died"
        assert all(not board.broken and board.revoked is None for board in boards)
    print(f"{sum(ground.done.values())} done: {ground.done}\nrefused: {ground.refused}")
    print(f"befell them: {ground.client.seen}; {servers.victim.kills} deaths")


async def _watching(stack: AsyncExitStack, servers: Servers, who: str, namespace: str, room: str) -> Board:
    """A board of the server that stays."""
    session = await servers.other.session(who)
    jar = session.cookie_jar.filter_cookies(URL(servers.other.url))
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())
    raw = await Raw.dial(servers.other.url, cookie)
    stack.push_async_callback(raw.close)
    await raw.enter(namespace)
    board = Board(raw, namespace, room)
    await board.subscribe()
    assert board.refused is None, board.refused
    return board
