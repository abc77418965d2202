"""A private MongoDB: a replica set of one (transactions and majority writes need a set), on a loopback port.

The port is kept from start to start, because the set's configuration names it. If another program took it
meanwhile, the set is told the new one.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from hms_rt.storage.embedded import binaries
from hms_rt.storage.embedded.binaries import Program
from hms_rt.storage.embedded.errors import EmbeddedError
from hms_rt.storage.embedded.server import Progress, Server

DATABASE = "hms"
SET_NAME = "rs0"
PORT_ATTEMPTS = 5
PLAIN_NAMES = {"libssl": "libssl.so.1.1", "libcrypto": "libcrypto.so.1.1", "libcurl": "libcurl.so.4"}
PARAMETERS = (
    "diagnosticDataCollectionEnabled=false",
    "shutdownTimeoutMillisForSignaledShutdown=100",  # no other member could take over meanwhile
)
Document = dict[str, Any]
Client = AsyncMongoClient[Document]


class MongoServer(Server):
    """MongoDB 6 or newer."""

    name: ClassVar[str] = "mongo"
    title: ClassVar[str] = "MongoDB"
    ending: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)
    _program: Program | None = None
    _port = 0

    @property
    def _address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def uri(self) -> str:
        """`mongodb://127.0.0.1:PORT/hms?replicaSet=rs0`"""
        return f"mongodb://{self._address}/{DATABASE}?replicaSet={SET_NAME}"

    async def prepare(self, progress: Progress) -> None:
        self._program = await asyncio.to_thread(binaries.mongod, self.source, self.account)
        progress(f"MongoDB {self._program.major} from {self._program.path}")
        self.account.own(self.folder)
        if self._program.libraries:
            _link_libraries(self._libraries, self._program.libraries)

    async def launch(self) -> None:
        if self._program is None:
            raise EmbeddedError("MongoDB was not prepared")
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                await self._take_port(self._program)
                await self._serve(self._program, ["--replSet", SET_NAME, "--oplogSize", "64"], self._join_set)
            except EmbeddedError:
                ended = self._child is None or self._child.process.poll() is not None
                if attempt == PORT_ATTEMPTS or not ended or _is_free(self._port):
                    raise
            else:
                return

    async def _take_port(self, program: Program) -> None:
        """Choose the port: that of the last start if it is free, else another, and tell the set."""
        record = self.place.servers / "mongo.port"
        kept = int(record.read_text()) if record.is_file() else 0
        if kept and _is_free(kept):
            self._port = kept
            return
        self._port = _free_port()
        if kept:
            await self._serve(program, [], self._move_set)
            await self.stop()
        record.write_text(str(self._port))

    async def _serve(
        self, program: Program, options: list[str], answers: Callable[[Client], Awaitable[bool]]
    ) -> None:
        """Start the process and ask `answers`, with a client of it, until it says True."""
        listen: list[str | Path] = ["--port", str(self._port), "--bind_ip", "127.0.0.1"]
        keep: list[str | Path] = ["--dbpath", self.folder, "--unixSocketPrefix", self.place.run, "--quiet"]
        parameters = [part for each in PARAMETERS for part in ("--setParameter", each)]
        command = [program.path, *listen, *keep, "--wiredTigerCacheSizeGB", "0.25", *parameters, *options]
        libraries = f"{self._libraries}:{program.library_path}" if program.libraries else ""
        child = self.spawn(command, library_path=libraries)
        client: Client = AsyncMongoClient(
            f"mongodb://{self._address}/?directConnection=true",
            serverSelectionTimeoutMS=200,
            timeoutMS=10_000,
        )

        async def asked() -> bool:
            try:
                return await answers(client)
            except PyMongoError:
                return False

        try:
            await self.until_ready(child, asked)
        finally:
            await client.close()

    async def _join_set(self, client: Client) -> bool:
        """Initiate the set on the first start. Whether it takes writes."""
        hello = await client.admin.command("hello")
        if "setName" not in hello:  # refused, and asked again, if a configuration is only being loaded
            await client.admin.command("replSetInitiate", self._configuration())
        return bool(hello.get("isWritablePrimary"))

    async def _move_set(self, client: Client) -> bool:
        """Write the new address into the set's configuration, while the server runs outside of its set.

        Inside, it would first look for itself at the old address, for as long as the program there is silent.
        """
        await client.local["system.replset"].update_many({}, {"$set": {"members.0.host": self._address}})
        return True

    def _configuration(self) -> Document:
        return {
            "_id": SET_NAME,
            "members": [{"_id": 0, "host": self._address}],
            "writeConcernMajorityJournalDefault": self.durable,
        }

    @property
    def _libraries(self) -> Path:
        return self.place.servers / "lib"


def _link_libraries(folder: Path, sources: tuple[Path, ...]) -> None:
    """Give the libraries, whose wheels name them by hash, the plain names that mongod asks for."""
    folder.mkdir(mode=0o755, exist_ok=True)
    folder.chmod(0o755)
    # A later source holds only what the earlier ones lack.
    wanted = dict(PLAIN_NAMES)
    for source in sources:
        for library in sorted(source.iterdir()):
            stem = library.name.split("-")[0]
            if stem in wanted:
                link = folder / wanted.pop(stem)
                link.unlink(missing_ok=True)
                link.symlink_to(library)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
