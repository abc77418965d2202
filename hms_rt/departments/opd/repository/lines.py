"""SQL of lines: whose turn it is, what was promised, and how long it took."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.model.announcing import Announcement
from hms_rt.departments.opd.model.token import Token
from hms_rt.departments.opd.model.waiting import Wait

_LINE = tables.line.c
_WAIT = tables.wait.c
_ANNOUNCEMENT = tables.announcement.c

# The error of a promise is what came less what was said; half should be called within p50, nine in ten
# within p90.
_ERRORS = sa.text(
    """
    SELECT appointment,
           count(*) FILTER (WHERE p50_s IS NOT NULL AND waited_s IS NOT NULL) AS compared,
           count(*) FILTER (WHERE waited_s IS NULL) AS not_called,
           count(*) FILTER (WHERE p50_s IS NULL) AS not_promised,
           avg(waited_s)::double precision AS wait_s,
           avg(waited_s - p50_s)::double precision AS error_s,
           avg(abs(waited_s - p50_s))::double precision AS absolute_error_s,
           avg((waited_s <= p50_s)::integer)::double precision AS within_p50,
           avg((waited_s <= p90_s)::integer)::double precision AS within_p90
    FROM opd_wait WHERE clinic_code = :clinic AND day BETWEEN :first AND :last
    GROUP BY appointment ORDER BY appointment
    """
)


async def insert(connection: AsyncConnection, clinic: str, at_most: int) -> None:
    """Begin the line of a new clinic."""
    await connection.execute(tables.line.insert().values(clinic_code=clinic, in_row=0, at_most=at_most))


async def line(connection: AsyncConnection, clinic: str) -> Row[Any]:
    """How many appointments were called in a row, and how many may be."""
    return (await connection.execute(sa.select(tables.line).where(_LINE.clinic_code == clinic))).one()


async def lock(connection: AsyncConnection, clinic: str) -> Row[Any]:
    """The same, for who calls the next one: nobody else does before the commit."""
    query = sa.select(tables.line).where(_LINE.clinic_code == clinic).with_for_update()
    return (await connection.execute(query)).one()


async def set_in_row(connection: AsyncConnection, clinic: str, in_row: int) -> None:
    """So many appointments were called in a row; the line is locked."""
    await connection.execute(tables.line.update().where(_LINE.clinic_code == clinic).values(in_row=in_row))


# --- promises


async def promise(connection: AsyncConnection, token: Token, ahead: int, wait: Wait | None) -> None:
    """Keep what was promised to a token that joined a queue."""
    await connection.execute(
        tables.wait.insert().values(
            token_id=token.id,
            clinic_code=token.clinic,
            day=token.day,
            appointment=token.due_at is not None,
            joined_at=token.since,
            ahead=ahead,
            p50_s=wait.p50_s if wait else None,
            p90_s=wait.p90_s if wait else None,
        )
    )


async def came(connection: AsyncConnection, token_id: uuid.UUID, at: datetime) -> None:
    """A token was called; only the first call counts."""
    seconds = sa.func.greatest(0, sa.func.round(sa.extract("epoch", sa.literal(at) - _WAIT.joined_at)))
    await connection.execute(
        tables.wait.update()
        .where(_WAIT.token_id == token_id, _WAIT.waited_s.is_(None))
        .values(waited_s=sa.cast(seconds, sa.Integer))
    )


async def promised(connection: AsyncConnection, token_id: uuid.UUID) -> Row[Any] | None:
    """What was promised to a token."""
    return (await connection.execute(sa.select(tables.wait).where(_WAIT.token_id == token_id))).one_or_none()


async def errors(connection: AsyncConnection, clinic: str, first: date, last: date) -> Sequence[Row[Any]]:
    """Promises against what then happened, of walk-ins and of appointments."""
    return (await connection.execute(_ERRORS, {"clinic": clinic, "first": first, "last": last})).all()


# --- announcements


async def announcements(connection: AsyncConnection, clinic: str) -> list[Announcement]:
    """What is said in a clinic, in order."""
    query = sa.select(tables.announcement).where(_ANNOUNCEMENT.clinic_code == clinic)
    rows = await connection.execute(query.order_by(_ANNOUNCEMENT.position))
    return [Announcement(row.language, row.text) for row in rows]


async def announce(connection: AsyncConnection, clinic: str, several: Sequence[Announcement]) -> None:
    """Replace what is said in a locked clinic."""
    await connection.execute(tables.announcement.delete().where(_ANNOUNCEMENT.clinic_code == clinic))
    if several:
        await connection.execute(
            tables.announcement.insert(),
            [
                {"clinic_code": clinic, "position": position, "language": each.language, "text": each.text}
                for position, each in enumerate(several)
            ],
        )
