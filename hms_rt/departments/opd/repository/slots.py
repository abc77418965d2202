"""SQL of slots. How many are booked is counted by the database alone, when appointments change."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.model.appointment import OPEN
from hms_rt.departments.opd.model.schedule import Schedule

_SLOT = tables.slot.c
_ABSENCE = tables.absence.c
_APPOINTMENT = tables.appointment.c
_SEEN = sa.select(tables.slot, _ABSENCE.reason.label("absence")).select_from(
    tables.slot.outerjoin(tables.absence, _SLOT.absence_id == _ABSENCE.id)
)

# An absence without a clinic or doctor is everybody's; the one that began first gives the reason.
_COVER = sa.text(
    """
    UPDATE opd_slot SET absence_id = (
        SELECT a.id FROM opd_absence a
        WHERE NOT a.revoked AND a.starts_at < opd_slot.ends_at AND a.ends_at > opd_slot.starts_at
          AND (a.clinic_code IS NULL OR a.clinic_code = opd_slot.clinic_code)
          AND (a.doctor_id IS NULL OR a.doctor_id = opd_slot.doctor_id)
        ORDER BY a.starts_at, a.id LIMIT 1)
    WHERE id IN (
        SELECT id FROM opd_slot
        WHERE starts_at < :until AND ends_at > :since AND ends_at > :now AND withdrawn IS NULL
          AND (CAST(:clinic AS text) IS NULL OR clinic_code = :clinic)
          AND (CAST(:doctor AS uuid) IS NULL OR doctor_id = :doctor)
        ORDER BY id FOR NO KEY UPDATE)
    """
)


async def grow(connection: AsyncConnection, schedule: Schedule, made: Iterable[dict[str, Any]]) -> None:
    """Add the slots of a pattern that are not there yet; each of ``made`` says id, day, begin and end."""
    common = {
        "schedule_id": schedule.id,
        "clinic_code": schedule.clinic,
        "doctor_id": schedule.doctor_id,
        "capacity": schedule.capacity,
        "overbook": schedule.overbook,
    }
    rows = [{**common, **each} for each in made]
    if rows:
        await connection.execute(insert(tables.slot).on_conflict_do_nothing(), rows)


async def cover(
    connection: AsyncConnection,
    since: datetime,
    until: datetime,
    now: datetime,
    *,
    clinic: str | None = None,
    doctor: uuid.UUID | None = None,
) -> None:
    """Block the slots of that time that an absence covers, and open those that none does any more."""
    await connection.execute(
        _COVER, {"since": since, "until": until, "now": now, "clinic": clinic, "doctor": doctor}
    )


async def withdraw(
    connection: AsyncConnection, schedule_id: uuid.UUID, after: date, now: datetime, why: str
) -> int:
    """Take the pattern's coming slots after a day away: those that nobody ever booked are deleted, the
    others kept as withdrawn. How many."""
    coming = sa.and_(_SLOT.schedule_id == schedule_id, _SLOT.day > after, _SLOT.starts_at > now)
    ids = list(
        (
            await connection.execute(sa.select(_SLOT.id).where(coming).order_by(_SLOT.id).with_for_update())
        ).scalars()
    )
    used = sa.exists().where(_APPOINTMENT.slot_id == _SLOT.id)
    await connection.execute(tables.slot.delete().where(_SLOT.id.in_(ids), sa.not_(used)))
    await connection.execute(tables.slot.update().where(_SLOT.id.in_(ids)).values(withdrawn=why))
    return len(ids)


async def blocked_by(connection: AsyncConnection, absence_id: uuid.UUID) -> tuple[int, int]:
    """How many slots an absence blocks, and how many open appointments are in them."""
    query = (
        sa.select(sa.func.count(_SLOT.id.distinct()), sa.func.count(_APPOINTMENT.id))
        .select_from(tables.slot.outerjoin(tables.appointment, _is_open()))
        .where(_SLOT.absence_id == absence_id)
    )
    slots, appointments = (await connection.execute(query)).one()
    return int(slots), int(appointments)


async def appointments_withdrawn(connection: AsyncConnection, schedule_id: uuid.UUID) -> int:
    """How many open appointments are in withdrawn slots of a pattern."""
    query = (
        sa.select(sa.func.count())
        .select_from(tables.slot.join(tables.appointment, _is_open()))
        .where(_SLOT.schedule_id == schedule_id, _SLOT.withdrawn.is_not(None))
    )
    return int((await connection.execute(query)).scalar_one())


def _is_open() -> sa.ColumnElement[bool]:
    return sa.and_(_APPOINTMENT.slot_id == _SLOT.id, _APPOINTMENT.state.in_(sorted(OPEN)))


async def lock(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Row[Any]]:
    """Lock slots in order of id; those that exist, with the reason of an absence."""
    query = _SEEN.where(_SLOT.id.in_(ids)).order_by(_SLOT.id)
    locked = query.with_for_update(key_share=True, of=tables.slot)
    return {row.id: row for row in await connection.execute(locked)}


async def page(
    connection: AsyncConnection,
    clinic: str,
    since: datetime,
    until: datetime,
    *,
    doctor: uuid.UUID | None,
    free_at: datetime | None,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Slots of a clinic that begin in a period, by time; with ``free_at`` those alone that can be booked
    then."""
    query = _SEEN.where(_SLOT.clinic_code == clinic, _SLOT.starts_at >= since, _SLOT.starts_at < until)
    if doctor is not None:
        query = query.where(_SLOT.doctor_id == doctor)
    if free_at is not None:
        query = query.where(
            _SLOT.booked < _SLOT.capacity,
            _SLOT.absence_id.is_(None),
            _SLOT.withdrawn.is_(None),
            _SLOT.ends_at > free_at,
        )
    if after is not None:
        query = query.where(sa.tuple_(_SLOT.starts_at, _SLOT.id) > sa.tuple_(*map(sa.literal, after)))
    return (await connection.execute(query.order_by(_SLOT.starts_at, _SLOT.id).limit(limit))).all()
