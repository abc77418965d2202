"""SIGKILL of the server at named points: after it, every board is right and every command happened once."""

import asyncio
import dataclasses
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from hms_rt.app import Hospital, Stores
from hms_rt.departments.beds.schemas import BedIn, WardIn
from hms_rt.departments.identity.schemas import AssignmentIn, UserNew
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from tests.conftest import PASSWORD, SECRET, command
from tests.faults.server import settings

ROOT = Path(__file__).parents[2]


@dataclass
class Furnished:
    """One ward with one bed, and its nurse."""

    stores: Stores
    bed: uuid.UUID
    trigger: Path


@pytest.fixture
async def furnished(stores: Stores, tmp_path: Path) -> Furnished:
    hospital = Hospital(settings(SECRET), stores)
    services = hospital.services
    await services.beds.define_ward(SYSTEM, command(), WardIn(code="ICU", name="Ward ICU"))
    bed = await services.beds.define_bed(SYSTEM, command(), BedIn(ward="ICU", room="R1", code="01"))
    nurse = await services.identity.create_user(
        SYSTEM,
        command(),
        UserNew.model_validate(
            {"username": "nurse", "display_name": "Nurse", "password": PASSWORD, "roles": [Role.NURSE]}
        ),
    )
    ward = AssignmentIn(kind=AssignmentKind.WARD, place="ICU")
    await services.identity.assign(SYSTEM, command(), nurse.id, ward)
    await hospital.close()
    return Furnished(stores, bed.id, tmp_path / "now")


@asynccontextmanager
async def serving(furnished: Furnished, point: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A server process; yields its address."""
    given = {
        "stores": dataclasses.asdict(furnished.stores),
        "secret": SECRET,
        "point": point,
        "trigger": str(furnished.trigger),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.server",
        json.dumps(given),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        port = ""
        while not port.isdigit():  # log lines may come first
            line = await asyncio.wait_for(process.stdout.readline(), 30)
            assert line, "the server ended before it listened"
            port = line.decode().strip()
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def nurse_at(url: str) -> AsyncIterator[tuple[aiohttp.ClientSession, socketio.AsyncClient]]:
    """The nurse's HTTP session and socket."""
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.post(
            "/api/v1/auth/login", json={"username": "nurse", "password": PASSWORD}
        ) as answer:
            assert answer.status == 200
        cookies = "; ".join(f"{c.key}={c.value}" for c in http.cookie_jar if c["path"] == "/")
        socket = socketio.AsyncClient(reconnection=False)
        await socket.connect(
            url, headers={"Cookie": cookies}, transports=["websocket"], namespaces=["/beds"], wait_timeout=30
        )
        try:
            yield http, socket
        finally:
            await socket.disconnect()


async def set_cleaning(http: aiohttp.ClientSession, bed: uuid.UUID) -> tuple[int, dict[str, Any]]:
    headers = {"If-Match": '"1"', "Idempotency-Key": "the-press"}
    async with http.patch(f"/api/v1/beds/{bed}", json={"status": "cleaning"}, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
async def test_a_command_cut_off_by_sigkill_happens_once_and_boards_resume(
    furnished: Furnished, point: str
) -> None:
    async with serving(furnished, point) as (url, process), nurse_at(url) as (http, socket):
        before = await socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
        assert before["state"][f"bed:{furnished.bed}"]["status"] == "available"
        furnished.trigger.touch()
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await set_cleaning(http, furnished.bed)
        assert await asyncio.wait_for(process.wait(), 10) == -signal.SIGKILL
        furnished.trigger.unlink()

    async with serving(furnished, "never") as (url, _), nurse_at(url) as (http, socket):
        since = {"epoch": before["epoch"], "version": before["version"]}
        after = await socket.call("subscribe", {"room": "ward:ICU", "since": since}, namespace="/beds")
        assert after["mode"] == "resume", "a restart is no reason for a new epoch"
        seen = [
            op["value"]["status"] for c in after["changes"] for op in c["ops"] if op["key"].startswith("bed:")
        ]
        assert seen == (["cleaning"] if point == "after_commit" else [])

        changed = asyncio.Event()
        socket.on("change", lambda _: changed.set(), namespace="/beds")
        status, bed = await set_cleaning(http, furnished.bed)
        assert (status, bed["status"], bed["version"]) == (200, "cleaning", 2)
        if point == "before_commit":
            await asyncio.wait_for(changed.wait(), 5)
        fresh = await socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
        assert fresh["version"] == before["version"] + 1, "exactly one change was made"
        assert fresh["state"][f"bed:{furnished.bed}"]["status"] == "cleaning"
        assert fresh["state"]["occupancy"]["cleaning"] == 1
