"""A hospital with somebody for every role, and things in every state that a request may be about."""

import uuid
from typing import Any

import socketio
from aiohttp import ClientSession, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.beds.schemas import WardIn
from hms_rt.departments.billing.schemas.accounts import CashierIn
from hms_rt.departments.identity.schemas import AssignmentIn, DeviceNew, DeviceOut, UserNew, UserOut
from hms_rt.departments.opd.schemas.queue import ClinicIn, CounterIn
from hms_rt.departments.reporting.schemas.accounts import AccountNew, AccountToken
from hms_rt.departments.reporting.views import STREAMS
from hms_rt.kernel.principal import SYSTEM, Assignment, AssignmentKind, Principal, PrincipalKind, Role
from tests.conftest import PASSWORD, command
from tests.contract import CheckedSocket
from tests.pharmacy.conftest import furnish as stock_the_pharmacy
from tests.realtime.raw import Raw
from tests.surface.things import CATALOGUE, CLINIC, COUNTERS, DOCTOR, OTHER_CLINIC, OTHER_WARD, WARD, Things

BOUND_ROOMS = ("/beds ward:ICU", "/beds hospital", "/opd clinic:GEN")
HERE = frozenset(
    {
        Assignment(AssignmentKind.WARD, WARD),
        Assignment(AssignmentKind.WARD, OTHER_WARD),
        Assignment(AssignmentKind.CLINIC, CLINIC),
        Assignment(AssignmentKind.CLINIC, OTHER_CLINIC),
        *(Assignment(AssignmentKind.COUNTER, code) for code in COUNTERS),
    }
)
"""Every place of this hospital."""
AWAY = frozenset(
    {
        Assignment(AssignmentKind.WARD, OTHER_WARD),
        Assignment(AssignmentKind.CLINIC, OTHER_CLINIC),
        Assignment(AssignmentKind.COUNTER, "ELSEWHERE"),
    }
)
"""Places where nothing happens that these tests ask about."""
NOWHERE: frozenset[Assignment] = frozenset()

_UNTOUCHED = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ :not_counted"
_NOT_COUNTED = "^(audit_|idempotency$|identity_session$|alembic_version$|change_log_)"
Client = TestClient[Any, Any]
THE_DOCTOR = "the.doctor"


