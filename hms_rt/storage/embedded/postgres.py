"""A private PostgreSQL, reachable over its Unix socket alone, with the database `hms`."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import asyncpg

from hms_rt.storage.embedded import binaries
from hms_rt.storage.embedded.binaries import Program
from hms_rt.storage.embedded.child import spawn, tail
from hms_rt.storage.embedded.errors import EmbeddedError
from hms_rt.storage.embedded.server import Progress, Server

DATABASE = "hms"
INITDB_SECONDS = 120
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "log_error_verbosity": "terse",  # DETAIL would put rows of patients into the log
}
# What was committed still survives a kill -9 of any process, but not of the machine.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class PostgresServer(Server):
    """PostgreSQL 15 or newer."""

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    # Fast shutdown, then immediate: both leave no process behind and lose nothing that was committed.
    ending: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGQUIT)
    _program: Program | None = None

    @property
    def uri(self) -> str:
        """For SQLAlchemy with asyncpg: `postgresql+asyncpg://postgres@/hms?host=/run/folder`."""
        return f"postgresql+asyncpg://postgres@/{DATABASE}?host={quote(str(self.place.run))}"

    async def prepare(self, progress: Progress) -> None:
        self._program = await asyncio.to_thread(
            binaries.postgres, self.source, self.account, _data_major(self.folder)
        )
        progress(f"PostgreSQL {self._program.major} from {self._program.path}")
        if not self.folder.exists():
            progress("PostgreSQL: first start, making the database cluster")
            await self._make_cluster(self._program)

    async def launch(self) -> None:
        if self._program is None:
            raise EmbeddedError("PostgreSQL was not prepared")
        settings = SETTINGS if self.durable else SETTINGS | NOT_DURABLE
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        command: list[str | Path] = [self._program.path, "-D", self.folder, "-k", self.place.run, *options]
        child = self.spawn(command, library_path=self._program.library_path)
        await self.until_ready(child, self._answers)

    async def _make_cluster(self, program: Program) -> None:
        """Into a folder beside, moved into place when whole: a start that is killed leaves no half of one."""
        scratch = self.folder.with_name("postgres.new")
        if scratch.exists():
            await asyncio.to_thread(shutil.rmtree, scratch)
        self.account.own(scratch)
        options = ["-U", "postgres", "--auth=trust", "-E", "UTF8", *_locale(program.major)]
        if not self.durable:
            options.append("--no-sync")
        log = self.place.log("initdb")
        child = spawn(
            "initdb",
            [program.path.with_name("initdb"), "-D", scratch, *options],
            account=self.account,
            log=log,
            cwd=scratch,
            library_path=program.library_path,
        )
        try:
            code = await child.wait(INITDB_SECONDS)
        finally:
            await child.stop()
        if code != 0:
            raise EmbeddedError(f"PostgreSQL's initdb failed (exit code {code}).{tail(log)}")
        scratch.rename(self.folder)

    async def _answers(self) -> bool:
        try:
            connection = await self._connect(DATABASE)
        except asyncpg.InvalidCatalogNameError:
            connection = await self._connect("postgres")
            await connection.execute(f"CREATE DATABASE {DATABASE}", timeout=30)
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        await connection.close(timeout=5)
        return True

    async def _connect(self, database: str) -> asyncpg.Connection:
        return await asyncpg.connect(host=str(self.place.run), user="postgres", database=database, timeout=10)


def _data_major(folder: Path) -> int | None:
    """Which release made the data in `folder`; None if there is none yet."""
    try:
        return int((folder / "PG_VERSION").read_text().split(".")[0])
    except FileNotFoundError:
        return None


def _locale(major: int) -> list[str]:
    """Bytewise order, the same on every machine, but Unicode's upper and lower case, to search names by."""
    if major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C", "--lc-ctype=C.UTF-8"]
