"""Who read which version of a result, and who must learn of a correction."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import rows

_READ = tables.result_read.c
_NOTICE = tables.correction_notice.c
_ORDER = tables.lab_order.c
_TEST = tables.lab_test.c

_REMEMBER = sa.text(
    """
    INSERT INTO lab_result_read (test_id, number, user_id, first_at) VALUES (:test_id, :number, :user_id, :at)
    ON CONFLICT DO NOTHING
    """
)
_SEEN = sa.text(
    """
    UPDATE lab_correction_notice SET seen_at = :at, remind_at = NULL
    WHERE test_id = :test_id AND user_id = :user_id AND number <= :number AND remind_at IS NOT NULL
    """
)
_SUPERSEDE = sa.text(
    """
    UPDATE lab_correction_notice SET superseded_by = :number, remind_at = NULL
    WHERE test_id = :test_id AND number < :number AND remind_at IS NOT NULL RETURNING user_id
    """
)
_ADD = sa.text(
    """
    INSERT INTO lab_correction_notice (test_id, number, user_id, notified_at, reminders, remind_at)
    SELECT :test_id, :number, unnest(CAST(:users AS uuid[])), :at, 0, :remind_at
    """
)


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody who must learn of a corrected result; ``remind_at`` is None once that is settled."""

    test_id: uuid.UUID
    number: int
    user_id: uuid.UUID
    notified_at: datetime
    reminders: int
    remind_at: datetime | None
    seen_at: datetime | None
    superseded_by: int | None


ShownNotice = tuple[Notice, LabOrder, str]
"""A notice, the order, and the name of the test."""


async def remember(
    connection: AsyncConnection, test_id: uuid.UUID, number: int, user_id: uuid.UUID, at: datetime
) -> None:
    """Somebody read a version: the first time counts. Settles notices of it and of earlier ones.

    The version is locked against a correction at the same moment: the reader is told of it, or reads it.
    """
    read = {"test_id": test_id, "number": number, "user_id": user_id, "at": at}
    await connection.execute(_REMEMBER, read)
    await connection.execute(_SEEN, read)


async def of_versions_before(connection: AsyncConnection, test_id: uuid.UUID, number: int) -> set[uuid.UUID]:
    """Everybody who read a version before ``number``."""
    query = sa.select(_READ.user_id).where(_READ.test_id == test_id, _READ.number < number).distinct()
    return set((await connection.execute(query)).scalars())


async def supersede(connection: AsyncConnection, test_id: uuid.UUID, number: int) -> set[uuid.UUID]:
    """Notices of earlier corrections that nobody has seen give way to those of version ``number``."""
    done = await connection.execute(_SUPERSEDE, {"test_id": test_id, "number": number})
    return set(done.scalars())


async def add(
    connection: AsyncConnection,
    test_id: uuid.UUID,
    number: int,
    users: Collection[uuid.UUID],
    at: datetime,
    remind_at: datetime,
) -> None:
    """These users must learn of version ``number``."""
    parameters = {"test_id": test_id, "number": number, "users": sorted(users)}
    await connection.execute(_ADD, {**parameters, "at": at, "remind_at": remind_at})


async def lock_due(connection: AsyncConnection, now: datetime, most: int) -> list[ShownNotice]:
    """Notices that nobody has seen in time, locked; those being changed now are left alone."""
    query = (
        _shown()
        .where(_NOTICE.remind_at <= now)
        .order_by(_NOTICE.remind_at, _NOTICE.test_id, _NOTICE.user_id)
        .limit(most)
        .with_for_update(of=[tables.correction_notice], skip_locked=True)
    )
    return _read(await connection.execute(query))


async def remind(connection: AsyncConnection, notices: Sequence[Notice], remind_at: datetime) -> None:
    """These locked notices were told again."""
    for test_id, number in sorted({(one.test_id, one.number) for one in notices}):
        users = [one.user_id for one in notices if (one.test_id, one.number) == (test_id, number)]
        await connection.execute(
            tables.correction_notice.update()
            .where(_NOTICE.test_id == test_id, _NOTICE.number == number, _NOTICE.user_id.in_(users))
            .values(reminders=_NOTICE.reminders + 1, remind_at=remind_at)
        )


async def page(
    connection: AsyncConnection,
    *,
    unseen: bool,
    test_id: uuid.UUID | None,
    after: tuple[uuid.UUID, int, uuid.UUID] | None,
    limit: int,
) -> list[ShownNotice]:
    """At most ``limit`` notices beyond ``after``, by test (which is by time), version and user."""
    key = (_NOTICE.test_id, _NOTICE.number, _NOTICE.user_id)
    query = _shown().order_by(*key).limit(limit)
    if unseen:
        query = query.where(_NOTICE.remind_at.is_not(None))
    if test_id is not None:
        query = query.where(_NOTICE.test_id == test_id)
    if after is not None:
        query = query.where(sa.tuple_(*key) > sa.tuple_(*(sa.literal(part) for part in after)))
    return _read(await connection.execute(query))


def _shown() -> sa.Select[Any]:
    joined = tables.correction_notice.join(tables.lab_test, _TEST.id == _NOTICE.test_id).join(
        tables.lab_order, _ORDER.id == _TEST.order_id
    )
    return sa.select(tables.correction_notice, *rows.ORDER_COLUMNS, _TEST.name).select_from(joined)


def _read(found: Any) -> list[ShownNotice]:
    names = Notice.__dataclass_fields__
    return [
        (Notice(**{name: getattr(row, name) for name in names}), rows.order(row), row.name) for row in found
    ]
