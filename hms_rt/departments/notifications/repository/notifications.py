"""Rows of notifications."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications.model.notification import Kind, Notification, Priority, Subject
from hms_rt.departments.notifications.repository.titles import columns, said
from hms_rt.departments.notifications.schemas.notifications import NotificationQuery
from hms_rt.departments.notifications.tables import notifications_notification as notifications

# Critical ones stay longest, then the newest.
_DISPLACE = text(
    """
    UPDATE notifications_notification SET in_room = false
    WHERE in_room AND id IN (
        SELECT full_room.id FROM unnest(CAST(:users AS uuid[])) AS member (user_id)
        CROSS JOIN LATERAL (
            SELECT n.id FROM notifications_notification n
            WHERE n.user_id = member.user_id AND n.in_room
            ORDER BY (n.priority = 'critical') DESC, n.id DESC
            OFFSET :most
        ) full_room
    )
    RETURNING user_id, id
    """
)


def _notification(row: Row[Any]) -> Notification:
    return Notification(
        id=row.id,
        user_id=row.user_id,
        kind=Kind(row.kind),
        said=said(row),
        subject=Subject(row.subject_type, row.subject_id),
        patient_id=row.patient_id,
        priority=Priority(row.priority),
        created_at=row.created_at,
        seen_at=row.seen_at,
        in_room=row.in_room,
        batch_id=row.batch_id,
        wants_acknowledgement=row.wants_acknowledgement,
        acknowledged_at=row.acknowledged_at,
        expires_at=row.expires_at,
        held=row.held,
        language=row.language,
    )


async def add(connection: AsyncConnection, made: Sequence[Notification]) -> None:
    """Insert notifications."""
    await connection.execute(
        insert(notifications),
        [
            {
                "id": one.id,
                "user_id": one.user_id,
                "kind": one.kind.value,
                **columns(one.said),
                "subject_type": one.subject.type,
                "subject_id": one.subject.id,
                "patient_id": one.patient_id,
                "priority": one.priority.value,
                "created_at": one.created_at,
                "seen_at": one.seen_at,
                "in_room": one.in_room,
                "batch_id": one.batch_id,
                "wants_acknowledgement": one.wants_acknowledgement,
                "acknowledged_at": one.acknowledged_at,
                "expires_at": one.expires_at,
                "held": one.held,
                "language": one.language,
            }
            for one in made
        ],
    )


async def displace(
    connection: AsyncConnection, users: Sequence[uuid.UUID], most: int
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Take what is beyond ``most`` out of the rooms of these users; answers user and notification ids."""
    rows = await connection.execute(_DISPLACE, {"users": list(users), "most": most})
    return [(row.user_id, row.id) for row in rows]


async def lock_own(
    connection: AsyncConnection, user_id: uuid.UUID, ids: Sequence[uuid.UUID]
) -> list[Notification]:
    """Those of ``ids`` that are this user's, locked by id."""
    mine = (
        select(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.id.in_(list(ids)))
        .order_by(notifications.c.id)
        .with_for_update()
    )
    return [_notification(row) for row in await connection.execute(mine)]


async def mark_seen(connection: AsyncConnection, found: Sequence[Notification], at: datetime) -> None:
    """Mark locked ones as seen; what wants to be acknowledged stays in the room."""
    await connection.execute(
        update(notifications)
        .where(notifications.c.id.in_([one.id for one in found]))
        .values(
            seen_at=at,
            held=False,
            in_room=notifications.c.in_room & notifications.c.wants_acknowledgement,
        )
    )


async def mark_acknowledged(connection: AsyncConnection, one: Notification, at: datetime) -> None:
    """Mark a locked one as acknowledged, and as seen."""
    await connection.execute(
        update(notifications)
        .where(notifications.c.id == one.id)
        .values(acknowledged_at=at, seen_at=func.coalesce(notifications.c.seen_at, at), in_room=False)
    )


async def leave_room(
    connection: AsyncConnection, batch_id: uuid.UUID, now: datetime
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Take what has expired of a telling out of the rooms; answers user and notification ids."""
    left = await connection.execute(
        update(notifications)
        .where(
            notifications.c.batch_id == batch_id,
            notifications.c.in_room | notifications.c.held,
            notifications.c.expires_at <= now,
        )
        .values(in_room=False, held=False)
        .returning(notifications.c.user_id, notifications.c.id)
    )
    return [(row.user_id, row.id) for row in left]


async def release_held(connection: AsyncConnection, user_id: uuid.UUID, now: datetime) -> list[Notification]:
    """Show what waited for the end of a user's quiet hours, unless it expired meanwhile."""
    await connection.execute(
        update(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.held, notifications.c.expires_at <= now)
        .values(held=False)
    )
    shown = await connection.execute(
        update(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.held)
        .values(held=False, in_room=True)
        .returning(notifications)
    )
    return sorted((_notification(row) for row in shown), key=lambda one: one.id)


async def count_unseen(connection: AsyncConnection, user_id: uuid.UUID) -> int:
    """How many this user has not seen."""
    query = (
        select(func.count())
        .select_from(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.seen_at.is_(None))
    )
    return int((await connection.execute(query)).scalar_one())


async def page(
    connection: AsyncConnection,
    user_id: uuid.UUID,
    query: NotificationQuery,
    *,
    before: uuid.UUID | None,
) -> list[Notification]:
    """Notifications of this user, newest first; one more than the page asked for holds."""
    wanted = (
        select(notifications)
        .where(notifications.c.user_id == user_id)
        .order_by(notifications.c.id.desc())
        .limit(query.limit + 1)
    )
    if query.unseen:
        wanted = wanted.where(notifications.c.seen_at.is_(None))
    if query.unacknowledged:
        wanted = wanted.where(
            notifications.c.wants_acknowledgement, notifications.c.acknowledged_at.is_(None)
        )
    if query.kind is not None:
        wanted = wanted.where(notifications.c.kind == query.kind.value)
    if query.priority is not None:
        wanted = wanted.where(notifications.c.priority == query.priority.value)
    if before is not None:
        wanted = wanted.where(notifications.c.id < before)
    return [_notification(row) for row in await connection.execute(wanted)]


async def in_room(connection: AsyncConnection, user_id: uuid.UUID) -> list[Notification]:
    """What the room of this user shows."""
    query = (
        select(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.in_room)
        .order_by(notifications.c.id)
    )
    return [_notification(row) for row in await connection.execute(query)]


async def speak(connection: AsyncConnection, user_id: uuid.UUID, language: str) -> list[Notification]:
    """What the room of this user shows, or will when quiet hours end, in another language; locked by id.
    Answers what the room shows."""
    kept = (
        select(notifications.c.id)
        .where(notifications.c.user_id == user_id, notifications.c.in_room | notifications.c.held)
        .order_by(notifications.c.id)
        .with_for_update()
    )
    ids = list((await connection.execute(kept)).scalars())
    await connection.execute(
        update(notifications).where(notifications.c.id.in_(ids)).values(language=language)
    )
    return await in_room(connection, user_id)


async def in_rooms_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Notification]:
    """The notifications about a patient that some room shows, locked by id."""
    query = (
        select(notifications)
        .where(notifications.c.patient_id == patient_id, notifications.c.in_room)
        .order_by(notifications.c.id)
        .with_for_update()
    )
    return [_notification(row) for row in await connection.execute(query)]
