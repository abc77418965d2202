"""Who may do what, at every door: each endpoint, socket command and room against everybody.

What is expected follows from the one table of grants. Where that is not enough to say it, the exception is
written down here; what is not, fails.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import socketio
from aiohttp import ClientSession, WSServerHandshakeError

from channels import CHANNELS
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.principal import Assignment, Role
from hms_rt.security.grants import DEVICE_GRANTS, GRANTS, SERVICE_GRANTS, Permission, Scope
from hms_rt.web.endpoints import Endpoint
from tests.surface.asks import ENDPOINTS, ask, label
from tests.surface.replies import Reply, send
from tests.surface.sockets import COMMAND_IDS, DECLARED, ROOM_KINDS, SOCKET_COMMANDS, payload
from tests.surface.things import CLINIC, COUNTERS, DISPENSARY, DOCTOR, WARD
from tests.surface.world import AWAY, BOUND_ROOMS, HERE, NOWHERE, Client, World

Places = frozenset[Assignment]
PRIVATE = [endpoint for endpoint in ENDPOINTS if not endpoint.public]
NAMESPACES = [channel.NAMESPACE for channel in CHANNELS]

SELF = {
    "GET /notifications",
    "GET /notifications/preferences",
    "GET /notifications/sent",
    "GET /notifications/sent/{id}",
    "POST /notifications/seen",
    "POST /notifications/{id}/acknowledge",
    "PUT /notifications/preferences",
}
"""``OWN`` means the caller's own things: no place is needed."""

PERSONAL = {"POST /on-call/shifts/{id}/cover", "POST /on-call/swaps", "POST /on-call/covers/{id}/cancel"}
"""Only for those whose shift or cover it is, wherever they are assigned: see ``test_on_call``."""

OWN_LISTS = {
    "GET /patients",
    "GET /admissions",
    "GET /lab/orders",
    "GET /lab/alerts",
    "GET /prescriptions",
    "GET /pharmacy/stock",
    "GET /pharmacy/levels",
    "GET /pharmacy/sales",
    "GET /appointments",
    "GET /visits",
}
"""Without a place of one's own they are empty, not forbidden."""

FROM_ANY_CLINIC = {"POST /admissions"}
"""A doctor of any clinic asks any ward."""

DEVICE_READS = {
    "GET /auth/me",
    "GET /beds",
    "GET /beds/free",
    "GET /beds/{id}",
    "GET /clinics/{code}/days/{day}",
    "GET /occupancy/hours",
}
"""What a screen bound to a ward and a clinic may read; a queue by REST would name patients."""

SERVICE_READS = {"GET /auth/me", "GET /changes", "GET /changes/snapshot"}
"""What an external server may read, and all that it may do."""

BY_ANOTHER_GRANT: Mapping[tuple[str, Role], int] = {
    ("GET /patients/{id}/record", Role.PHARMACY): 200,
    ("GET /patients/{id}/record/{entry_id}", Role.PHARMACY): 404,
}
"""The pharmacy reads medication only: the entry of this request is a note."""

