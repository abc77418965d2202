"""Nobody sees what is not theirs: every patient here carries a canary, and we look where it sings.

What an audience may see is written down; anything more, in a frame, an answer, a problem, a log line or a
metric, fails.
"""

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
import redis.asyncio
from structlog.testing import capture_logs

from channels import CHANNELS
from hms_rt.app import Stores
from hms_rt.kernel.principal import Assignment, Role
from hms_rt.security.grants import GRANTS, Scope
from hms_rt.web.endpoints import Endpoint
from tests.realtime.raw import Raw
from tests.surface.asks import ENDPOINTS, Ask, ask, label
from tests.surface.replies import send
from tests.surface.sockets import ROOM_KINDS
from tests.surface.things import CLINIC, COUNTERS, DISPENSARY, DOCTOR, WARD
from tests.surface.world import HERE, NOWHERE, Client, World

CANARY = {
    "family_name": "Zyxcanary",
    "given_name": "Quillon",
    "birth_date": "1931-07-19",
    "phone": "+43 660 765 43 21",
}
SONGS = {
    "name": re.compile("zyxcanary|quillon", re.IGNORECASE),
    "mrn": re.compile(r"MRN-\d{8}"),
    "birth": re.compile(r"1931-07-19|19\.0?7\.1931"),
    "phone": re.compile(r"6607654321|765 ?43 ?21"),
    "clinical": re.compile("slept well|sepsis"),
}
NOTHING: frozenset[str] = frozenset()
CALLED = frozenset({"name", "mrn"})
KNOWN = frozenset({"name", "mrn", "birth"})
ALL = KNOWN | {"phone"}
CLINICAL = frozenset({"clinical"})
CARE = (Role.DOCTOR, Role.NURSE)
READERS = (Role.ADMIN, Role.DOCTOR, Role.NURSE, Role.RECEPTION)


def _each(roles: Iterable[Role], songs: frozenset[str]) -> dict[Role, frozenset[str]]:
    return dict.fromkeys(roles, songs)


LOOKED_UP = {**_each(READERS, ALL), **_each((Role.PHARMACY, Role.LAB), KNOWN)}
TREATED = _each(CARE, CLINICAL)

FRAMES: Mapping[str, tuple[Iterable[Role], Iterable[Role], frozenset[str]]] = {
    "/beds": (CARE, (), KNOWN),
    "/opd": (Role, (Role.ADMIN, Role.RECEPTION), CALLED),
    "/lab": ((*CARE, Role.LAB), (Role.LAB,), CALLED),
    "/pharmacy": ((Role.PHARMACY,), (Role.PHARMACY,), CALLED),
    "/ipd": ((*CARE, Role.PHARMACY), (Role.PHARMACY,), CALLED),
    "/notifications": ((), (), NOTHING),
}
"""Namespace -> who may find what in its frames: assigned here, and assigned nowhere. A screen: nothing."""

ANSWERS: Mapping[str, Mapping[Role, frozenset[str]]] = {
    "GET /patients": LOOKED_UP,
    "GET /patients/{id}": LOOKED_UP,
    "GET /patients/{id}/record": TREATED,
    "GET /patients/{id}/record/{entry_id}": TREATED,
    "GET /restricted-patients": _each((Role.ADMIN,), CALLED),
    "GET /beds": _each(CARE, KNOWN),
    "GET /beds/{id}": _each(CARE, KNOWN),
    "GET /wards/{code}/census": _each(CARE, KNOWN),
    "GET /admissions": {**_each(READERS, CALLED), **_each(CARE, CALLED | CLINICAL)},
    "GET /admissions/{id}": {**_each(READERS, CALLED), **_each(CARE, CALLED | CLINICAL)},
    "GET /admissions/{id}/history": TREATED,
    "GET /wards/{code}/rounds": _each(CARE, CALLED),
    "GET /clinics/{code}/queue": _each(Role, CALLED),
    "GET /clinics/{code}/tokens": _each(Role, CALLED),
    "GET /tokens/{id}": _each(Role, CALLED),
    "GET /visits": _each(CARE, CALLED),
    "GET /visits/{id}": _each(CARE, CALLED),
    "GET /appointments": _each(READERS, CALLED),
    "GET /appointments/{id}": _each(READERS, CALLED),
    "GET /lab/orders": _each((*CARE, Role.LAB), CALLED),
    "GET /lab/orders/{id}": _each((*CARE, Role.LAB), CALLED),
    "GET /lab/worklist": _each((Role.LAB,), CALLED),
    "GET /lab/alerts": _each((*CARE, Role.LAB), CALLED),
    "GET /pharmacy/lots/{id}": _each((Role.PHARMACY,), CALLED),
    "GET /doses": _each((*CARE, Role.PHARMACY), CALLED),
    "GET /lab/alerts/{id}": _each((*CARE, Role.LAB), CALLED),
    "GET /lab/corrections": _each((Role.LAB,), CALLED),
    "GET /lab/orders/{id}/labels": _each((Role.NURSE, Role.LAB), KNOWN),
    "GET /lab/specimens/{id}/label": _each((Role.NURSE, Role.LAB), KNOWN),
    "GET /prescriptions": _each((*CARE, Role.PHARMACY), CALLED),
    "GET /prescriptions/{id}": _each((*CARE, Role.PHARMACY), CALLED),
}
"""Endpoint -> what each role may find in its answers, where the grant reaches; all others say nothing."""

