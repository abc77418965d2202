"""A server process of its own on private stores, furnished with one ward and one nurse."""

import asyncio
import os
import secrets
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from hms_rt.app import Hospital, Stores
from hms_rt.cli.databases import migrate
from hms_rt.config import Settings
from hms_rt.departments.beds.schemas import BedIn, WardIn
from hms_rt.departments.identity.schemas import AssignmentIn, UserNew
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from hms_rt.storage.embedded import EmbeddedStack, erase

PASSWORD = "a password for benchmarks"
WARD = "ICU"
START_S = 30.0


@dataclass(frozen=True)
class Running:
    """A server that answers: where it is, and what is in it."""

    url: str
    pid: int
    beds: list[uuid.UUID]


def _command() -> Command:
    return Command(name="bench", request_id=str(uuid.uuid4()))


async def _furnish(settings: Settings, stores: Stores, beds: int) -> list[uuid.UUID]:
    hospital = Hospital(settings, stores)
    services = hospital.services
    try:
        await services.beds.define_ward(SYSTEM, _command(), WardIn(code=WARD, name="Intensive care"))
        made = [
            await services.beds.define_bed(
                SYSTEM, _command(), BedIn(ward=WARD, room=f"R{number // 2}", code=f"{number:03}")
            )
            for number in range(beds)
        ]
        user = UserNew.model_validate(
            {"username": "nurse", "display_name": "Nurse", "password": PASSWORD, "roles": [Role.NURSE.value]}
        )
        nurse = await services.identity.create_user(SYSTEM, _command(), user)
        ward = AssignmentIn(kind=AssignmentKind.WARD, place=WARD)
        await services.identity.assign(SYSTEM, _command(), nurse.id, ward)
    finally:
        await hospital.close()
    return [bed.id for bed in made]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def server(*, beds: int = 24) -> AsyncIterator[Running]:
    """Stores (durable, as in production), a ``serve`` process, a ward of ``beds`` beds and its nurse."""
    folder = Path(tempfile.mkdtemp(prefix="hms-bench-"))
    stack = EmbeddedStack(folder)
    try:
        uris = await stack.start()
        await migrate(uris.postgres_uri)
        environment = {
            **os.environ,
            "JWT_SECRET": secrets.token_hex(32),
            "PASSWORD_PEPPER": secrets.token_hex(32),
            "POSTGRES_URI": uris.postgres_uri,
            "MONGO_URI": uris.mongo_uri,
            "REDIS_URL": uris.redis_url,
            "PORT": str(_free_port()),
            "SOCKETS_PER_PRINCIPAL": "20000",
            "SOCKETS_PER_ADDRESS": "20000",
            "LOG_LEVEL": "WARNING",
        }
        settings = Settings(
            _env_file=None,
            jwt_secret=SecretStr(environment["JWT_SECRET"]),
            password_pepper=SecretStr(environment["PASSWORD_PEPPER"]),
        )
        made = await _furnish(settings, Stores(uris.postgres_uri, uris.mongo_uri, uris.redis_url), beds)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hms_rt", "serve", env=environment
        )
        try:
            url = f"http://127.0.0.1:{environment['PORT']}"
            await _answers(url)
            yield Running(url, process.pid, made)
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()
    finally:
        await stack.stop()
        erase(folder)


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(START_S):
        while True:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def signed_in(url: str) -> aiohttp.ClientSession:
    """An HTTP session of the ward's nurse."""
    connector = aiohttp.TCPConnector(limit=0)  # screens hold their connections
    session = aiohttp.ClientSession(url, connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True))
    async with session.post("/api/v1/auth/login", json={"username": "nurse", "password": PASSWORD}) as answer:
        answer.raise_for_status()
    return session
