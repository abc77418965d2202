"""Every declared command, in any order and several at once, about things of its own and of other commands.

Whoever declares a command gives its recipe (``test_idempotency``), and with that it is in here: afterwards
every room shows every audience what the database says, and the hospital's sums are counts.
"""

import asyncio
import random
import uuid
from collections import Counter, defaultdict

import pytest

from hms_rt.kernel.errors import HmsError
from hms_rt.web.endpoints import Endpoint
from hms_rt.web.settings import API_PREFIX
from tests.realtime.board import Board
from tests.realtime.conftest import address, fresh
from tests.realtime.raw import Raw
from tests.realtime.test_whole_hospital import broken_rules
from tests.surface.asks import ENDPOINTS, Ask, ask, label
from tests.surface.replies import send
from tests.surface.test_rights_matrix import ROOMS
from tests.surface.world import BOUND_ROOMS, HERE, Client, World

COMMANDS = [
    endpoint
    for endpoint in ENDPOINTS
    if not endpoint.safe and not endpoint.public and not endpoint.path.startswith("/auth/")
]
ONE_AT_A_TIME = 4
SETTLED_S = 20.0
OF_ONE_PERSON = {("/notifications", "me")}
"""Rooms that show each person something else; tests/notifications holds them to the database."""


class Walk:
    """Several clients at work; remembers what there is, so that one command meets the things of another."""

    def __init__(self, world: World, who: Client, chance: random.Random) -> None:
        self.done: set[str] = set()
        self.refused: Counter[str] = Counter()
        self._world = world
        self._who = who
        self._chance = chance
        self._known: defaultdict[str, list[str]] = defaultdict(list)

    async def take(self, endpoints: list[Endpoint]) -> None:
        """One client's way; half of its steps are about something that another command was about."""
        for endpoint in endpoints:
            try:
                asked = await ask(self._world, endpoint)
            except HmsError as error:  # what was to be made ready for it was taken by somebody else
                self.refused[error.code] += 1
                continue
            if self._chance.random() < 0.5:
                asked = await self._about_another(endpoint, asked)
            await self.step(endpoint, asked)

    async def step(self, endpoint: Endpoint, asked: Ask) -> None:
        """One command; done, or refused with a reason."""
        reply = await send(self._who, endpoint, asked, str(uuid.uuid4()))
        assert reply.status < 500, (label(endpoint), asked, reply.text)
        if reply.status < 300:
            self.done.add(label(endpoint))
        else:
            self.refused[str(reply.code)] += 1
        if "id" in asked.path:
            self._known[_collection(endpoint)].append(asked.path["id"])

    async def _about_another(self, endpoint: Endpoint, asked: Ask) -> Ask:
        known = self._known[_collection(endpoint)]
        if "id" not in asked.path or not known:
            return asked
        other = self._chance.choice(known)
        async with self._who.get(f"{API_PREFIX}{_collection(endpoint)}/{other}") as answer:
            version = answer.headers.get("ETag", '"1"').strip('"')
        return Ask({**asked.path, "id": other}, asked.query, asked.body, int(version))


def _collection(endpoint: Endpoint) -> str:
    return endpoint.path.partition("/{")[0]


async def _boards(world: World) -> list[Board]:
    """One for every room and every audience that somebody has of it, as the rights matrix has them."""
    screen = await world.screen()
    wanted: list[tuple[Client, str, str]] = []
    for bound in BOUND_ROOMS:
        namespace, room = bound.split(" ")
        wanted.append((screen, namespace, room))
    for (namespace, kind), (room, audiences) in ROOMS.items():
        seen = {here: role for role, (here, _) in audiences.items() if here is not None}
        if (namespace, kind) not in OF_ONE_PERSON:
            wanted += [(await world.client(role, places=HERE), namespace, room) for role in seen.values()]
    boards = []
    for client, namespace, room in wanted:
        raw = await Raw.dial(address(world.server), world.cookies(client))
        await raw.enter(namespace)
        board = Board(raw, namespace, room)
        await board.subscribe()
        assert board.refused is None, (namespace, room, board.refused)
        boards.append(board)
    return boards


@pytest.mark.parametrize("seed", [1])
async def test_boards_and_sums_are_right_after_every_command_in_any_order(seed: int, world: World) -> None:
    chance = random.Random(seed)
    who = world.clients[0] if world.clients else await world.everybody()  # whom notifications are made for
    boards = await _boards(world)
    walk = Walk(world, who, chance)
    shuffled = chance.sample(COMMANDS, len(COMMANDS))
    await asyncio.gather(*(walk.take(shuffled[number::ONE_AT_A_TIME]) for number in range(ONE_AT_A_TIME)))
    for endpoint in COMMANDS:
        if label(endpoint) not in walk.done:
            await walk.step(endpoint, await ask(world, endpoint))
    assert walk.done == {label(endpoint) for endpoint in COMMANDS}
    assert walk.refused, "nobody tried anything that is not possible"
    assert await broken_rules(world.hospital) == []
    for board in boards:
        state = await fresh(world.hospital, board.namespace, board.room, board.audience)
        await board.settle(state, SETTLED_S)
        assert board.revoked is None
        await board.raw.close()
