"""SQL of weekly patterns and absences. Whoever changes them holds :func:`lock_plans`."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.model.schedule import Schedule

_SCHEDULE = tables.schedule.c
_ABSENCE = tables.absence.c


def _from_row(row: Row[Any]) -> Schedule:
    return Schedule(
        id=row.id,
        clinic=row.clinic_code,
        doctor_id=row.doctor_id,
        weekdays=tuple(row.weekdays),
        starts=row.starts,
        ends=row.ends,
        slot_minutes=row.slot_minutes,
        capacity=row.capacity,
        overbook=row.overbook,
        first_day=row.first_day,
        last_day=row.last_day,
        grown_until=row.grown_until,
        version=row.version,
    )


def _columns(schedule: Schedule) -> dict[str, Any]:
    values = asdict(schedule)
    values["clinic_code"] = values.pop("clinic")
    return {**values, "weekdays": list(schedule.weekdays)}


async def lock_plans(connection: AsyncConnection) -> None:
    """One change of plans at a time in the whole hospital: they are few, and each looks at many rows."""
    await connection.execute(sa.text("SELECT pg_advisory_xact_lock(-7326, 0)"))


async def insert(connection: AsyncConnection, schedule: Schedule) -> None:
    """Add a pattern."""
    await connection.execute(tables.schedule.insert().values(_columns(schedule)))


async def save(connection: AsyncConnection, schedule: Schedule) -> None:
    """Write a pattern back."""
    columns = _columns(schedule)
    await connection.execute(tables.schedule.update().where(_SCHEDULE.id == schedule.id).values(columns))


async def find(connection: AsyncConnection, schedule_id: uuid.UUID) -> Schedule | None:
    """One pattern."""
    query = sa.select(tables.schedule).where(_SCHEDULE.id == schedule_id)
    row = (await connection.execute(query)).one_or_none()
    return _from_row(row) if row is not None else None


async def of_doctor(connection: AsyncConnection, doctor_id: uuid.UUID) -> list[Schedule]:
    """Every pattern that a doctor has or had, in whatever clinic."""
    query = sa.select(tables.schedule).where(_SCHEDULE.doctor_id == doctor_id)
    return [_from_row(row) for row in await connection.execute(query)]


async def to_grow(connection: AsyncConnection, until: Any) -> list[Schedule]:
    """Patterns whose slots do not reach ``until`` yet."""
    last = sa.func.least(until, sa.func.coalesce(_SCHEDULE.last_day, until))
    query = sa.select(tables.schedule).where(_SCHEDULE.grown_until < last).order_by(_SCHEDULE.id)
    return [_from_row(row) for row in await connection.execute(query)]


async def page(
    connection: AsyncConnection,
    clinic: str,
    *,
    doctor: uuid.UUID | None,
    after: uuid.UUID | None,
    limit: int,
) -> list[Schedule]:
    """Patterns of a clinic, oldest first."""
    query = sa.select(tables.schedule).where(_SCHEDULE.clinic_code == clinic)
    if doctor is not None:
        query = query.where(_SCHEDULE.doctor_id == doctor)
    if after is not None:
        query = query.where(_SCHEDULE.id > after)
    return [_from_row(row) for row in await connection.execute(query.order_by(_SCHEDULE.id).limit(limit))]


# --- absences


async def insert_absence(connection: AsyncConnection, **values: Any) -> None:
    """Add an absence."""
    await connection.execute(tables.absence.insert().values(**values, revoked=False, version=1))


async def find_absence(connection: AsyncConnection, absence_id: uuid.UUID) -> Row[Any] | None:
    """One absence."""
    query = sa.select(tables.absence).where(_ABSENCE.id == absence_id)
    return (await connection.execute(query)).one_or_none()


async def revoke_absence(connection: AsyncConnection, absence_id: uuid.UUID) -> None:
    """Mark an absence as revoked."""
    await connection.execute(
        tables.absence.update()
        .where(_ABSENCE.id == absence_id)
        .values(revoked=True, version=_ABSENCE.version + 1)
    )


async def absences(
    connection: AsyncConnection,
    now: datetime,
    *,
    clinic: str | None,
    doctor: uuid.UUID | None,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Absences that are not over, by when they end; those of a clinic or doctor include the wider ones."""
    query = sa.select(tables.absence).where(_ABSENCE.ends_at > now, sa.not_(_ABSENCE.revoked))
    if clinic is not None:
        query = query.where(sa.or_(_ABSENCE.clinic_code.is_(None), _ABSENCE.clinic_code == clinic))
    if doctor is not None:
        query = query.where(sa.or_(_ABSENCE.doctor_id.is_(None), _ABSENCE.doctor_id == doctor))
    if after is not None:
        query = query.where(sa.tuple_(_ABSENCE.ends_at, _ABSENCE.id) > sa.tuple_(*map(sa.literal, after)))
    return (await connection.execute(query.order_by(_ABSENCE.ends_at, _ABSENCE.id).limit(limit))).all()
