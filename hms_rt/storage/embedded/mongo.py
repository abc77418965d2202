"""A private MongoDB: a replica set of one (transactions and majority writes need a set), on a loopback port.

The port is kept from start to start, because the set's configuration names it. If another program took it
meanwhile, the set is told the new one.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from hms_rt.storage.embedded import binaries
from hms_rt.storage.embedded.binaries import Program
from hms_rt.storage.embedded.child import Child
from hms_rt.storage.embedded.errors import EmbeddedError
from hms_rt.storage.embedded.server import Progress, Server

DATABASE = "hms"
SET_NAME = "rs0"
NOT_YET_INITIALIZED = 94
PORT_ATTEMPTS = 5
PLAIN_NAMES = {"libssl": "libssl.so.1.1", "libcrypto": "libcrypto.so.1.1", "libcurl": "libcurl.so.4"}
PARAMETERS = (
    "diagnosticDataCollectionEnabled=false",
    "shutdownTimeoutMillisForSignaledShutdown=100",  # no other member could take over meanwhile
)
Document = dict[str, Any]


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
            self._port = self._choose_port()
            child = self.spawn(self._command(self._program), library_path=self._library_path(self._program))
            try:
                await self._join_set(child)
            except EmbeddedError:
                if attempt == PORT_ATTEMPTS or child.process.poll() is None or _is_free(self._port):
                    raise
            else:
                return

    def _command(self, program: Program) -> list[str | Path]:
        listen: list[str | Path] = ["--port", str(self._port), "--bind_ip", "127.0.0.1"]
        keep: list[str | Path] = ["--dbpath", self.folder, "--unixSocketPrefix", self.place.run, "--quiet"]
        small = ["--replSet", SET_NAME, "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25"]
        parameters = [part for each in PARAMETERS for part in ("--setParameter", each)]
        return [program.path, *listen, *keep, *small, *parameters]

    def _choose_port(self) -> int:
        """The port of the last start if it is free, else a free one, which is then recorded."""
        record = self.place.servers / "mongo.port"
        if record.is_file() and _is_free(kept := int(record.read_text())):
            return kept
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        record.write_text(str(port))
        return port

    @property
    def _libraries(self) -> Path:
        return self.place.servers / "lib"

    def _library_path(self, program: Program) -> str:
        return ":".join(map(str, (self._libraries, *program.libraries))) if program.libraries else ""

    async def _join_set(self, child: Child) -> None:
        """Wait for the server, make the set or correct its address, wait until it takes writes."""
        client: AsyncMongoClient[Document] = AsyncMongoClient(
            f"mongodb://{self._address}/?directConnection=true",
            serverSelectionTimeoutMS=200,
            timeoutMS=10_000,
        )
        configured = False

        async def answers() -> bool:
            nonlocal configured
            try:
                if not configured:
                    await self._configure(client)
                    configured = True
                hello = await client.admin.command("hello")
            except PyMongoError:
                return False
            return bool(hello.get("isWritablePrimary"))

        try:
            await self.until_ready(child, answers)
        finally:
            await client.close()

    async def _configure(self, client: AsyncMongoClient[Document]) -> None:
        """Initiate the set on the first start; give it the new address if the port has changed."""
        try:
            found = (await client.admin.command("replSetGetConfig"))["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            await client.admin.command("replSetInitiate", self._configuration())
            return
        if found["members"][0]["host"] != self._address:
            await client.admin.command("replSetReconfig", self._configuration(found), force=True)

    def _configuration(self, found: Mapping[str, Any] | None = None) -> Document:
        member = {"_id": 0, "host": self._address}
        if found is not None:
            return {**found, "version": found["version"] + 1, "members": [found["members"][0] | member]}
        return {
            "_id": SET_NAME,
            "members": [member],
            "writeConcernMajorityJournalDefault": self.durable,
        }


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


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