class World(Things):
    """The server as its clients find it, and a look at what it stores."""

    def __init__(self, hospital: Hospital, server: TestServer) -> None:
        super().__init__(hospital)
        self.server = server
        self.clients: list[Client] = []
        self.sockets: list[tuple[socketio.AsyncClient, ClientSession]] = []
        self.raws: list[Raw] = []
        self._census = ""

    async def furnish(self) -> None:
        """Places, a catalogue, and the laboratory's people."""
        for code in (WARD, OTHER_WARD):
            await self.services.beds.define_ward(SYSTEM, command(), WardIn(code=code, name=f"Ward {code}"))
        for code in (CLINIC, OTHER_CLINIC):
            await self.services.opd.define_clinic(
                SYSTEM, command(), ClinicIn(code=code, name=f"Clinic {code}")
            )
        for code in COUNTERS:
            new = CounterIn(code=code, name=f"Counter {code}")
            await self.services.opd.define_counter(SYSTEM, command(), CLINIC, new)
        for entry in CATALOGUE:
            await self.services.lab.define_test(SYSTEM, command(), entry)
        await stock_the_pharmacy(self.services)
        for code in COUNTERS:
            till = CashierIn(code=code, name=f"Till {code}")
            await self.services.billing.define_cashier(SYSTEM, command(), till)
        doctor = await self.account(Role.DOCTOR, username=THE_DOCTOR)
        known = "UPDATE identity_user SET id = :known WHERE id = :id RETURNING id"
        await self.query(known, known=DOCTOR, id=doctor.id)
        for _ in range(2):
            self.lab_people.append(await self.person(Role.LAB))

    # --- people

    async def account(self, *roles: Role, username: str | None = None) -> UserOut:
        new = UserNew(
            username=username or f"u{uuid.uuid4().hex[:10]}",
            display_name="Test Person",
            password=PASSWORD,
            roles=list(roles),
        )
        return await self.services.identity.create_user(SYSTEM, command(), new)

    async def person(
        self, *roles: Role, places: frozenset[Assignment] = frozenset(), username: str | None = None
    ) -> Principal:
        user = await self.account(*roles, username=username)
        for given in places:
            wanted = AssignmentIn(kind=given.kind, place=given.place or None)
            await self.services.identity.assign(SYSTEM, command(), user.id, wanted)
        return Principal(
            kind=PrincipalKind.USER,
            id=user.id,
            session_id=uuid.uuid4(),
            name=user.display_name,
            roles=frozenset(roles),
            assignments=places,
        )

    async def client(self, *roles: Role, places: frozenset[Assignment] = frozenset()) -> Client:
        """Signed in as a new user with these roles; as nobody without any."""
        client: Client = TestClient(self.server, cookie_jar=CookieJar(unsafe=True))
        self.clients.append(client)
        if roles:
            username = f"u{uuid.uuid4().hex[:10]}"
            await self.person(*roles, places=places, username=username)
            await _sign_in(client, username)
        return client

    async def doctor(self) -> Client:
        """The one for whom patients wait, whose id is ``DOCTOR``."""
        client = await self.client()
        await _sign_in(client, THE_DOCTOR)
        return client

    async def everybody(self) -> Client:
        """Somebody with every role at every place: gets past every door."""
        return await self.client(*Role, places=HERE)

    def cookies(self, client: Client) -> str:
        """The header Cookie of an HTTP client."""
        jar = client.session.cookie_jar.filter_cookies(self.server.make_url("/"))
        return "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())

    async def socket(self, client: Client, *namespaces: str) -> socketio.AsyncClient:
        """A Socket.IO client with the cookies of an HTTP client."""
        session = ClientSession()
        socket = CheckedSocket(reconnection=False, http_session=session)
        self.sockets.append((socket, session))
        await socket.connect(
            str(self.server.make_url("/")),
            headers={"Cookie": self.cookies(client)},
            transports=["websocket"],
            namespaces=list(namespaces),
            wait_timeout=30,
        )
        return socket

    async def dial(self, client: Client) -> Raw:
        """A connection of its own with the cookies of an HTTP client, which shows every frame."""
        raw = await Raw.dial(str(self.server.make_url("/")).rstrip("/"), self.cookies(client))
        self.raws.append(raw)
        return raw

    async def close(self) -> None:
        """Hang up."""
        for raw in self.raws:
            await raw.close()
        for socket, session in self.sockets:
            await socket.disconnect()
            await session.close()
        for client in self.clients:
            await client.session.close()

    async def screen(self, *rooms: str) -> Client:
        """An enrolled unattended screen, bound to ``BOUND_ROOMS`` unless told otherwise."""
        client, bound = await self.client(), list(rooms or BOUND_ROOMS)
        new = DeviceNew(name=self.fresh("Screen "), rooms=bound)
        link = await self.services.identity.create_device(SYSTEM, command(), new)
        answer = await client.get(link.path, allow_redirects=False)
        assert answer.status == 303
        return client

    async def external(self, *, identified: bool = False) -> Client:
        """Another server, which may read every stream."""
        made = await self.service_account(identified=identified)
        headers = {"Authorization": f"Bearer {made.token}"}
        client: Client = TestClient(self.server, headers=headers)
        self.clients.append(client)
        answer = await client.get("/api/v1/auth/me")  # its first use is noted: later ones change nothing
        assert answer.status == 200
        return client

    async def service_account(self, *, identified: bool = False) -> AccountToken:
        new = AccountNew(
            name=self.fresh("Reports "),
            purpose="monthly figures",
            streams=sorted({kind.partition("/")[0] for kind in STREAMS}),
            identified=identified,
        )
        return await self.services.reporting.create_account(SYSTEM, command(), new)

    async def device(self) -> DeviceOut:
        new = DeviceNew(name=self.fresh("Screen "), rooms=[BOUND_ROOMS[0]])
        return (await self.services.identity.create_device(SYSTEM, command(), new)).device

    # --- what is stored

    async def census(self) -> list[Any]:
        """Rows and newest writer of every table, and every stream's head: differs if anything was changed.

        The audit trail, sessions and stored answers are left out: refusals are accounted for there.
        """
        if not self._census:
            tables = sorted(row.tablename for row in await self.query(_UNTOUCHED, not_counted=_NOT_COUNTED))
            self._census = " UNION ALL ".join(
                f"SELECT '{name}' AS name, count(*), max(xmin::text::bigint) FROM {name}" for name in tables
            )
            self._census += " ORDER BY name"
        async with self.hospital.engine.begin() as connection:
            # PostgreSQL would start two processes for so many tables: forty milliseconds instead of two.
            await connection.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
            return list((await connection.execute(text(self._census))).all())


async def _sign_in(client: Client, username: str) -> None:
    answer = await client.post("/api/v1/auth/login", json={"username": username, "password": PASSWORD})
    assert answer.status == 200, await answer.text()
