"""An external server that reads, and writers of the log beneath the services."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from sqlalchemy import Row, text
from sqlalchemy.engine import make_url

from hms_rt.app import Hospital, Stores
from hms_rt.departments.reporting.schemas.accounts import AccountNew, AccountToken
from hms_rt.kernel.principal import SYSTEM
from tests import exact
from tests.conftest import command

Line = dict[str, Any]
Query = Callable[..., Awaitable[Sequence[Row[Any]]]]


@dataclass
class Page:
    """An answer of the feed."""

    status: int
    lines: list[Line]
    headers: Any

    @property
    def changes(self) -> list[Line]:
        return [line for line in self.lines if line["type"] == "change"]

    @property
    def end(self) -> Line:
        """The last line; only a complete page has it."""
        assert self.status == 200, self.lines
        assert self.lines[-1]["type"] == "end"
        return self.lines[-1]

    @property
    def problem(self) -> Line:
        assert self.status >= 400, self.lines
        return self.lines[0]


class Reader:
    """What an external server is: a secret, and requests."""

    def __init__(self, session: aiohttp.ClientSession, made: AccountToken) -> None:
        self.session = session
        self.made = made
        self.token = made.token

    async def get(self, path: str = "/changes", **query: Any) -> Page:
        headers = {"Authorization": f"Bearer {self.token}"}
        wanted = {name: str(value) for name, value in query.items() if value is not None}
        async with self.session.get(f"/api/v1{path}", params=wanted, headers=headers) as answer:
            raw = await answer.text()
            if answer.status == 200:
                assert answer.content_type == "application/x-ndjson"
            lines = [json.loads(line) for line in raw.splitlines()]
            assert exact.complaint(lines) is None
            return Page(answer.status, lines, answer.headers)

    async def follow(self, after: str | None = None, **query: Any) -> tuple[list[Line], str]:
        """Every change until there is no more, and the cursor then."""
        found: list[Line] = []
        while True:
            page = await self.get(after=after, **query)
            found += page.changes
            after = page.end["cursor"]
            if not page.end["more"]:
                return found, after


ReaderFactory = Callable[..., Awaitable[Reader]]


@pytest_asyncio.fixture
async def reader(hospital: Hospital, server: TestServer) -> AsyncIterator[ReaderFactory]:
    """``await reader("beds", identified=True)``: an account, and a server that has its secret."""
    async with aiohttp.ClientSession(str(server.make_url("")).rstrip("/")) as session:

        async def make(*streams: str, **fields: Any) -> Reader:
            new = AccountNew.model_validate(
                {
                    "name": f"Reports {uuid.uuid4().hex[:8]}",
                    "purpose": "monthly figures",
                    "streams": list(streams),
                    **fields,
                }
            )
            made = await hospital.services.reporting.create_account(SYSTEM, command(), new)
            return Reader(session, made)

        yield make


@pytest.fixture
def query(hospital: Hospital) -> Query:
    """``await query(sql, **values)``: rows, committed."""

    async def run(sql: str, **values: Any) -> Sequence[Row[Any]]:
        async with hospital.engine.begin() as connection:
            result = await connection.execute(text(sql), values)
            return result.all() if result.returns_rows else []

    return run


class Writer:
    """A connection that changes streams, each time as one transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def begin(self) -> int:
        """Open a transaction that has its id, which says nothing of when it will commit."""
        await self.connection.execute("BEGIN")
        return int(await self.connection.fetchval("SELECT pg_current_xact_id()::text::bigint"))

    async def commit(self, *streams: str) -> None:
        """Change these streams and commit."""
        op = {"op": "put", "key": "ward", "cause": "defined", "value": {"code": "X", "name": "Ward"}}
        changes = json.dumps({stream: [op] for stream in streams})
        await self.connection.execute("INSERT INTO change_batch (changes) VALUES ($1)", changes)
        await self.connection.execute("COMMIT")

    async def write(self, *streams: str) -> None:
        await self.begin()
        await self.commit(*streams)


@asynccontextmanager
async def connected(stores: Stores) -> AsyncIterator[Writer]:
    url = make_url(stores.postgres_uri)
    connection = await asyncpg.connect(
        host=url.query.get("host") or url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=url.database,
    )
    try:
        yield Writer(connection)
    finally:
        await connection.close()
