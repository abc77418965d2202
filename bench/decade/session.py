"""A server over a filled hospital, and those who ask its lists."""

from typing import Any

from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from bench.decade.asking import LIMIT, Asked, Known, deepened, every
from bench.decade.plans import Cost, caught, explained
from bench.decade.report import Found, Results
from bench.harness import PASSWORD, command
from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.schemas import WardIn
from hms_rt.departments.identity.schemas import AssignmentIn, UserNew
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.schemas.on_call import GroupIn
from hms_rt.departments.opd.schemas.queue import ClinicIn
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role

SECRET = "for this benchmark only, and long enough to be taken"
ASKERS = {"all": tuple(Role), "own": (Role.DOCTOR, Role.NURSE)}
"""Who asks: somebody with every role, and a doctor and nurse of one ward and one clinic."""


async def ask_all(stores: Stores, share: float, results: Results) -> str:
    """Serve the stores and ask every list as each of :data:`ASKERS`; answers how large the database is."""
    settings = Settings(
        _env_file=None,
        jwt_secret=SecretStr(SECRET),
        password_pepper=SecretStr(SECRET[::-1]),
        password_cost=4,
        requests_per_minute=0,
    )
    hospital = Hospital(settings, stores)
    server = TestServer(hospital.web)
    await server.start_server()
    try:
        await _furnish(hospital)
        known, sizes, size = await _known(hospital)
        for who, roles in ASKERS.items():
            client = await _signed_in(hospital, server, who, roles)
            for asked in every(known):
                found = results[asked.endpoint.path, asked.name, who]
                await _ask(hospital, client, asked, known, sizes, share, found)
            await client.session.close()
    finally:
        await server.close()
        await hospital.close()
    return size


async def _furnish(hospital: Hospital) -> None:
    services = hospital.services
    for number in range(20):
        ward = WardIn(code=f"W{number:02}", name=f"Ward {number}")
        await services.beds.define_ward(SYSTEM, command(), ward)
        clinic = ClinicIn(code=f"C{number:02}", name=f"Clinic {number}")
        await services.opd.define_clinic(SYSTEM, command(), clinic)
    group = GroupIn(code="CARDIO", name="Cardiology", place_kind=PlaceKind.WARD, place="W01")
    await services.notifications.define_group(SYSTEM, command(), group)


async def _known(hospital: Hospital) -> tuple[Known, dict[str, int], str]:
    async with hospital.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT relname, reltuples::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "'public'::regnamespace"
        )
        sizes = {row.relname: row.reltuples for row in rows}
        things = (await connection.exec_driver_sql(_THINGS)).mappings().one()
        known = Known(**things, rows=sizes["audit_log"] // 2)
        size = await connection.exec_driver_sql("SELECT pg_size_pretty(pg_database_size(current_database()))")
        return known, sizes, str(size.scalar_one())


_THINGS = """
    SELECT a.patient_id AS patient, person(7) AS "user", a.id AS admission,
        (SELECT id FROM lab_order ORDER BY id DESC LIMIT 1) AS "order",
        (SELECT lot_id FROM pharmacy_ledger ORDER BY id DESC LIMIT 1) AS lot,
        (SELECT payment_id FROM billing_refund ORDER BY id DESC LIMIT 1) AS payment,
        (SELECT shift_id FROM billing_payment ORDER BY id DESC LIMIT 1) AS shift
    FROM ipd_admission a JOIN ipd_medication m ON m.admission_id = a.id ORDER BY a.id DESC LIMIT 1
"""
"""The newest admission with a medicine, and whose it is; a user; and the newest of the rest."""


async def _signed_in(
    hospital: Hospital, server: TestServer, who: str, roles: tuple[Role, ...]
) -> TestClient[Any, Any]:
    new = UserNew(
        username=f"asker-{who}", display_name="Asker", password=SecretStr(PASSWORD), roles=frozenset(roles)
    )
    user = await hospital.services.identity.create_user(SYSTEM, command(), new)
    for kind, place in ((AssignmentKind.WARD, "W01"), (AssignmentKind.CLINIC, "C01")):
        given = AssignmentIn(kind=kind, place=place)
        await hospital.services.identity.assign(SYSTEM, command(), user.id, given)
    async with hospital.engine.begin() as connection:  # what everybody else was told and asked for
        for table, column in _OWNED:
            await connection.exec_driver_sql(
                f"UPDATE {table} SET {column} = '{user.id}' WHERE {column} = person({7 + len(roles)})"
            )
    client: TestClient[Any, Any] = TestClient(server, cookie_jar=CookieJar(unsafe=True))
    signed = {"username": new.username, "password": PASSWORD}
    async with client.post("/api/v1/auth/login", json=signed) as answer:
        answer.raise_for_status()
    return client


_OWNED = (
    ("notifications_notification", "user_id"),
    ("notifications_batch", "sender_id"),
    ("lab_order", "ordered_by"),
)
"""The asker takes the place of one of five hundred, so that lists of one's own hold ten years of theirs."""


async def _ask(
    hospital: Hospital,
    client: TestClient[Any, Any],
    asked: Asked,
    known: Known,
    sizes: dict[str, int],
    share: float,
    found: Found,
) -> None:
    query = {**asked.query, "limit": str(LIMIT)}
    cursor = await _page(hospital, client, asked, query, sizes, found, found.first, share)
    if cursor is not None:
        query["cursor"] = deepened(cursor, known)
        await _page(hospital, client, asked, query, sizes, found, found.deep, share)


async def _page(
    hospital: Hospital,
    client: TestClient[Any, Any],
    asked: Asked,
    query: dict[str, str],
    sizes: dict[str, int],
    found: Found,
    costs: dict[float, Cost],
    share: float,
) -> str | None:
    with caught(hospital.engine) as statements:
        async with client.get(f"/api/v1{asked.path}", params=query) as answer:
            body = await answer.json()
    if answer.status >= 400 and answer.status != 500:
        found.refused.add(f"{answer.status} {body.get('detail', '')}"[:120])
        return None
    async with hospital.engine.connect() as connection:
        costs[share] = await explained(connection, statements, sizes)
    return body.get("next_cursor") if answer.status == 200 else None
