"""Databases of tests: copies of a migrated one, emptied and lent again instead of copied anew.

A copy costs a quarter of a second of a processor, emptying one a hundredth. A database whose schema a test
changed is dropped. Each copy keeps one connection open: a new one reads the catalogue of all tables first,
which costs more than emptying them.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

TEMPLATE = "hms"
LOANS = 40
"""After so many, dead rows cost more than a copy."""

_TABLES = """
    SELECT c.oid::regclass::text AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
_COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
_SEQUENCES = (
    "SELECT format('%I.%I', schemaname, sequencename) AS name, start_value, last_value FROM pg_sequences"
)
_SCHEMA = """
    SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
        SELECT format('%s %s %s', oid, relname, relkind) AS line FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT format('%s %s %s', attrelid, attname, attnotnull) FROM pg_attribute
            WHERE attnum > 0 AND attrelid > 16383
        UNION ALL SELECT format('%s %s %s', oid, conname, convalidated) FROM pg_constraint
        UNION ALL SELECT format('%s %s %s', oid, tgname, tgenabled) FROM pg_trigger
        UNION ALL SELECT format('%s %s', oid, md5(prosrc)) FROM pg_proc WHERE oid > 16383
        UNION ALL SELECT format('%s', setconfig) FROM pg_db_role_setting s JOIN pg_database d
            ON d.oid = s.setdatabase WHERE datname = current_database()
    ) AS said
"""
_LEAVE = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


async def connect(postgres_uri: str, database: str) -> asyncpg.Connection:
    """A connection to a database of the same server."""
    url = make_url(postgres_uri)
    return await asyncpg.connect(
        host=url.query.get("host") or url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=database,
    )


@dataclass
class Lent:
    """One database; ``schema`` is what it was like when it was new."""

    name: str
    schema: str
    connection: asyncpg.Connection
    loans: int = 0


@dataclass
class Databases:
    """Those of one server. One at a time is emptied; any number may be lent."""

    postgres_uri: str
    copied: int = 0
    _free: list[Lent] = field(default_factory=list)
    _emptying: str = ""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def uri(self, name: str) -> str:
        """Where a database is."""
        return make_url(self.postgres_uri).set(database=name).render_as_string(hide_password=False)

    async def lend(self) -> Lent:
        """A database as the migrations leave it."""
        if self._free:
            lent = self._free.pop()
        else:
            lent = await self._copy()
        lent.loans += 1
        return lent

    async def take_back(self, lent: Lent) -> None:
        """Whoever is still connected is cut off; what was written is forgotten."""
        async with self._lock:
            try:
                await lent.connection.execute(_LEAVE, lent.name)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # a test cut everybody off
                await self._drop(lent)
                return
            if lent.loans < LOANS and await lent.connection.fetchval(_SCHEMA) == lent.schema:
                await lent.connection.execute(self._emptying)
                self._free.append(lent)
            else:
                await self._drop(lent)

    async def close(self) -> None:
        """Drop those that nobody has."""
        for lent in self._free:
            await self._drop(lent)

    async def _copy(self) -> Lent:
        self.copied += 1
        name = f"t_{self.copied}"
        admin = await connect(self.postgres_uri, "postgres")
        try:
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        finally:
            await admin.close()
        made = await connect(self.postgres_uri, name)
        self._emptying = self._emptying or await _emptying(made)
        return Lent(name, await made.fetchval(_SCHEMA), made)

    async def _drop(self, lent: Lent) -> None:
        lent.connection.terminate()
        admin = await connect(self.postgres_uri, "postgres")
        try:
            await admin.execute(f"DROP DATABASE {lent.name} WITH (FORCE)")
        finally:
            await admin.close()


async def _emptying(connection: asyncpg.Connection) -> str:
    """Statements that bring any copy back to what this one holds now, past all triggers."""
    said = ["BEGIN", "SET LOCAL session_replication_role = replica"]
    filled = []
    for row in await connection.fetch(_TABLES):
        table = row["name"]
        said.append(f"DELETE FROM {table}")
        rows = await connection.fetchval(f"SELECT json_agg(t) FROM {table} t")
        if rows is not None:
            columns = await connection.fetchval(_COLUMNS, table)
            filled.append(
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
                f" SELECT {columns} FROM json_populate_recordset(NULL::{table}, {_literal(json.loads(rows))})"
            )
    for row in await connection.fetch(_SEQUENCES):
        called = row["last_value"] is not None
        value = row["last_value"] if called else row["start_value"]
        said.append(f"SELECT setval('{row['name']}', {value}, {str(called).lower()})")
    return ";\n".join([*said, *filled, "COMMIT"])


def _literal(value: Any) -> str:
    return "'" + json.dumps(value).replace("'", "''") + "'"
