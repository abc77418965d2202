"""SIGTERM: not ready, no new sockets, everybody told; what was under way is answered, and stored."""

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from sqlalchemy.engine import make_url

from hms_rt.app import Stores
from hms_rt.departments.beds.schemas import BedOut
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.cli.processes import Served, configured, serving
from tests.conftest import PersonFactory, WardFactory, command
from tests.faults.people import Person
from tests.realtime.raw import Raw, until

DRAIN_S = 2.0


@asynccontextmanager
async def held(stores: Stores, beds: list[BedOut]) -> AsyncIterator[asyncpg.Connection]:
    """Every command on these beds waits, inside its transaction, until this is over."""
    url = make_url(stores.postgres_uri)
    connection = await asyncpg.connect(
        host=url.query["host"],
        user=url.username,
        database=url.database,
        server_settings={"lock_timeout": "0"},
    )
    try:
        async with connection.transaction():
            await connection.fetch(
                "SELECT 1 FROM beds_bed WHERE id = ANY($1::uuid[]) FOR UPDATE", [bed.id for bed in beds]
            )
            yield connection
    finally:
        await connection.close()


async def waiting(connection: asyncpg.Connection, several: int) -> None:
    """Until so many commands wait for what is held."""
    async with asyncio.timeout(20):
        while await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < several:
            await asyncio.sleep(0.01)


async def press(person: Person, url: str, bed: BedOut) -> tuple[int, dict[str, Any]]:
    """A nurse sets a bed to cleaning."""
    headers = {"If-Match": f'"{bed.version}"', "Idempotency-Key": str(uuid.uuid4())}
    path = f"{url}/api/v1/beds/{bed.id}"
    async with person.session.patch(path, json={"status": "cleaning"}, headers=headers) as answer:
        return answer.status, await answer.json()


@asynccontextmanager
async def one_server(folder: Path, stores: Stores, workers: int) -> AsyncIterator[tuple[Served, str, Person]]:
    """A server, one process or several, with a nurse signed in."""
    environment = {**configured(stores), "DRAIN_SECONDS": str(DRAIN_S)}
    async with serving(folder, environment, workers=workers) as served:
        await served.until("serving", workers)
        nurse = Person("nina")
        await nurse.enter(served.url)
        try:
            yield served, served.url, nurse
        finally:
            await nurse.hang_up()


@pytest.mark.parametrize("workers", [1, 2])
async def test_commands_under_way_are_answered_and_stored(
    tmp_path: Path,
    stores: Stores,
    services: Services,
    person: PersonFactory,
    ward: WardFactory,
    workers: int,
) -> None:
    beds = await ward("ICU", beds=3)
    await person(Role.NURSE, username="nina", ward="ICU")
    async with one_server(tmp_path, stores, workers) as (served, url, nurse):
        raw = await Raw.dial(url, nurse.cookie())
        await raw.enter("/beds")
        acknowledged: list[dict[str, Any]] = []
        async with held(stores, beds) as lock:
            under_way = [asyncio.create_task(press(nurse, url, bed)) for bed in beds[:2]]
            change = {"id": str(uuid.uuid4()), "bed_id": str(beds[2].id), "status": "cleaning"}
            await raw.ask("/beds", acknowledged.append, "change_bed", change)
            await waiting(lock, 3)
            served.tell(signal.SIGTERM)
            await served.until("draining", workers)
            await until(lambda: bool(raw.events("going_away")), 10)
            assert 500 <= raw.events("going_away")[0]["retry_in_ms"] <= 5_000
            assert not any(task.done() for task in under_way)
        answers = await asyncio.wait_for(asyncio.gather(*under_way), 20)
        assert [(status, bed["status"]) for status, bed in answers] == [(200, "cleaning")] * 2
        await raw.hung_up(20)
        assert [told["ok"] for told in acknowledged] == [True]
        assert await served.ended() == 0
        for bed in beds:
            stored = await services.beds.bed(SYSTEM, command(), bed.id)
            assert (stored.status.value, stored.version) == ("cleaning", 2), "acknowledged means stored, once"
        await raw.close()


async def test_a_leaving_server_says_so_before_it_closes_its_door(
    tmp_path: Path, stores: Stores, person: PersonFactory, ward: WardFactory
) -> None:
    [bed] = await ward("ICU", beds=1)
    await person(Role.NURSE, username="nina", ward="ICU")
    async with one_server(tmp_path, stores, 1) as (served, url, nurse):
        raw = await Raw.dial(url, nurse.cookie())
        await raw.enter("/beds")
        served.tell(signal.SIGTERM)
        await served.until("draining")
        async with nurse.session.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (503, {"status": "draining"})
            assert answer.headers["Connection"] == "close", "the next request goes elsewhere"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await Raw.dial(url, nurse.cookie())
        assert refused.value.status == 503
        assert refused.value.headers is not None
        assert 1 <= int(refused.value.headers["Retry-After"]) <= 5
        assert not raw.events("going_away"), "proxies look elsewhere before screens are sent there"
        status, _ = await press(nurse, url, bed)
        assert status == 200, "who still comes is still served"
        await raw.hung_up(20)
        assert raw.events("going_away")
        await raw.close()
        assert await served.ended() == 0


async def test_a_request_that_never_ends_does_not_hold_the_server(
    tmp_path: Path, stores: Stores, person: PersonFactory
) -> None:
    await person(Role.NURSE, username="nina", ward="ICU")
    async with one_server(tmp_path, stores, 1) as (served, url, nurse):
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        cookie = nurse.cookie()
        writer.write(
            f"PATCH /api/v1/beds/{uuid.uuid4()} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n"
            'If-Match: "1"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"status"'.encode()
        )
        await writer.drain()
        served.tell(signal.SIGTERM)
        assert await served.ended(50) == 0
        assert await reader.read() == b"", "it was cut off, not answered"
        writer.close()


async def test_a_reload_that_one_process_cannot_do_is_told_and_does_not_end_it(
    tmp_path: Path, stores: Stores
) -> None:
    async with serving(tmp_path, configured(stores)) as served:
        await served.until("serving")
        served.tell(signal.SIGHUP)
        await served.until("reload.needs_workers")
        async with aiohttp.ClientSession() as http, http.get(f"{served.url}/healthz") as answer:
            assert answer.status == 200
        served.tell(signal.SIGTERM)
        assert await served.ended() == 0
