"""Sign-ins of users."""

import uuid
from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ARRAY, RowMapping, Uuid, any_, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.model import Ended, Session, User
from hms_rt.departments.identity.repository.users import to_user, user_columns
from hms_rt.departments.identity.tables import identity_session as sessions
from hms_rt.departments.identity.tables import identity_user as users

_COLUMNS = select(
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.created_at,
    sessions.c.refreshed_at,
    sessions.c.expires_at,
    sessions.c.ended_at,
    sessions.c.refresh_digest,
    sessions.c.previous_digest,
)


def _to_session(row: RowMapping) -> Session:
    return Session(**dict(row))


async def add(connection: AsyncConnection, session: Session) -> None:
    """Insert a fresh sign-in."""
    await connection.execute(insert(sessions).values(**asdict(session)))


async def lock(connection: AsyncConnection, session_id: uuid.UUID) -> Session | None:
    """One sign-in, locked until the end of the transaction."""
    found = await connection.execute(_COLUMNS.where(sessions.c.id == session_id).with_for_update())
    row = found.mappings().one_or_none()
    return _to_session(row) if row is not None else None


async def rotate(connection: AsyncConnection, session: Session, fresh: bytes, now: datetime) -> None:
    """Replace the refresh token of a locked sign-in."""
    await connection.execute(
        update(sessions)
        .where(sessions.c.id == session.id)
        .values(refresh_digest=fresh, previous_digest=session.refresh_digest, refreshed_at=now)
    )


async def end(connection: AsyncConnection, session_id: uuid.UUID, why: Ended, now: datetime) -> bool:
    """End one sign-in; False if it had ended before or never was."""
    done = await connection.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        .values(ended_at=now, ended_why=why.value)
        .returning(sessions.c.id)
    )
    return done.one_or_none() is not None


async def end_all(
    connection: AsyncConnection,
    user_id: uuid.UUID,
    why: Ended,
    now: datetime,
    *,
    keep: uuid.UUID | None = None,
) -> None:
    """End every sign-in of a user, but ``keep``."""
    query = update(sessions).where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
    if keep is not None:
        query = query.where(sessions.c.id != keep)
    await connection.execute(query.values(ended_at=now, ended_why=why.value))


async def end_expired(
    connection: AsyncConnection, now: datetime, limit: int
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """End sign-ins past their absolute expiry; their ids, and their users'."""
    due = (
        select(sessions.c.id)
        .where(sessions.c.ended_at.is_(None), sessions.c.expires_at <= now)
        .order_by(sessions.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = await connection.execute(
        update(sessions)
        .where(sessions.c.id.in_(due))
        .values(ended_at=now, ended_why=Ended.EXPIRED.value)
        .returning(sessions.c.id, sessions.c.user_id)
    )
    return [(row.id, row.user_id) for row in rows]


async def open_users(
    connection: AsyncConnection, session_ids: Collection[uuid.UUID], now: datetime
) -> dict[uuid.UUID, tuple[User, datetime]]:
    """By sign-in that has not ended: the active user behind it, and when it expires."""
    columns = user_columns().add_columns(sessions.c.id.label("session_id"), sessions.c.expires_at)
    query = columns.join_from(users, sessions, sessions.c.user_id == users.c.id)
    found = await connection.execute(
        query.where(
            sessions.c.id == any_(literal(list(session_ids), ARRAY(Uuid))),
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
            users.c.active,
        )
    )
    return {row.session_id: (to_user(row), row.expires_at) for row in found}
