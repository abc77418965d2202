"""Stores for a run of the matrix, with a furnished hospital that every fault gets a copy of."""

import os
import random
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from unittest.mock import patch

import asyncpg
from sqlalchemy.engine import make_url

from hms_rt.app import Hospital, Stores
from hms_rt.cli.databases import migrate
from hms_rt.storage.embedded import EmbeddedStack, EmbeddedUris, erase
from hms_rt.storage.embedded import stack as embedded
from hms_rt.storage.embedded.child import Child
from hms_rt.storage.embedded.postgres import PostgresServer
from hms_rt.storage.embedded.server import Server
from tests.faults.cast import Cast, furnish
from tests.faults.clock import Clocks
from tests.faults.server import settings

SMALL_DISK_BYTES = 260 * 1024 * 1024


class Kind(StrEnum):
    """What the stores of a stage are like."""

    PLAIN = "plain"
    CLOCKED = "clocked"  # every process's clock can be set
    SMALL_DISK = "small disk"  # PostgreSQL's data is on a tmpfs that can be filled

    def missing(self) -> str | None:
        """Why there can be no such stage here; None if there can."""
        if self is Kind.CLOCKED:
            return Clocks.missing()
        if self is Kind.SMALL_DISK and (os.geteuid() != 0 or shutil.which("mount") is None):
            return "only root can mount a small file system"
        return None


class Stage:
    """Running stores and the furnished template database in them."""

    def __init__(self, folder: Path, stack: EmbeddedStack, uris: EmbeddedUris, clocks: Clocks | None) -> None:
        self.folder = folder
        self.stack = stack
        self.uris = uris
        self.clocks = clocks
        self.secret = uuid.uuid4().hex * 2
        self.cast = Cast()
        self.disk: Path | None = None

    def server(self, name: embedded.ServerName) -> Server:
        """One of the stores' processes."""
        return self.stack._server(name)

    async def furnish(self, chance: random.Random) -> None:
        """Make the template."""
        await migrate(self.uris.postgres_uri)
        hospital = self.hospital(self.stores("hms"))
        try:
            self.cast = await furnish(hospital, chance)
        finally:
            await hospital.close()

    def stores(self, database: str) -> Stores:
        """Where a server finds the copy called ``database``."""
        url = make_url(self.uris.postgres_uri).set(database=database)
        return Stores(url.render_as_string(hide_password=False), self.uris.mongo_uri, self.uris.redis_url)

    def hospital(self, stores: Stores) -> Hospital:
        """An application that is never started: it reads what the servers should show."""
        return Hospital(settings(self.secret), stores)

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Stores]:
        """A database of one fault alone."""
        name = f"f_{uuid.uuid4().hex[:12]}"
        await self.administer(f"CREATE DATABASE {name} TEMPLATE hms")
        try:
            yield self.stores(name)
        finally:
            await self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def administer(self, statement: str) -> None:
        """Run one statement as PostgreSQL's administrator, outside of the hospital's database."""
        host = make_url(self.uris.postgres_uri).query["host"]
        connection = await asyncpg.connect(host=host, user="postgres", database="postgres", timeout=10)
        try:
            await connection.execute(statement, timeout=60)
        finally:
            await connection.close()


@asynccontextmanager
async def stage(kind: Kind, chance: random.Random, *, durable: bool = True) -> AsyncIterator[Stage]:
    """Stores in a private folder that is erased at the end, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="hms-faults-"))
    folder.chmod(0o711)
    stack = EmbeddedStack(folder, durable=durable)
    clocks = Clocks(folder / "clocks") if kind is Kind.CLOCKED else None
    made: Stage | None = None
    try:
        if clocks is not None:
            clocks.compile()
        with patch.dict(embedded.KINDS, {"postgres": _clocked(clocks)} if clocks is not None else {}):
            uris = await stack.start()
        made = Stage(folder, stack, uris, clocks)
        await made.furnish(chance)
        if kind is Kind.SMALL_DISK:
            await _onto_small_disk(made)
        yield made
    finally:
        try:
            await stack.stop()
        finally:
            if made is not None and made.disk is not None:
                subprocess.run(["umount", "--lazy", str(made.disk)], check=True, timeout=30)
            erase(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _clocked(clocks: Clocks) -> type[PostgresServer]:
    """PostgreSQL that lives by the clock ``postgres``."""

    class ClockedPostgres(PostgresServer):
        def spawn(self, command: list[str | Path], *, library_path: str = "") -> Child:
            given = [f"{name}={value}" for name, value in clocks.environment("postgres").items()]
            return super().spawn(["/usr/bin/env", *given, *command], library_path=library_path)

    return ClockedPostgres


async def _onto_small_disk(made: Stage) -> None:
    """Move PostgreSQL's data to a tmpfs, mounted where it was."""
    await made.administer("ALTER SYSTEM SET max_wal_size = '64MB'")
    postgres = made.server("postgres")
    await postgres.stop()
    here, before = postgres.folder, postgres.folder.with_name("postgres.before")
    owner = here.stat()
    here.rename(before)
    here.mkdir(mode=0o700)
    options = f"size={SMALL_DISK_BYTES},mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(here)], check=True, timeout=30)
    made.disk = here
    subprocess.run(["cp", "-a", f"{before}/.", str(here)], check=True, timeout=60)
    shutil.rmtree(before)
    await postgres.launch()
