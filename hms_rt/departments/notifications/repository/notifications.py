"""Rows of notifications."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications.model.notification import Kind, Notification, Priority, Subject
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
        title=row.title,
        subject=Subject(row.subject_type, row.subject_id),
        patient_id=row.patient_id,
        priority=Priority(row.priority),
        created_at=row.created_at,
        seen_at=row.seen_at,
        in_room=row.in_room,
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
                "title": one.title,
                "subject_type": one.subject.type,
                "subject_id": one.subject.id,
                "patient_id": one.patient_id,
                "priority": one.priority.value,
                "created_at": one.created_at,
                "seen_at": one.seen_at,
                "in_room": one.in_room,
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


async def mark_seen(
    connection: AsyncConnection, user_id: uuid.UUID, ids: Sequence[uuid.UUID], at: datetime
) -> list[Notification]:
    """Mark those of ``ids`` that are this user's and unseen; answers them as they were before."""
    mine = (
        select(notifications)
        .where(
            notifications.c.user_id == user_id,
            notifications.c.id.in_(list(ids)),
            notifications.c.seen_at.is_(None),
        )
        .order_by(notifications.c.id)
        .with_for_update()
    )
    found = [_notification(row) for row in await connection.execute(mine)]
    await connection.execute(
        update(notifications)
        .where(notifications.c.id.in_([one.id for one in found]))
        .values(seen_at=at, in_room=False)
    )
    return found


async def count_unseen(connection: AsyncConnection, user_id: uuid.UUID) -> int:
    """How many this user has not seen."""
    query = (
        select(func.count())
        .select_from(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.seen_at.is_(None))
    )
    return int((await connection.execute(query)).scalar_one())


async def page(
    connection: AsyncConnection, user_id: uuid.UUID, *, unseen: bool, before: uuid.UUID | None, limit: int
) -> list[Notification]:
    """At most ``limit`` notifications of this user, newest first."""
    query = (
        select(notifications)
        .where(notifications.c.user_id == user_id)
        .order_by(notifications.c.id.desc())
        .limit(limit)
    )
    if unseen:
        query = query.where(notifications.c.seen_at.is_(None))
    if before is not None:
        query = query.where(notifications.c.id < before)
    return [_notification(row) for row in await connection.execute(query)]


async def in_room(connection: AsyncConnection, user_id: uuid.UUID) -> list[Notification]:
    """What the room of this user shows."""
    query = (
        select(notifications)
        .where(notifications.c.user_id == user_id, notifications.c.in_room)
        .order_by(notifications.c.id)
    )
    return [_notification(row) for row in await connection.execute(query)]


async def in_rooms_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Notification]:
    """The notifications about a patient that some room shows, locked by id."""
    query = (
        select(notifications)
        .where(notifications.c.patient_id == patient_id, notifications.c.in_room)
        .order_by(notifications.c.id)
        .with_for_update()
    )
    return [_notification(row) for row in await connection.execute(query)]