READS = [endpoint for endpoint in ENDPOINTS if endpoint.safe and not endpoint.public]
NAMESPACES = [channel.NAMESPACE for channel in CHANNELS]
ARGUMENTS = {
    "ward": f":{WARD}",
    "clinic": f":{CLINIC}",
    "cleaning": f":{WARD}",
    "day": f":{CLINIC}",
    "doctor": f":{DOCTOR}",
    "dispensary": f":{DISPENSARY}",
    "cashier": f":{COUNTERS[0]}",
    "stock": f":{DISPENSARY}",
}
Places = frozenset[Assignment]


def sung(text: str) -> frozenset[str]:
    """Which canaries ``text`` holds."""
    return frozenset(kind for kind, song in SONGS.items() if song.search(text))


@dataclass
class Listener:
    """Somebody who listens to every room that lets them in."""

    role: Role | None
    places: Places
    client: Client
    raw: Raw
    rooms: set[str] = field(default_factory=set)

    async def listen(self) -> None:
        for namespace in NAMESPACES:
            assert "sid" in await self.raw.enter(namespace)
            self.raw.heard[namespace] = lambda event, body: None
        for kind in ROOM_KINDS:
            room = kind.name + (ARGUMENTS[kind.name] if kind.takes_argument else "")
            ack = await self.raw.call(kind.namespace, "subscribe", {"room": room})
            if ack["ok"]:
                self.rooms.add(f"{kind.namespace} {room}")

    def heard(self) -> dict[str, frozenset[str]]:
        """The canaries in every frame so far, by namespace."""
        found: dict[str, frozenset[str]] = defaultdict(frozenset)
        for frame in self.raw.frames:
            address = re.match(r"4\d(/[a-z]+),", frame)
            found[address.group(1) if address is not None else "/"] |= sung(frame)
        return found

    def may_hear(self, namespace: str) -> frozenset[str]:
        here, nowhere, songs = FRAMES.get(namespace, ((), (), NOTHING))
        return songs if self.role is not None and self.role in (here if self.places else nowhere) else NOTHING

    def may_read(self, endpoint: Endpoint) -> frozenset[str]:
        if self.role is None or endpoint.permission is None:
            return NOTHING
        reach = GRANTS[endpoint.permission].get(self.role)
        if reach is None or (reach is Scope.OWN and not self.places):
            return NOTHING
        return ANSWERS.get(label(endpoint), {}).get(self.role, NOTHING)


@pytest_asyncio.fixture(scope="module")
async def listeners(world: World) -> AsyncIterator[list[Listener]]:
    """Every role assigned here, every role assigned nowhere, and a screen bound to three rooms."""
    world.demographics = CANARY
    url = str(world.server.make_url("")).rstrip("/")
    made = []
    await world.admitted()
    await world.waiting()
    await world.alert()
    who: list[tuple[Role | None, Places]] = [(role, places) for places in (HERE, NOWHERE) for role in Role]
    for role, places in [*who, (None, NOWHERE)]:
        client = await (world.client(role, places=places) if role is not None else world.screen())
        listener = Listener(role, places, client, await Raw.dial(url, world.cookies(client)))
        await listener.listen()
        made.append(listener)
    yield made
    for listener in made:
        await listener.raw.close()