STAFF, CLINICAL, OWN = Audience.STAFF, Audience.CLINICAL, Audience.OWN
ROOMS: Mapping[tuple[str, str], tuple[str, Mapping[Role, tuple[Audience | None, Audience | None]]]] = {
    ("/beds", "ward"): (
        f"ward:{WARD}",
        {
            Role.ADMIN: (STAFF, STAFF),
            Role.DOCTOR: (CLINICAL, None),
            Role.NURSE: (CLINICAL, None),
            Role.RECEPTION: (STAFF, STAFF),
        },
    ),
    ("/beds", "hospital"): (
        "hospital",
        dict.fromkeys((Role.ADMIN, Role.DOCTOR, Role.NURSE, Role.RECEPTION), (STAFF, STAFF)),
    ),
    ("/beds", "cleaning"): (
        f"cleaning:{WARD}",
        {Role.ADMIN: (STAFF, STAFF), Role.NURSE: (STAFF, None)},
    ),
    ("/opd", "clinic"): (
        f"clinic:{CLINIC}",
        {
            Role.ADMIN: (STAFF, STAFF),
            Role.DOCTOR: (CLINICAL, None),
            Role.NURSE: (CLINICAL, None),
            Role.RECEPTION: (STAFF, STAFF),
            Role.PHARMACY: (STAFF, None),
            Role.LAB: (STAFF, None),
        },
    ),
    ("/opd", "day"): (
        f"day:{CLINIC}",
        {
            Role.ADMIN: (STAFF, STAFF),
            Role.DOCTOR: (CLINICAL, None),
            Role.NURSE: (CLINICAL, None),
            Role.RECEPTION: (STAFF, STAFF),
        },
    ),
    ("/opd", "doctor"): (
        f"doctor:{DOCTOR}",
        {Role.ADMIN: (STAFF, STAFF), Role.RECEPTION: (STAFF, STAFF)},
    ),
    ("/lab", "worklist"): ("worklist", {Role.LAB: (STAFF, STAFF)}),
    ("/lab", "alerts"): ("alerts", {Role.LAB: (STAFF, STAFF)}),
    ("/lab", "ward"): (
        f"ward:{WARD}",
        {Role.DOCTOR: (CLINICAL, None), Role.NURSE: (CLINICAL, None), Role.LAB: (STAFF, STAFF)},
    ),
    ("/lab", "clinic"): (
        f"clinic:{CLINIC}",
        {Role.DOCTOR: (CLINICAL, None), Role.NURSE: (CLINICAL, None), Role.LAB: (STAFF, STAFF)},
    ),
    ("/pharmacy", "dispensary"): (f"dispensary:{DISPENSARY}", {Role.PHARMACY: (STAFF, STAFF)}),
    ("/pharmacy", "stock"): (
        "stock:ICU-CUP",
        {Role.PHARMACY: (STAFF, STAFF), Role.ADMIN: (STAFF, STAFF), Role.NURSE: (STAFF, None)},
    ),
    ("/ipd", "ward"): (
        f"ward:{WARD}",
        {Role.DOCTOR: (CLINICAL, None), Role.NURSE: (CLINICAL, None), Role.PHARMACY: (STAFF, STAFF)},
    ),
    ("/billing", "cashier"): (
        f"cashier:{COUNTERS[0]}",
        {Role.ADMIN: (STAFF, STAFF), Role.RECEPTION: (STAFF, STAFF), Role.PHARMACY: (Audience.SELLER, None)},
    ),
    ("/notifications", "me"): ("me", dict.fromkeys(Role, (OWN, OWN))),
}
"""Room -> role -> audience when assigned there, and when assigned elsewhere; who is missing is forbidden."""


@dataclass
class Staff:
    """Somebody of every role: assigned to every place, to places elsewhere, and to none; a screen; and a
    server that reads everything there is to read."""

    nobody: Client
    device: Client
    service: Client
    people: Mapping[tuple[Role, Places], Client]
    sockets: Mapping[tuple[Role, Places], socketio.AsyncClient]
    screen: socketio.AsyncClient


@pytest_asyncio.fixture(scope="module")
async def staff(world: World) -> Staff:
    people = {
        (role, places): await world.client(role, places=places)
        for role in Role
        for places in (HERE, AWAY, NOWHERE)
    }
    device = await world.screen()
    return Staff(
        nobody=await world.client(),
        device=device,
        service=await world.external(),
        people=people,
        sockets={who: await world.socket(client, *NAMESPACES) for who, client in people.items()},
        screen=await world.socket(device, *NAMESPACES),
    )


def scope(permission: Permission | None, role: Role) -> Scope | None:
    """How far the table of grants lets a role go; whoever is signed in, where nothing is asked for."""
    return GRANTS[permission].get(role) if permission is not None else Scope.ANY


async def denials(world: World) -> int:
    """Commands that were denied. What an external server is refused is counted (tests/reporting)."""
    (row,) = await world.query(
        "SELECT count(*) FROM audit_log WHERE outcome = 'denied' AND action <> 'reporting.refused'"
    )
    return int(row.count)


@pytest.mark.parametrize("endpoint", PRIVATE, ids=label)
async def test_who_may_not_is_refused_and_changes_nothing(
    endpoint: Endpoint, world: World, staff: Staff
) -> None:
    asked, name = await ask(world, endpoint), label(endpoint)
    before, denied = await world.census(), await denials(world)
    told: list[str] = []

    async def refused(who: Client) -> None:
        reply = await send(who, endpoint, asked)
        assert (reply.status, reply.code) == (403, "forbidden"), reply.text
        told.append(reply.text)

    stranger = await send(staff.nobody, endpoint, asked)
    assert (stranger.status, stranger.code) == (401, "unauthenticated"), stranger.text
    if name not in DEVICE_READS:
        await refused(staff.device)
    if name not in SERVICE_READS:
        await refused(staff.service)
        told.pop()
    for role in Role:
        reach = scope(endpoint.permission, role)
        if (name, role) in BY_ANOTHER_GRANT:
            continue
        if reach is None:
            await refused(staff.people[role, HERE])
        elif reach is Scope.OWN and name not in SELF | OWN_LISTS:
            await refused(staff.people[role, NOWHERE])
            if name not in FROM_ANY_CLINIC:
                await refused(staff.people[role, AWAY])
            if name in PERSONAL:
                await refused(staff.people[role, HERE])
    assert await world.census() == before
    assert endpoint.safe or await denials(world) == denied + len(told)


