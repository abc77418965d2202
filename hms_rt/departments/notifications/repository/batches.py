"""Rows of tellings, their sums, and preferences."""

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications import tables
from hms_rt.departments.notifications.model.notification import Batch, Kind, Priority, Subject
from hms_rt.departments.notifications.model.preferences import EVERYTHING, Preferences
from hms_rt.departments.notifications.repository.titles import columns, said

_BATCH, _PREFERENCES = tables.batch.c, tables.preferences.c
_NOTIFICATION = tables.notifications_notification.c


async def add(connection: AsyncConnection, one: Batch) -> None:
    """Insert a telling."""
    await connection.execute(
        tables.batch.insert().values(
            id=one.id,
            sender_id=one.sender_id,
            kind=one.kind.value,
            **columns(one.said),
            subject_type=one.subject.type,
            subject_id=one.subject.id,
            patient_id=one.patient_id,
            priority=one.priority.value,
            created_at=one.created_at,
            acknowledge_by=one.acknowledge_by,
            told=one.told,
            seen=one.seen,
            acknowledged=one.acknowledged,
        )
    )


async def move(
    connection: AsyncConnection, seen: Collection[uuid.UUID | None], acknowledged: int = 0
) -> None:
    """Add to the sums, in order of id; each of ``seen`` is one more who has seen that telling."""
    for batch_id, count in sorted(Counter(one for one in seen if one is not None).items()):
        await _add(connection, batch_id, count, acknowledged)


async def acknowledged(connection: AsyncConnection, batch_id: uuid.UUID | None, *, unseen: bool) -> None:
    """One more has acknowledged it, and seen it if that is new."""
    if batch_id is not None:
        await _add(connection, batch_id, int(unseen), 1)


async def _add(connection: AsyncConnection, batch_id: uuid.UUID, seen: int, acknowledged: int) -> None:
    await connection.execute(
        tables.batch.update()
        .where(_BATCH.id == batch_id)
        .values(seen=_BATCH.seen + seen, acknowledged=_BATCH.acknowledged + acknowledged)
    )


async def lock(connection: AsyncConnection, batch_id: uuid.UUID) -> Batch | None:
    """A telling, whose sums stand still until the commit."""
    query = sa.select(tables.batch).where(_BATCH.id == batch_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _batch(row) if row is not None else None


async def sent(connection: AsyncConnection, batch_id: uuid.UUID, sender_id: uuid.UUID) -> Batch | None:
    """A telling of this sender."""
    query = sa.select(tables.batch).where(_BATCH.id == batch_id, _BATCH.sender_id == sender_id)
    row = (await connection.execute(query)).one_or_none()
    return _batch(row) if row is not None else None


async def told_since(
    connection: AsyncConnection, kind: Kind, subject: Subject, patient_id: uuid.UUID, since: datetime
) -> bool:
    """Whether anybody was told the same of this patient after that moment."""
    query = sa.select(
        sa.exists().where(
            _BATCH.patient_id == patient_id,
            _BATCH.kind == kind.value,
            _BATCH.subject_id == subject.id,
            _BATCH.created_at > since,
        )
    )
    return bool((await connection.execute(query)).scalar_one())


async def page(
    connection: AsyncConnection,
    sender_id: uuid.UUID,
    *,
    kind: Kind | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[Batch]:
    """Tellings of this sender, newest first."""
    query = (
        sa.select(tables.batch).where(_BATCH.sender_id == sender_id).order_by(_BATCH.id.desc()).limit(limit)
    )
    if kind is not None:
        query = query.where(_BATCH.kind == kind.value)
    if before is not None:
        query = query.where(_BATCH.id < before)
    return [_batch(row) for row in await connection.execute(query)]


async def receipts(
    connection: AsyncConnection,
    *,
    batch_id: uuid.UUID | None = None,
    subject: Subject | None = None,
    kind: Kind | None = None,
) -> Sequence[sa.Row[Any]]:
    """Who was told of a telling, or of everything about a subject, and what they did."""
    query: sa.Select[Any] = sa.select(
        _NOTIFICATION.user_id,
        _NOTIFICATION.kind,
        _NOTIFICATION.created_at,
        _NOTIFICATION.seen_at,
        _NOTIFICATION.acknowledged_at,
    ).order_by(_NOTIFICATION.id)
    if batch_id is not None:
        query = query.where(_NOTIFICATION.batch_id == batch_id)
    if subject is not None:
        query = query.join(tables.batch, _BATCH.id == _NOTIFICATION.batch_id).where(
            _BATCH.subject_type == subject.type, _BATCH.subject_id == subject.id
        )
    if kind is not None:
        query = query.where(_NOTIFICATION.kind == kind.value)
    rows: Sequence[sa.Row[Any]] = (await connection.execute(query)).all()
    return rows


async def preferences(
    connection: AsyncConnection, users: Collection[uuid.UUID]
) -> dict[uuid.UUID, Preferences]:
    """How each of these wants to be told."""
    query = sa.select(tables.preferences).where(_PREFERENCES.user_id.in_(list(users)))
    said = {
        row.user_id: Preferences(
            frozenset(Kind(kind) for kind in row.muted), row.quiet_from, row.quiet_until, row.language
        )
        for row in await connection.execute(query)
    }
    return {user: said.get(user, EVERYTHING) for user in users}


async def save_preferences(
    connection: AsyncConnection, user_id: uuid.UUID, wanted: Preferences, at: datetime
) -> None:
    """Store how somebody wants to be told."""
    values = {
        "muted": sorted(wanted.muted),
        "quiet_from": wanted.quiet_from,
        "quiet_until": wanted.quiet_until,
        "language": wanted.language,
        "updated_at": at,
    }
    new = upsert(tables.preferences).values(user_id=user_id, **values)
    await connection.execute(new.on_conflict_do_update(index_elements=["user_id"], set_=values))


def _batch(row: sa.Row[Any]) -> Batch:
    return Batch(
        id=row.id,
        sender_id=row.sender_id,
        kind=Kind(row.kind),
        said=said(row),
        subject=Subject(row.subject_type, row.subject_id),
        patient_id=row.patient_id,
        priority=Priority(row.priority),
        created_at=row.created_at,
        acknowledge_by=row.acknowledge_by,
        told=row.told,
        seen=row.seen,
        acknowledged=row.acknowledged,
    )
