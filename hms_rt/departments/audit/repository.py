"""Lines of the audit trail and their seals."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    func,
    insert,
    literal,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, INT8MULTIRANGE, Range
from sqlalchemy.dialects.postgresql.ranges import MultiRange
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.audit.model import LINE_FIELDS, Ids, Seal
from hms_rt.departments.audit.tables import audit_seal as seals
from hms_rt.storage.metadata import audit_log as trail

Line = Mapping[str, Any]
Moment = tuple[datetime, int]
"""When, and after how many lines of that moment: where a page begins or ends."""

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

# A negative key: the keys of commands are hashes of text, these two never meet.
_LOCK = text("SELECT pg_try_advisory_xact_lock(-7325, 1)")
_HORIZON = text("SELECT pg_current_xact_id()::text::bigint")
# A line takes its number before its transaction commits, so lower numbers may appear later. Once every
# transaction older than a seal has ended, all numbers up to that seal are there to be seen; the hour covers
# one that took a number and had no transaction id yet. After a move to another server transaction ids
# begin anew; there, a day is longer than any transaction.
_SETTLED = text(
    """
    SELECT coalesce(max(last_id), :floor) FROM audit_seal
    WHERE last_id > :floor AND ((at < CAST(:now AS timestamptz) - interval '1 hour'
           AND horizon <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
       OR at < CAST(:now AS timestamptz) - interval '1 day')
    """
)
_UNSEALED = """
    SELECT {fields} FROM audit_log line
    WHERE line.id > :low AND line.id <= :high AND NOT EXISTS (
        SELECT FROM audit_seal s
        WHERE s.last_id >= line.id AND s.first_id <= line.id AND s.ids @> line.id)
    ORDER BY line.id LIMIT :most
"""
_UNSEALED_LINES = text(_UNSEALED.format(fields=", ".join(f"line.{field}" for field in LINE_FIELDS)))
_UNSEALED_IDS = text(_UNSEALED.format(fields="line.id"))
_LINES: Select[Any] = select(*(trail.c[field] for field in LINE_FIELDS))
_NEWEST = (trail.c.at.desc(), trail.c.id.desc())
# From one action to the next one, by the index: a DISTINCT would read every line.
_ACTIONS = text(
    """
    WITH RECURSIVE known (action) AS (
        (SELECT action COLLATE "C" FROM audit_log WHERE action COLLATE "C" >= :prefix
         ORDER BY action COLLATE "C" LIMIT 1)
        UNION ALL
        SELECT (SELECT action COLLATE "C" FROM audit_log WHERE action COLLATE "C" > known.action
                ORDER BY action COLLATE "C" LIMIT 1)
        FROM known WHERE starts_with(known.action, :prefix)
    )
    SELECT action FROM known WHERE starts_with(action, :prefix)
    """
)


async def search(
    connection: AsyncConnection,
    *,
    patient_id: uuid.UUID | None,
    principal_id: uuid.UUID | None,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
    before: Moment | None,
    limit: int,
) -> list[Line]:
    """At most ``limit`` lines, newest first: by when, then by number; ``action`` is the beginning of one.

    Reads about as many lines as it shows, however long the trail is: one range of an index, or with an action
    alone one range for each action that begins so.
    """
    bounds = (since or _EARLIEST, 0), min((until or _LATEST, 0), before or (_LATEST, 0))
    if action is not None and patient_id is None and principal_id is None:
        query = _of_each(await _actions(connection, action), *bounds, limit)
        return [dict(row) for row in (await connection.execute(query)).mappings()]
    query = _LINES.order_by(*_NEWEST).limit(limit).where(_between((trail.c.at, trail.c.id), *bounds))
    if action is not None:
        query = query.where(trail.c.action.startswith(action, autoescape=True))
    if patient_id is not None:
        query = query.where(trail.c.patient_id == patient_id)
    if principal_id is not None:
        query = query.where(trail.c.principal_id == principal_id)
    return [dict(row) for row in (await connection.execute(query)).mappings()]


def _between(key: Sequence[Any], low: Sequence[Any], high: Sequence[Any]) -> ColumnElement[bool]:
    """From ``low`` on and before ``high``, compared as rows: the two ends of one range of an index."""
    low_row, high_row = (
        tuple_(*(one if isinstance(one, ColumnElement) else literal(one) for one in end))
        for end in (low, high)
    )
    return and_(tuple_(*key) >= low_row, tuple_(*key) < high_row)


async def _actions(connection: AsyncConnection, prefix: str) -> list[str]:
    """The actions of the trail that begin so: one look into the index for each."""
    return list((await connection.execute(_ACTIONS, {"prefix": prefix})).scalars())


def _of_each(actions: list[str], low: Moment, high: Moment, limit: int) -> Select[Any]:
    """The newest lines of each of these actions, and of them the newest.

    One action is a range in the order of the index and no equation: by that PostgreSQL, which does not know
    how rare an action is, would look for its lines among all others.
    """
    one = func.unnest(literal(actions, ARRAY(Text))).table_valued("action").render_derived("one")
    key = (trail.c.action.collate("C"), trail.c.at, trail.c.id)
    among = _LINES.where(_between(key, (one.c.action, *low), (one.c.action, *high)))
    newest = among.order_by(*(column.desc() for column in key)).limit(limit)
    lines = newest.correlate(one).lateral("line")
    columns = (lines.c[field] for field in LINE_FIELDS)
    found = select(*columns).select_from(one.join(lines, true()))
    return found.order_by(lines.c.at.desc(), lines.c.id.desc()).limit(limit)


async def lock_chain(connection: AsyncConnection) -> bool:
    """True if this transaction may add to the chain; False while another process does."""
    return bool((await connection.execute(_LOCK)).scalar_one())


async def horizon(connection: AsyncConnection) -> int:
    """This transaction's id: every transaction that has one by now has a lower one."""
    return int((await connection.execute(_HORIZON)).scalar_one())


async def settled(connection: AsyncConnection, floor: int, now: datetime) -> int:
    """The number up to which the next statement sees every line there will ever be; ``floor`` at least."""
    return int((await connection.execute(_SETTLED, {"floor": floor, "now": now})).scalar_one())


async def unsealed_lines(connection: AsyncConnection, *, above: int, most: int) -> list[Line]:
    """Committed lines above this number that no seal covers, in order."""
    rows = await connection.execute(_UNSEALED_LINES, {"low": above, "high": 2**62, "most": most})
    return [dict(row) for row in rows.mappings()]


async def first_unsealed(connection: AsyncConnection, low: int, high: int) -> int | None:
    """The first line from ``low`` to ``high`` that no seal covers."""
    rows = await connection.execute(_UNSEALED_IDS, {"low": low - 1, "high": high, "most": 1})
    found: int | None = rows.scalar_one_or_none()
    return found


async def lines_in(connection: AsyncConnection, ids: Ids) -> list[Line]:
    """The lines with these numbers, in order."""
    query = _LINES.order_by(trail.c.id).where(
        trail.c.id >= ids[0][0],
        trail.c.id <= ids[-1][1],
        literal(_multirange(ids), INT8MULTIRANGE).contains(trail.c.id),
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


def _multirange(ids: Ids) -> MultiRange[int]:
    return MultiRange(Range(low, high + 1) for low, high in ids)


async def add(connection: AsyncConnection, seal: Seal) -> None:
    """Append ``seal`` to the chain."""
    await connection.execute(
        insert(seals).values(
            id=seal.id,
            at=seal.at,
            first_id=seal.first_id,
            last_id=seal.last_id,
            rows=seal.rows,
            ids=_multirange(seal.ids),
            horizon=seal.horizon,
            settled=seal.settled,
            digest=seal.digest,
        )
    )


async def last_seal(connection: AsyncConnection) -> Seal | None:
    """The newest seal."""
    row = (await connection.execute(select(seals).order_by(seals.c.id.desc()).limit(1))).one_or_none()
    return _seal(row) if row is not None else None


async def seals_from(connection: AsyncConnection, number: int, most: int) -> list[Seal]:
    """At most ``most`` seals from this number on, in order."""
    query = select(seals).where(seals.c.id >= number).order_by(seals.c.id).limit(most)
    return [_seal(row) for row in await connection.execute(query)]


def _seal(row: Row[Any]) -> Seal:
    return Seal(
        id=row.id,
        at=row.at,
        ids=tuple((part.lower, part.upper - 1) for part in row.ids),
        rows=row.rows,
        horizon=row.horizon,
        settled=row.settled,
        digest=bytes(row.digest),
    )
