"""Fill a hospital of ten years at three sizes, ask every list, print what each costs and what is wrong.

``--update`` writes the outcome to ``docs/lists.md``.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy.engine import make_url

from bench.decade.asking import LIMIT, Asked, Known, deepened, every
from bench.decade.fill import fill
from bench.decade.plans import Cost, caught, explained
from bench.harness import PASSWORD, command
from hms_rt.app import Hospital, Stores
from hms_rt.cli.databases import migrate
from hms_rt.config import Settings
from hms_rt.departments.beds.schemas import WardIn
from hms_rt.departments.identity.schemas import AssignmentIn, UserNew
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.schemas.on_call import GroupIn
from hms_rt.departments.opd.schemas.queue import ClinicIn
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from hms_rt.logs import configure
from hms_rt.storage.embedded import EmbeddedStack, erase

DOCS = Path(__file__).parents[2] / "docs" / "lists.md"
SHARES = (0.01, 0.1, 1.0)
SECRET = "for this benchmark only, and long enough to be taken"
ASKERS = {"all": tuple(Role), "own": (Role.DOCTOR, Role.NURSE)}
"""Who asks: somebody with every role, and a doctor and nurse of one ward and one clinic."""


@dataclass
class Found:
    """What one request costs at each size, on its first and on a deep page."""

    first: dict[float, Cost] = field(default_factory=dict)
    deep: dict[float, Cost] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


WHY = (
    "A finding is a table of over 10,000 rows read whole, or that many rows read and thrown away, at full",
    "size. A list that is bounded by a time is sorted by that time, with the id where times are equal:",
    "an id says when something was recorded, and late entry is normal. A deep page beyond a `from` or",
    "`since` holds nothing and is asked for by no client.",
)

Results = dict[tuple[str, str, str], Found]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.decade", description=__doc__)
    parser.add_argument("--patients", type=int, default=300_000, help="at full size (10,000 or more)")
    parser.add_argument("--update", action="store_true", help="write docs/lists.md")
    arguments = parser.parse_args()
    configure("ERROR")
    console = Console(width=170)
    results, rows = uvloop.run(_measure(arguments.patients, console))
    page = report(results, arguments.patients, rows)
    console.print(page, highlight=False, markup=False)
    if arguments.update:
        DOCS.write_text(page)


async def _measure(patients: int, console: Console) -> tuple[Results, list[int]]:
    results: Results = defaultdict(Found)
    rows = []
    folder = Path(tempfile.mkdtemp(prefix="hms-decade-"))
    stack = EmbeddedStack(folder, durable=False)
    try:
        uris = await stack.start()
        for share in SHARES:
            count = int(patients * share)
            began = time.monotonic()
            name = f"decade_{count}"
            uri = await _database(uris.postgres_uri, name)
            total = await _filled(uri, count, console)
            rows.append(total)
            stores = Stores(uri, uris.mongo_uri, uris.redis_url, name, name)
            size = await _ask_all(stores, share, results)
            console.print(f"{count:,} patients, {total:,} rows, {size}: {time.monotonic() - began:.0f} s")
            await _drop(uris.postgres_uri, name)
    finally:
        await stack.stop()
        erase(folder)
    return results, rows


async def _admin(uri: str, database: str = "postgres") -> asyncpg.Connection:
    url = make_url(uri)
    host = url.query.get("host") or url.host
    return await asyncpg.connect(host=host, port=url.port, user=url.username, database=database)


async def _database(uri: str, name: str) -> str:
    connection = await _admin(uri)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    made = make_url(uri).set(database=name).render_as_string(hide_password=False)
    await migrate(made)
    return made


async def _drop(uri: str, name: str) -> None:
    connection = await _admin(uri)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def _filled(uri: str, patients: int, console: Console) -> int:
    connection = await _admin(uri, str(make_url(uri).database))
    try:
        await connection.execute("SET max_parallel_workers_per_gather = 0")
        return await fill(connection, patients, console.print)
    finally:
        await connection.close()


async def _ask_all(stores: Stores, share: float, results: Results) -> str:
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


def report(results: Results, patients: int, rows: list[int]) -> str:
    """The page: the worst request of each list at each size, then every finding."""
    sizes = ", ".join(
        f"{int(patients * share):,} patients ({total:,} rows)"
        for share, total in zip(SHARES, rows, strict=True)
    )
    lines = [
        "# What lists cost as data grows",
        "",
        f"A generated hospital of ten years at three sizes: {sizes}. Made with",
        f"`python -m bench.decade --patients {patients} --update`. Every list that is declared was asked",
        "over REST with each of its filters, by somebody with every role and by a doctor of one ward and one",
        f"clinic, pages of {LIMIT}. Shown is the dearest request of each list: milliseconds in PostgreSQL",
        "(warm) of all its statements, and blocks of 8 KiB that they touched; *deep*: five years back.",
        "",
        "| List | Requests | First: ms at 1 %, 10 %, 100 % | blocks | Deep: ms | blocks |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    by_path: dict[str, list[Found]] = defaultdict(list)
    for (path, _, _), found in results.items():
        by_path[path].append(found)
    for path, several in sorted(by_path.items()):
        cells = [
            cell for page in ("first", "deep") for cell in _worst([getattr(one, page) for one in several])
        ]
        lines.append(f"| `{path}` | {len(several)} | " + " | ".join(cells) + " |")
    lines += ["", "## Findings", "", *WHY, ""]
    lines += _findings(results) or [
        "None: no table of over 10,000 rows was read whole, none filtered away that many."
    ]
    return "\n".join(lines) + "\n"


def _worst(several: list[dict[float, Cost]]) -> tuple[str, str]:
    at_full = [one for one in several if one]
    if not at_full:
        return "–", "–"
    dearest = max(at_full, key=lambda one: one[max(one)].ms)
    shown = [dearest.get(share) for share in SHARES]
    return (
        ", ".join(f"{one.ms:.1f}" if one else "–" for one in shown),
        ", ".join(f"{one.blocks:,}" if one else "–" for one in shown),
    )


def _findings(results: Results) -> list[str]:
    told = []
    for (_, name, who), found in sorted(results.items()):
        for page, costs in (("first", found.first), ("deep", found.deep)):
            cost = costs.get(SHARES[-1])
            if cost is not None and (cost.scans or cost.wasted):
                whole = ", ".join(sorted(cost.scans))
                thrown = ", ".join(f"{table} {rows:,}" for table, rows in sorted(cost.wasted.items()))
                what = "; ".join(
                    part
                    for part in (
                        f"reads {whole} whole" if whole else "",
                        f"throws away {thrown}" if thrown else "",
                    )
                    if part
                )
                told.append(
                    f"- `{name}` ({who}, {page} page, {cost.ms:.1f} ms, {cost.blocks:,} blocks): {what}"
                )
        told += [
            f"- `{name}` ({who}) could not be asked: {why}"
            for why in sorted(found.refused)
            if not why.startswith(("403", "404"))
        ]
    return told


if __name__ == "__main__":
    main()
