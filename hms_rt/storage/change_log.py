"""Reads the change log: by transaction, by stream, and by what was committed since the last sweep."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SWEEP_LIMIT = 5_000
"""Rows a sweep takes before heads are compared instead."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One version of one stream: what one transaction changed there."""

    stream: str
    version: int
    at: datetime
    ops: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What became visible since the transaction horizon of the sweep before.

    ``horizon`` goes into the next sweep. ``overflow`` says that there was more than ``SWEEP_LIMIT``: the
    entries are cut off and heads must be compared.
    """

    epoch: uuid.UUID
    horizon: int
    entries: Sequence[LogEntry]
    overflow: bool


# The bounds on "at" spare old partitions; a day covers any clock step and any transaction.
_BY_XID = text(
    """
    SELECT stream, version, at, ops FROM change_log
    WHERE xid = ANY(CAST(:xids AS bigint[])) AND at > clock_timestamp() - interval '1 day'
    ORDER BY stream, version
    """
)
_SINCE = text(
    """
    SELECT stream, version, at, ops FROM change_log
    WHERE stream = :stream AND version > :version ORDER BY version LIMIT :most
    """
)
_SWEEP = text(
    """
    SELECT e.epoch, s.horizon, l.stream, l.version, l.at, l.ops
    FROM stream_epoch e
    CROSS JOIN (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon) s
    LEFT JOIN LATERAL (
        SELECT stream, version, at, ops FROM change_log
        WHERE xid >= CAST(:since AS bigint) AND at > clock_timestamp() - interval '1 day'
        ORDER BY xid LIMIT :most
    ) l ON true
    """
)
_HEADS = text("SELECT stream, version FROM stream_head WHERE stream = ANY(CAST(:streams AS text[]))")
_HEAD = text(
    """
    SELECT e.epoch, coalesce(h.version, 0) AS version
    FROM stream_epoch e LEFT JOIN stream_head h ON h.stream = :stream
    """
)


def _entry(row: Row[Any]) -> LogEntry:
    return LogEntry(row.stream, row.version, row.at, row.ops)


async def by_transactions(engine: AsyncEngine, xids: Sequence[int]) -> list[LogEntry]:
    """The entries that these transactions wrote, in order of stream and version."""
    async with engine.connect() as connection:
        result = await connection.execute(_BY_XID, {"xids": list(xids)})
        return [_entry(row) for row in result]


async def since(engine: AsyncEngine, stream: str, version: int, most: int) -> list[LogEntry]:
    """Up to ``most`` entries of ``stream`` above ``version``, in order."""
    async with engine.connect() as connection:
        result = await connection.execute(_SINCE, {"stream": stream, "version": version, "most": most})
        return [_entry(row) for row in result]


async def sweep(engine: AsyncEngine, horizon: int) -> Sweep:
    """Everything committed by transactions at or above ``horizon`` that is visible now.

    ``horizon`` 0 reads no entries: it only finds where to start.
    """
    start = horizon if horizon > 0 else (1 << 62)
    async with engine.connect() as connection:
        rows = (await connection.execute(_SWEEP, {"since": start, "most": SWEEP_LIMIT + 1})).all()
    entries = [_entry(row) for row in rows if row.stream is not None]
    return Sweep(
        epoch=rows[0].epoch,
        horizon=rows[0].horizon,
        entries=sorted(entries[:SWEEP_LIMIT], key=lambda entry: (entry.stream, entry.version)),
        overflow=len(entries) > SWEEP_LIMIT,
    )


async def heads(engine: AsyncEngine, streams: Collection[str]) -> dict[str, int]:
    """The newest version of each of ``streams``; a stream without changes is absent (version 0)."""
    async with engine.connect() as connection:
        result = await connection.execute(_HEADS, {"streams": list(streams)})
        return {row.stream: row.version for row in result}


async def head(connection: AsyncConnection, stream: str) -> tuple[uuid.UUID, int]:
    """Epoch and version of ``stream`` as ``connection``'s snapshot sees them."""
    row = (await connection.execute(_HEAD, {"stream": stream})).one()
    return row.epoch, row.version
