"""`EmbeddedStack`: the servers of one data folder, started and stopped together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from hms_rt.storage.embedded.account import Account
from hms_rt.storage.embedded.binaries import BinarySource
from hms_rt.storage.embedded.errors import EmbeddedError
from hms_rt.storage.embedded.mongo import MongoServer
from hms_rt.storage.embedded.place import Place
from hms_rt.storage.embedded.postgres import PostgresServer
from hms_rt.storage.embedded.server import Progress, Server
from hms_rt.storage.embedded.valkey import ValkeyServer

ServerName = Literal["postgres", "mongo", "redis"]
EVERY_SERVER: frozenset[ServerName] = frozenset({"postgres", "mongo", "redis"})
KINDS: dict[ServerName, type[Server]] = {
    "postgres": PostgresServer,
    "mongo": MongoServer,
    "redis": ValkeyServer,
}
# What refers stops before what it refers to: rows of PostgreSQL name documents of MongoDB.
STOP_ORDER: tuple[ServerName, ...] = ("redis", "postgres", "mongo")


@dataclass(frozen=True)
class EmbeddedUris:
    """How to connect to the started servers; empty for those that were not asked for.

    `postgres_uri` is `postgresql+asyncpg://postgres@/hms?host=<folder of the socket>`, for SQLAlchemy with
    asyncpg; the database `hms` exists. `mongo_uri` is `mongodb://127.0.0.1:<port>/hms?replicaSet=rs0`.
    `redis_url` is `unix://<socket>`. Paths in them are percent-encoded.
    """

    postgres_uri: str = ""
    mongo_uri: str = ""
    redis_url: str = ""


class EmbeddedStack:
    """Private servers on the data in `folder`, for as long as this process lives.

    They are children of this process: however it ends, they end. One process at a time holds a folder. With
    `durable=False` a commit does not wait for the disk: it survives the death of any process, but not of the
    machine (for tests). `source` limits where programs may come from.
    Start it from the main thread, since the servers end with the thread that started them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        need: frozenset[ServerName] = EVERY_SERVER,
        durable: bool = True,
        source: BinarySource = "any",
    ) -> None:
        self._folder = folder
        self._need = need
        self._durable = durable
        self._source = source
        self._place: Place | None = None
        self._servers: dict[ServerName, Server] = {}

    async def start(self, progress: Progress | None = None) -> EmbeddedUris:
        """Start all needed servers at once and return when they answer; on failure none is left running.

        Raises `EmbeddedError`: folder in use, no usable program, or a server that ended (with its log's end).
        """
        if self._place is not None:
            raise EmbeddedError("this stack is running already")
        account = Account.for_servers()
        place = self._place = Place(self._folder, account)
        try:
            place.take()
            self._servers = {
                name: KINDS[name](place, account, source=self._source, durable=self._durable)
                for name in STOP_ORDER
                if name in self._need
            }
            await self._start_all(progress or (lambda _: None))
        except BaseException:
            await self.stop()
            raise
        uris: dict[str, str] = {name: server.uri for name, server in self._servers.items()}
        return EmbeddedUris(uris.get("postgres", ""), uris.get("mongo", ""), uris.get("redis", ""))

    async def _start_all(self, progress: Progress) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for server in self._servers.values():
                    group.create_task(server.start(progress))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def stop(self) -> None:
        """Stop every server, then give the folder up; safe to repeat. Raises if one does not end."""
        place, self._place = self._place, None
        try:
            for server in self._servers.values():  # in STOP_ORDER
                await server.stop()
        finally:
            self._servers = {}
            if place is not None:
                place.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def pid(self, name: ServerName) -> int:
        """The process id of a running server. Raises `EmbeddedError` if it was not started."""
        return self._server(name).pid

    def uri(self, name: ServerName) -> str:
        """How to connect to one running server, as in `EmbeddedUris`."""
        return self._server(name).uri

    async def restart(self, name: ServerName) -> None:
        """Stop one server, also if it was killed from outside, and start it again at the same address."""
        await self._server(name).restart()

    def _server(self, name: ServerName) -> Server:
        try:
            return self._servers[name]
        except KeyError:
            raise EmbeddedError(f"the stack runs no {name}") from None