@pytest.mark.parametrize("endpoint", PRIVATE, ids=label)
async def test_who_may_is_let_in(endpoint: Endpoint, world: World, staff: Staff) -> None:
    name = label(endpoint)

    async def let_in(who: Client) -> Reply:
        reply = await send(who, endpoint, await ask(world, endpoint))
        assert reply.status not in {401, 403}, reply.text
        return reply

    if name in DEVICE_READS:
        assert endpoint.permission is None or endpoint.permission in DEVICE_GRANTS
        await let_in(staff.device)
    if name in SERVICE_READS:
        assert endpoint.permission is None or endpoint.permission in SERVICE_GRANTS
        await let_in(staff.service)
    for role in Role:
        reach = scope(endpoint.permission, role)
        if (name, role) in BY_ANOTHER_GRANT:
            assert (await let_in(staff.people[role, NOWHERE])).status == BY_ANOTHER_GRANT[name, role]
        elif reach is Scope.ANY or (reach is Scope.OWN and name in SELF):
            await let_in(staff.people[role, NOWHERE])
        elif reach is Scope.OWN and name not in PERSONAL:
            await let_in(staff.people[role, HERE if name not in FROM_ANY_CLINIC else AWAY])
        if reach is Scope.OWN and name in OWN_LISTS:
            assert (await let_in(staff.people[role, NOWHERE])).json["items"] == []
            assert (await let_in(staff.people[role, AWAY])).json["items"] == []


@pytest.mark.parametrize(("namespace", "name"), SOCKET_COMMANDS, ids=COMMAND_IDS)
async def test_socket_commands_follow_the_same_table(
    namespace: str, name: str, world: World, staff: Staff
) -> None:
    permission = DECLARED[namespace, name].permission
    said = await payload(world, namespace, name)

    async def code(socket: socketio.AsyncClient) -> str | None:
        ack = await socket.call(name, {"id": str(uuid.uuid4()), **said}, namespace=namespace)
        return None if ack["ok"] else str(ack["error"]["code"])

    before = await world.census()
    assert await code(staff.screen) == "forbidden"
    for role in Role:
        reach = scope(permission, role)
        if reach is None:
            assert await code(staff.sockets[role, HERE]) == "forbidden"
        elif reach is Scope.OWN and namespace != "/notifications":
            assert await code(staff.sockets[role, NOWHERE]) == "forbidden"
            assert await code(staff.sockets[role, AWAY]) == "forbidden"
    assert await world.census() == before
    for role in Role:
        if scope(permission, role) is not None:
            assert await code(staff.sockets[role, HERE]) not in {"forbidden", "unauthenticated"}


@pytest.mark.parametrize("kind", ROOM_KINDS, ids=lambda kind: f"{kind.namespace} {kind.name}")
async def test_every_room_tells_each_role_its_audience(kind: Any, staff: Staff) -> None:
    room, audiences = ROOMS[kind.namespace, kind.name]

    async def audience(socket: socketio.AsyncClient) -> str | None:
        ack = await socket.call("subscribe", {"room": room}, namespace=kind.namespace)
        assert ack["ok"] or ack["error"]["code"] == "forbidden", ack
        return str(ack["audience"]) if ack["ok"] else None

    bound = f"{kind.namespace} {room}" in BOUND_ROOMS
    assert await audience(staff.screen) == (Audience.DISPLAY if bound else None)
    for role in Role:
        here, away = audiences.get(role, (None, None))
        assert await audience(staff.sockets[role, HERE]) == here, role
        assert await audience(staff.sockets[role, AWAY]) == away, role
        assert await audience(staff.sockets[role, NOWHERE]) == away, role


async def test_nobody_gets_a_socket(world: World) -> None:
    url = world.server.make_url("/socket.io/?EIO=4&transport=websocket")
    async with ClientSession() as session:
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(url)
    assert refused.value.status == 401