async def test_commands_sing_only_to_who_may_hear(
    world: World, listeners: list[Listener], caplog: pytest.LogCaptureFixture
) -> None:
    """Every command is given, then given again in the wrong state; everybody listens meanwhile."""
    who = await world.everybody()
    with capture_logs() as logged:
        for endpoint in ENDPOINTS:
            if endpoint.safe or endpoint.public or endpoint.path.startswith("/auth/"):
                continue
            asked = await ask(world, endpoint)
            await send(who, endpoint, asked)
            again = await send(who, endpoint, asked)
            assert again.status < 400 or sung(again.text) == NOTHING, again.text
        for listener in listeners:
            await listener.raw.call("/beds", "unsubscribe", {"room": "hospital"})
    assert sung(json.dumps(logged, default=str) + caplog.text) == NOTHING
    assert len(logged) > 100

    for listener in listeners:
        for namespace, songs in listener.heard().items():
            assert songs <= listener.may_hear(namespace), (listener.role, listener.places, listener.rooms)
    nurse = next(listener for listener in listeners if listener.role is Role.NURSE)
    assert nurse.heard()["/beds"] == KNOWN, "the canary is alive"
    screen = listeners[-1]
    assert screen.rooms == {f"/beds ward:{WARD}", "/beds hospital", f"/opd clinic:{CLINIC}"}
    assert len([frame for frame in screen.raw.frames if '"change"' in frame]) > 20


@pytest.mark.parametrize("endpoint", READS, ids=label)
async def test_answers_sing_only_to_who_may_read(
    endpoint: Endpoint, world: World, listeners: list[Listener]
) -> None:
    asked = await ask(world, endpoint)
    if label(endpoint) == "GET /patients":
        asked = Ask(query={"name": "zyxcanary"})
    with capture_logs() as logged:
        for listener in listeners:
            reply = await send(listener.client, endpoint, asked)
            allowed = listener.may_read(endpoint) if reply.status < 400 else NOTHING
            assert sung(reply.text) <= allowed, (listener.role, listener.places, reply.text)
            assert sung(str(reply.headers)) == NOTHING
    assert sung(json.dumps(logged, default=str)) == NOTHING


async def test_metrics_audit_trail_and_cache_name_nobody(
    world: World, listeners: list[Listener], module_stores: Stores
) -> None:
    reception = next(listener for listener in listeners if listener.role is Role.RECEPTION).client
    for query in ({"name": "Zyxcanary"}, {"phone": "660 765 43 21"}):
        found = await reception.get("/api/v1/patients", params=query)
        assert "Zyxcanary" in await found.text()
    refused = await reception.post("/api/v1/patients", json={**CANARY, "sex": "Quillon", "zyxcanary": 1})
    assert refused.status == 422
    for path in ("/metrics", "/healthz", "/readyz"):
        async with world.clients[0].get(path) as answer:
            assert sung(await answer.text(errors="replace")) == NOTHING, path
    for row in await world.query("SELECT action, entity_id, detail::text FROM audit_log"):
        assert sung(f"{row.entity_id} {row.detail}") <= {"mrn"}, row
    async with redis.asyncio.Redis.from_url(module_stores.redis_url) as cache:
        status = f"{module_stores.redis_prefix}:status"
        keys = [key.decode() async for key in cache.scan_iter(f"{module_stores.redis_prefix}*")]
        assert keys, "the processes' notes are missing"
        for key in keys:
            assert key == status or key.startswith(f"{status}:"), key
            kept = await cache.zrange(key, 0, -1) if key == status else [await cache.get(key)]
            assert sung(str(kept)) == NOTHING, key


@pytest.mark.parametrize(("identified", "songs"), [(False, NOTHING), (True, KNOWN)])
async def test_an_external_server_learns_who_it_is_only_if_it_may(
    *, identified: bool, songs: frozenset[str], world: World, listeners: list[Listener]
) -> None:
    """The whole feed and the whole snapshot, after everything that was done above."""
    server = await world.external(identified=identified)
    lines: list[dict[str, object]] = []
    for path, name in (("/changes", "after"), ("/changes/snapshot", "page")):
        query: dict[str, str] = {}
        while True:
            async with server.get(f"/api/v1{path}", params=query) as answer:
                assert answer.status == 200, await answer.text()
                lines += map(json.loads, (await answer.text()).splitlines())
            if not lines[-1]["more"]:
                break
            query = {name: str(lines[-1]["cursor" if name == "after" else "next_page"])}
    assert len(lines) > 50
    assert sung(json.dumps(lines)) == songs
    patients = {str(row.id) for row in await world.query("SELECT id FROM patients_patient")}
    known = {one for one in patients if one in json.dumps(lines)}
    assert bool(known) is identified
