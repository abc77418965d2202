"""Reads the change log: by transaction, by stream, and what moved since the last sweep.

Every read is one statement outside a transaction (one round trip) and bounded in time, so that a database
that hangs is noticed while boards still say so.
"""

import asyncio
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hms_rt.storage import postgres

SWEEP_LIMIT = 5_000
"""Rows a sweep looks at before heads are compared instead."""

READ_S = 3.0
"""Time for one read; giving up a connection that hangs takes up to two seconds more."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One version of one stream: what one transaction changed there."""

    stream: str
    version: int
    at: datetime
    ops: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions a sweep saw: all below ``end`` but those still ``running``."""

    end: int
    running: tuple[int, ...]

    @classmethod
    def of(cls, told: str) -> "Snapshot":
        """From PostgreSQL's text, ``xmin:xmax:xip,...``."""
        _, end, running = told.split(":")
        return cls(int(end), tuple(int(xid) for xid in running.split(",") if xid))


@dataclass(frozen=True, slots=True)
class Sweep:
    """What became visible since the snapshot of the sweep before: the streams that moved, and how far.

    ``snapshot`` goes into the next sweep. ``overflow`` says that there was more than ``SWEEP_LIMIT``: the
    rest is not told, and heads must be compared.
    """

    epoch: uuid.UUID
    snapshot: Snapshot
    moved: Mapping[str, int]
    overflow: bool


# now() stands still within a statement, so that old partitions are left out before any of them is opened
# (clock_timestamp() would not allow that). A day covers any clock step between servers.
_BY_XID = text(
    """
    SELECT stream, version, at, ops FROM change_log
    WHERE xid = ANY(CAST(:xids AS bigint[])) AND at > now() - interval '1 day'
    ORDER BY stream, version
    """
)
_SINCE = text(
    """
    SELECT stream, version, at, ops FROM change_log
    WHERE stream = :stream AND version > :version ORDER BY version LIMIT :most
    """
)
# The two parts are exactly what the snapshot of the sweep before did not show: transactions that began
# since, and those that were running. So nothing is read twice, however long one transaction stays open.
_SWEEP = text(
    """
    SELECT e.epoch, s.snapshot, l.stream, l.version, l.taken
    FROM stream_epoch e
    CROSS JOIN (SELECT pg_current_snapshot()::text AS snapshot) s
    LEFT JOIN (
        SELECT stream, max(version) AS version, sum(count(*)) OVER () AS taken
        FROM (
            (SELECT stream, version FROM change_log
             WHERE xid >= CAST(:since AS bigint) AND at > now() - interval '1 day'
             ORDER BY xid LIMIT :most)
            UNION ALL
            (SELECT stream, version FROM change_log
             WHERE xid = ANY(CAST(:running AS bigint[])) AND at > now() - interval '1 day'
             LIMIT :most)
        ) fresh
        GROUP BY stream
    ) l ON true
    """
)
_START = text("SELECT epoch, pg_current_snapshot()::text AS snapshot FROM stream_epoch")
_HEADS = text("SELECT stream, version FROM stream_head WHERE stream = ANY(CAST(:streams AS text[]))")
_DIFFERENT = text(
    """
    SELECT known.stream, coalesce(head.version, 0) AS version
    FROM unnest(CAST(:streams AS text[]), CAST(:versions AS bigint[])) AS known (stream, version)
    LEFT JOIN stream_head head ON head.stream = known.stream
    WHERE head.version IS DISTINCT FROM nullif(known.version, 0)
    """
)
_AFTER = text(
    """
    SELECT l.stream, l.version, l.at, l.ops
    FROM unnest(CAST(:streams AS text[]), CAST(:versions AS bigint[])) AS known (stream, version)
    CROSS JOIN LATERAL (
        SELECT stream, version, at, ops FROM change_log
        WHERE change_log.stream = known.stream AND change_log.version > known.version
        ORDER BY change_log.version LIMIT :most
    ) l
    """
)
_HEAD = text(
    """
    SELECT e.epoch, coalesce(h.version, 0) AS version
    FROM stream_epoch e LEFT JOIN stream_head h ON h.stream = :stream
    """
)


def _entry(row: Row[Any]) -> LogEntry:
    return LogEntry(row.stream, row.version, row.at, row.ops)


async def _read(engine: AsyncEngine, query: TextClause, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Raises ``unavailable`` when PostgreSQL is away or does not answer in time."""
    try:
        async with asyncio.timeout(READ_S), engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            return (await connection.execute(query, values)).all()
    except (TimeoutError, SQLAlchemyError, OSError) as error:
        raise postgres.refusal(error) or error from error


async def by_transactions(engine: AsyncEngine, xids: Sequence[int]) -> list[LogEntry]:
    """The entries that these transactions wrote, in order of stream and version."""
    return [_entry(row) for row in await _read(engine, _BY_XID, {"xids": list(xids)})]


async def since(engine: AsyncEngine, stream: str, version: int, most: int) -> list[LogEntry]:
    """Up to ``most`` entries of ``stream`` above ``version``, in order."""
    rows = await _read(engine, _SINCE, {"stream": stream, "version": version, "most": most})
    return [_entry(row) for row in rows]


async def after(engine: AsyncEngine, known: Mapping[str, int], most: int) -> list[LogEntry]:
    """Of each stream up to ``most`` entries above its known version, in order."""
    rows = await _read(engine, _AFTER, {**_arrays(known), "most": most})
    return sorted(map(_entry, rows), key=lambda entry: (entry.stream, entry.version))


async def start(engine: AsyncEngine) -> Sweep:
    """Where to sweep from: everything that is visible now counts as known."""
    (row,) = await _read(engine, _START, {})
    return Sweep(row.epoch, Snapshot.of(row.snapshot), {}, overflow=False)


async def sweep(engine: AsyncEngine, before: Snapshot) -> Sweep:
    """Which streams moved by what ``before`` did not show and is visible now."""
    values = {"since": before.end, "running": list(before.running), "most": SWEEP_LIMIT + 1}
    rows = await _read(engine, _SWEEP, values)
    moved = {row.stream: row.version for row in rows if row.stream is not None}
    taken = rows[0].taken if moved else 0
    return Sweep(rows[0].epoch, Snapshot.of(rows[0].snapshot), moved, overflow=taken > SWEEP_LIMIT)


async def heads(engine: AsyncEngine, streams: Collection[str]) -> dict[str, int]:
    """The newest version of each of ``streams``; a stream without changes is absent (version 0)."""
    rows = await _read(engine, _HEADS, {"streams": list(streams)})
    return {row.stream: row.version for row in rows}


async def different(engine: AsyncEngine, known: Mapping[str, int]) -> dict[str, int]:
    """The heads of those streams whose newest version is not the one that is ``known``."""
    return {row.stream: row.version for row in await _read(engine, _DIFFERENT, _arrays(known))}


def _arrays(known: Mapping[str, int]) -> dict[str, list[Any]]:
    return {"streams": list(known), "versions": list(known.values())}


async def head(connection: AsyncConnection, stream: str) -> tuple[uuid.UUID, int]:
    """Epoch and version of ``stream`` as ``connection``'s snapshot sees them."""
    row = (await connection.execute(_HEAD, {"stream": stream})).one()
    return row.epoch, row.version
