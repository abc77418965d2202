"""The hospital that is measured: private stores, one ward with its nurse, and enrolled screens."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from pydantic import SecretStr
from sqlalchemy import insert

from hms_rt.app import Hospital, Stores
from hms_rt.cli.databases import migrate
from hms_rt.config import Settings
from hms_rt.departments.beds.schemas import BedIn, WardIn
from hms_rt.departments.identity.schemas import AssignmentIn, UserNew
from hms_rt.departments.identity.tables import identity_device
from hms_rt.kernel.clock import SystemClock
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, PrincipalKind, Role
from hms_rt.security.tokens import AccessTokens, SigningKey
from hms_rt.storage.embedded import EmbeddedStack, erase

PASSWORD = "a password for benchmarks"
WARD = "ICU"
START_S = 30.0
STOP_S = 15.0


@dataclass(frozen=True)
class Ground:
    """Stores with a furnished hospital in them, for any number of servers one after the other.

    ``environment`` is what a server process needs; ``folder`` is removed at the end.
    """

    folder: Path
    environment: Mapping[str, str]
    settings: Settings
    stores: Stores
    beds: Sequence[uuid.UUID]


@dataclass(frozen=True)
class Running:
    """A server that answers: where it is, and what is in it."""

    url: str
    pid: int
    beds: Sequence[uuid.UUID]


def command(name: str = "bench") -> Command:
    """A command's envelope, without a key and without an expected version."""
    return Command(name=name, request_id=str(uuid.uuid4()))


@asynccontextmanager
async def ground(*, beds: int = 24) -> AsyncIterator[Ground]:
    """Stores (durable, as in production), migrated, with a ward of ``beds`` beds and its nurse.

    The stores keep to the cores that this process keeps to.
    """
    folder = Path(tempfile.mkdtemp(prefix="hms-bench-"))
    stack = EmbeddedStack(folder)
    try:
        uris = await stack.start()
        await migrate(uris.postgres_uri)
        stores = Stores(uris.postgres_uri, uris.mongo_uri, uris.redis_url)
        environment = _environment(stores)
        settings = Settings(
            _env_file=None,
            jwt_secret=SecretStr(environment["JWT_SECRET"]),
            password_pepper=SecretStr(environment["PASSWORD_PEPPER"]),
        )
        made = await _furnish(settings, stores, beds)
        yield Ground(folder, environment, settings, stores, made)
    finally:
        await stack.stop()
        erase(folder)
        shutil.rmtree(folder)


def _environment(stores: Stores) -> dict[str, str]:
    return {
        "JWT_SECRET": secrets.token_hex(32),
        "PASSWORD_PEPPER": secrets.token_hex(32),
        "POSTGRES_URI": stores.postgres_uri,
        "MONGO_URI": stores.mongo_uri,
        "REDIS_URL": stores.redis_url,
        # One load client stands for thousands of screens.
        "SOCKETS_PER_PRINCIPAL": "20000",
        "SOCKETS_PER_ADDRESS": "20000",
        "REQUESTS_PER_MINUTE": "0",
        "LOG_LEVEL": "WARNING",
    }


async def _furnish(settings: Settings, stores: Stores, beds: int) -> list[uuid.UUID]:
    hospital = Hospital(settings, stores)
    services = hospital.services
    try:
        await services.beds.define_ward(SYSTEM, command(), WardIn(code=WARD, name="Intensive care"))
        made = [
            await services.beds.define_bed(
                SYSTEM, command(), BedIn(ward=WARD, room=f"R{number // 2}", code=f"{number:03}")
            )
            for number in range(beds)
        ]
        user = UserNew.model_validate(
            {"username": "nurse", "display_name": "Nurse", "password": PASSWORD, "roles": [Role.NURSE.value]}
        )
        nurse = await services.identity.create_user(SYSTEM, command(), user)
        ward = AssignmentIn(kind=AssignmentKind.WARD, place=WARD)
        await services.identity.assign(SYSTEM, command(), nurse.id, ward)
    finally:
        await hospital.close()
    return [bed.id for bed in made]


async def enrol_screens(place: Ground, rooms: Sequence[Sequence[str]]) -> list[str]:
    """Enrol one screen for each list of rooms (such as ``/beds ward:ICU``); gives their cookies' tokens.

    They are written to the table of devices as an enrolment leaves them there, because thousands of
    enrolments one by one would take longer than the measurement.
    """
    clock = SystemClock()
    secret = place.environment["JWT_SECRET"].encode()
    tokens = AccessTokens([SigningKey(secret)], clock)
    now = datetime.now(UTC)
    rows = [
        {
            "id": uuid.uuid4(),
            "name": f"Screen {uuid.uuid4().hex}",
            "rooms": list(shown),
            "session_id": uuid.uuid4(),
            "enrolled_at": now,
            "rights_version": 1,
            "version": 2,
            "created_at": now,
        }
        for shown in rooms
    ]
    hospital = Hospital(place.settings, place.stores)
    try:
        async with hospital.engine.begin() as connection:
            for start in range(0, len(rows), 1000):
                await connection.execute(insert(identity_device), rows[start : start + 1000])
    finally:
        await hospital.close()
    return [
        tokens.issue(PrincipalKind.DEVICE, uuid.UUID(str(row["id"])), uuid.UUID(str(row["session_id"])), 1)
        for row in rows
    ]


def free_port() -> int:
    """A TCP port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(place: Ground, *, launcher: Sequence[str] = ()) -> AsyncIterator[Running]:
    """A ``serve`` process on ``place``, started through ``launcher`` (see :mod:`bench.pinned`)."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *launcher,
        sys.executable,
        *("-m", "hms_rt", "serve"),
        env={**os.environ, **place.environment, "PORT": str(port)},
    )
    try:
        url = f"http://127.0.0.1:{port}"
        await _answers(url, process)
        yield Running(url, process.pid, place.beds)
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end and wait; one that does not is killed."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
        raise RuntimeError(f"the server ended while it started (exit code {process.returncode})")


async def signed_in(url: str) -> aiohttp.ClientSession:
    """An HTTP session of the ward's nurse."""
    connector = aiohttp.TCPConnector(limit=0)  # screens hold their connections
    session = aiohttp.ClientSession(url, connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True))
    async with session.post("/api/v1/auth/login", json={"username": "nurse", "password": PASSWORD}) as answer:
        answer.raise_for_status()
    return session
