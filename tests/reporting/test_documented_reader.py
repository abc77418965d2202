"""The reader of ``docs/reporting.md``, as it stands there, against a real server."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer

from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas.beds import BedChange
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import WardFactory, command
from tests.reporting.conftest import Query, ReaderFactory
from tests.reporting.receiver import documented


async def test_the_documented_reader_holds_what_the_hospital_says_and_starts_over_when_told(
    services: Services,
    server: TestServer,
    reader: ReaderFactory,
    ward: WardFactory,
    query: Query,
    tmp_path: Path,
) -> None:
    beds = await ward("ICU", beds=25)
    secret = (await reader("beds")).token
    base, file = str(server.make_url("")).rstrip("/"), tmp_path / "reports.sqlite"
    kind = documented("Reader")

    def steps(number: int) -> dict[tuple[str, str], Any]:
        external = kind(base, secret, file)
        for _ in range(number):
            external.step(wait=0)
        rows = external.db.execute("SELECT stream, key, value FROM entity").fetchall()
        external.db.close()
        return {(stream, key): json.loads(value) for stream, key, value in rows}

    async def held(number: int = 3) -> dict[tuple[str, str], Any]:
        return await asyncio.to_thread(steps, number)

    first = await held()
    place = ("beds/ward:ICU", f"bed:{beds[0].id}")
    assert first[place]["status"] == "available"
    assert len([key for stream, key in first if stream == "beds/ward:ICU" and key.startswith("bed:")]) == 25
    await services.beds.change(SYSTEM, command(), beds[0].id, BedChange(status=BedStatus.CLEANING))
    assert (await held())[place]["status"] == "cleaning"
    await query("UPDATE stream_epoch SET epoch = gen_random_uuid(), era = era + 1")
    again = await held()
    assert again == await held()
    assert again[place]["status"] == "cleaning"
