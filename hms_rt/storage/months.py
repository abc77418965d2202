"""The months of the change log: partitions that can be taken out, put back, written to a file, dropped.

A month that is *detached* is a table of its own, ``change_log_2026_01``: no board, feed or webhook reads it,
its rows stay as they are and nothing changes them. Only the oldest month of the log is detached, and only the
newest detached one is put back, so that what is in the log has no hole. Both change the catalogue alone; the
lock that they need for that moment is waited for briefly, so that nobody's command stands behind it.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.errors import Code, HmsError, conflict, not_found

NAME = re.compile(r"change_log_(\d{4})_(0[1-9]|1[0-2])")
LOCK_MS = 200
"""How long the lock is waited for: meanwhile those who write wait, too."""
PORTION = 2_000

# Rows by the planner's estimate: counting a month of them takes minutes.
_MONTHS = text(
    r"""
    SELECT c.relname AS name, i.inhrelid IS NOT NULL AS attached, greatest(c.reltuples, 0)::bigint AS rows,
           pg_total_relation_size(c.oid) AS bytes
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'change_log'::regclass
    WHERE c.relkind = 'r' AND c.relname ~ '^change_log_\d{4}_(0[1-9]|1[0-2])$'
      AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'change_log'::regclass)
    ORDER BY c.relname
    """
)
_TRAIL = text(
    """
    SELECT greatest(reltuples, 0)::bigint AS rows, pg_total_relation_size(oid) AS bytes
    FROM pg_class WHERE oid = 'audit_log'::regclass
    """
)
_BRIEFLY = text(f"SET LOCAL lock_timeout = {LOCK_MS}")
_PATIENTLY = text("SET LOCAL statement_timeout = 0")


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the log; ``rows`` is an estimate, ``bytes`` with its indexes."""

    name: str
    attached: bool
    rows: int
    bytes: int

    @property
    def start(self) -> datetime:
        """Its first moment."""
        year, month = self._numbers()
        return datetime(year, month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment of the next month."""
        year, month = self._numbers()
        return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)

    def _numbers(self) -> tuple[int, int]:
        found = NAME.fullmatch(self.name)
        if found is None:
            raise ValueError(f"{self.name} is no month of the change log")
        return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of something; ``rows`` is an estimate."""

    rows: int
    bytes: int


def keep_from(now: datetime, months: int) -> datetime:
    """When the oldest month begins that is kept beside the current one: ``months`` before it."""
    number = now.year * 12 + now.month - 1 - months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


async def months(connection: AsyncConnection) -> Sequence[Month]:
    """Every month that there is, oldest first, detached ones included."""
    rows = await connection.execute(_MONTHS)
    return [Month(row.name, row.attached, row.rows, row.bytes) for row in rows]


async def trail(connection: AsyncConnection) -> Size:
    """The audit trail: one table, never divided, kept for ever."""
    row = (await connection.execute(_TRAIL)).one()
    return Size(row.rows, row.bytes)


async def month(connection: AsyncConnection, name: str) -> Month:
    """The month of this name; raises ``not_found``."""
    for one in await months(connection):
        if one.name == name:
            return one
    raise not_found(f"the month {name} of the change log")


async def detach(connection: AsyncConnection, name: str) -> Month:
    """Take a month out of the log. Raises ``not_found``, ``conflict`` if it is out, has not ended or is not
    the oldest; a lock that is not to be had in time refuses the statement."""
    await connection.execute(_BRIEFLY)
    # Every writer of the log holds this; whoever waits longer than this for it gives up.
    await connection.execute(text("LOCK TABLE ONLY change_log IN ACCESS EXCLUSIVE MODE"))
    found = await month(connection, name)
    if not found.attached:
        raise conflict(f"{name} is detached already")
    oldest = next(one for one in await months(connection) if one.attached)
    if oldest.name != name:
        raise conflict(f"{oldest.name} is older: detach it first, the log has no holes")
    now: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    if now < found.end:
        raise conflict(f"{name} has not ended: it is written to")
    await connection.execute(text(f"ALTER TABLE change_log DETACH PARTITION {name}"))
    # What the log's own trigger guarded is guarded on.
    await connection.execute(
        text(
            f"CREATE TRIGGER append_only_detached BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()"
        )
    )
    return found


async def attach(connection: AsyncConnection, name: str) -> Month:
    """Put a month back. PostgreSQL reads it whole to see that its rows are of that month, which takes a while
    and holds up nobody. Raises ``not_found``, ``conflict`` if it is in the log or a newer one is out."""
    found = await month(connection, name)
    if found.attached:
        raise conflict(f"{name} is part of the log")
    newest = [one for one in await months(connection) if not one.attached][-1]
    if newest.name != name:
        raise conflict(f"{newest.name} is newer: attach it first, the log has no holes")
    await connection.execute(_BRIEFLY)
    await connection.execute(_PATIENTLY)
    await connection.execute(text(f"DROP TRIGGER append_only_detached ON {name}"))
    start, end = (moment.isoformat() for moment in (found.start, found.end))
    # With this, attaching needs no look at the rows while the log is locked.
    await connection.execute(
        text(
            f"ALTER TABLE {name} ADD CONSTRAINT change_log_month_check"
            f" CHECK (at IS NOT NULL AND at >= '{start}' AND at < '{end}')"
        )
    )
    await connection.execute(
        text(f"ALTER TABLE change_log ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}')")
    )
    await connection.execute(text(f"ALTER TABLE {name} DROP CONSTRAINT change_log_month_check"))
    return found


async def drop(connection: AsyncConnection, name: str) -> Month:
    """Delete a detached month for good. Raises ``not_found``, ``conflict`` if it is part of the log."""
    found = await month(connection, name)
    if found.attached:
        raise conflict(f"{name} is part of the log: detach it first")
    await connection.execute(_BRIEFLY)
    await connection.execute(text(f"DROP TABLE {name}"))
    return found


async def lines(connection: AsyncConnection, name: str) -> AsyncIterator[list[bytes]]:
    """The rows of a month as lines of JSON in the order of the feed, a portion at a time, as of one moment.

    Raises ``invalid`` for another name."""
    if NAME.fullmatch(name) is None:
        raise HmsError(Code.INVALID, "a month is called such as change_log_2026_01")
    await connection.execute(_PATIENTLY)
    ordered = f"SELECT row_to_json(one)::text FROM {name} one ORDER BY era, position, stream, version"  # noqa: S608
    async with connection.stream(text(ordered)) as found:
        async for portion in found.partitions(PORTION):
            yield [f"{row[0]}\n".encode() for row in portion]
