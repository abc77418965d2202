"""Somebody in every room of every audience from the start, and what the database says they should see."""

import json
import re
import uuid
from dataclasses import dataclass

from hms_rt.app import Hospital
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage import postgres
from tests.conftest import command
from tests.realtime.board import Board
from tests.realtime.raw import Json
from tests.surface.sockets import ROOM_KINDS
from tests.surface.test_rights_matrix import ROOMS
from tests.surface.things import CLINIC, COUNTERS, DISPENSARY, DOCTOR, OTHER_CLINIC, OTHER_WARD, WARD
from tests.surface.world import HERE, Client, World

PLACES: dict[str, tuple[str, ...]] = {
    "ward": (WARD, OTHER_WARD),
    "cleaning": (WARD, OTHER_WARD),
    "clinic": (CLINIC, OTHER_CLINIC),
    "day": (CLINIC, OTHER_CLINIC),
    "doctor": (str(DOCTOR),),
    "dispensary": (DISPENSARY,),
    "stock": (DISPENSARY, "ICU-CUP"),
    "cashier": COUNTERS[:2],
}
"""Kind of room -> of what there is one. A kind that is missing fails by name."""
SETTLED_S = 20.0
NAME = re.compile(r"\b(?:Doe|Joan)\d+\b")
"""How patients are called, and renamed, in :class:`tests.surface.town.Town`."""


@dataclass
class Watcher:
    """One board; ``person`` is whose own room it is."""

    board: Board
    person: uuid.UUID

    @property
    def name(self) -> str:
        return f"{self.board.namespace} {self.board.room} as {self.board.audience}"

    @property
    def reads_as(self) -> Audience:
        """Doctors treat whoever is on their own list."""
        own = self.board.room.startswith("doctor:") and self.board.audience == Audience.OWN
        return Audience.CLINICAL if own else Audience(self.board.audience)

    async def expected(self, hospital: Hospital) -> Json:
        """What the database says, past every cache and stream."""
        kind, argument = hospital.rooms.find(self.board.namespace, self.board.room)
        streams = kind.streams
        async with postgres.snapshot(hospital.engine) as connection:
            state = await streams.read(connection, argument if kind.takes_argument else self._own(kind.name))
        assert state is not None, self.name
        view = kind.views[Audience(self.board.audience)]
        seen = {key: view(key, value) for key, value in state.items()}
        return {key: dict(value) for key, value in seen.items() if value is not None}

    def _own(self, kind: str) -> str:
        return str(self.person) if kind == "me" else ""


def rooms(kind: str) -> list[str]:
    """The rooms of a kind that are watched."""
    takes = next(one.takes_argument for one in ROOM_KINDS if one.name == kind)
    return [f"{kind}:{place}" for place in PLACES[kind]] if takes else [kind]


async def watch(world: World, asker: Client) -> list[Watcher]:
    """Everybody, subscribed: every audience of every kind of room, and of ``me`` each role and the asker."""
    shown = [kind for kind in ROOM_KINDS if Audience.DISPLAY in kind.views]
    screen = await world.screen(*(f"{kind.namespace} {room}" for kind in shown for room in rooms(kind.name)))
    people = {role: await world.client(role, places=HERE) for role in Role}
    watchers = []
    for kind in ROOM_KINDS:
        _, by_role = ROOMS[kind.namespace, kind.name]
        widest = sorted(by_role.items(), key=lambda one: one[1][1] is not None)  # who sees every place counts
        who = {here: people[role] for role, (here, _) in widest if here is not None}
        who |= {Audience.DISPLAY: screen} if kind in shown else {}
        who |= {Audience.OWN: await world.doctor()} if kind.name == "doctor" else {}
        assert set(who) == set(kind.views), f"nobody to watch {kind.namespace} {kind.name} as each audience"
        clients = [*people.values(), asker] if kind.name == "me" else who.values()
        for client in clients:
            watchers += [await _subscribed(world, client, kind.namespace, room) for room in rooms(kind.name)]
    return watchers


async def _subscribed(world: World, client: Client, namespace: str, room: str) -> Watcher:
    raw = await world.dial(client)
    await raw.enter(namespace)
    board = Board(raw, namespace, room)
    await board.subscribe()
    assert board.refused is None, (namespace, room, board.refused)
    async with client.get("/api/v1/auth/me") as answer:
        return Watcher(board, uuid.UUID((await answer.json())["id"]))


async def wrong(world: World, watchers: list[Watcher]) -> list[str]:
    """What somebody sees that the database does not say, or that is not for them; once nobody does anything.

    Names: nobody shows one that is nobody's any more (after a correction or a merge), a screen shows none,
    and only those who treat see whose record is restricted.
    """
    found: list[str] = []
    called = await _names(world)
    for watcher in watchers:
        board, state = watcher.board, await watcher.expected(world.hospital)
        try:
            await board.settle(state, SETTLED_S if not found else 1)
        except AssertionError:
            found.append(f"{watcher.name}: {_difference(board.state, state)} {board.broken}")
        if board.revoked is not None:
            found.append(f"{watcher.name}: revoked, {board.revoked}")
        allowed = called.get(watcher.reads_as, frozenset())
        strange = set(NAME.findall(json.dumps([board.state, state], default=str))) - allowed
        if strange:
            found.append(f"{watcher.name}: names {sorted(strange)}")
    return found


async def _names(world: World) -> dict[Audience, frozenset[str]]:
    names: dict[bool, set[str]] = {False: set(), True: set()}
    query = "SELECT family_name, given_name, restricted FROM patients_patient WHERE merged_into IS NULL"
    for row in await world.query(query):
        names[row.restricted] |= {row.family_name, row.given_name}
    return {
        Audience.CLINICAL: frozenset(names[False] | names[True]),
        Audience.STAFF: frozenset(names[False]),
        Audience.OWN: frozenset(names[False]),
    }


def _difference(seen: Json, expected: Json) -> str:
    differing = [key for key in {*seen, *expected} if seen.get(key) != expected.get(key)]
    told = [f"{key}: {seen.get(key)} instead of {expected.get(key)}" for key in sorted(differing)[:3]]
    return f"{len(differing)} wrong; " + "; ".join(told)


_LEAVING = """
    SELECT s.admission_id, o.outstanding FROM beds_occupant o JOIN ipd_stay s ON s.id = o.stay_id
    WHERE o.leaving_since IS NOT NULL
"""


async def wrong_checklists(world: World) -> list[str]:
    """Whoever leaves, and the board counts otherwise than the departments what is still to be done."""
    found = []
    for row in await world.query(_LEAVING):
        asked = await world.services.ipd.checklist(SYSTEM, command(), row.admission_id)
        if len(asked.items) != row.outstanding:
            found.append(f"{row.admission_id}: {row.outstanding} shown, {asked.items}")
    return found
