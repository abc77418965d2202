"""SQL of requests to housekeeping. Whoever writes one has locked the bed; only the timer has not."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model.cleaning import OPEN, Cleaning, CleaningKind, CleaningState
from hms_rt.kernel.errors import not_found

_CLEANING = tables.cleaning.c
_BED = tables.bed.c
_IS_OPEN = _CLEANING.state.in_([state.value for state in OPEN])

_SHOWN = sa.select(tables.cleaning, _BED.code, _BED.room_code).join(tables.bed, _BED.id == _CLEANING.bed_id)


def _cleaning(row: Any) -> Cleaning:
    values = {name: getattr(row, name) for name in Cleaning.__dataclass_fields__ if name != "ward"}
    values["kind"] = CleaningKind(row.kind)
    values["state"] = CleaningState(row.state)
    return Cleaning(ward=row.ward_code, **values)


def _values(cleaning: Cleaning) -> dict[str, Any]:
    values = asdict(cleaning)
    values["ward_code"] = values.pop("ward")
    return values


async def bed_of(connection: AsyncConnection, cleaning_id: uuid.UUID) -> uuid.UUID:
    """Which bed is to be cleaned, to lock it first; raises ``not_found``."""
    query = sa.select(_CLEANING.bed_id).where(_CLEANING.id == cleaning_id)
    bed_id: uuid.UUID | None = (await connection.execute(query)).scalar_one_or_none()
    if bed_id is None:
        raise not_found("that cleaning request")
    return bed_id


async def lock(connection: AsyncConnection, cleaning_id: uuid.UUID) -> Cleaning:
    """Lock a request whose bed is locked."""
    query = sa.select(tables.cleaning).where(_CLEANING.id == cleaning_id).with_for_update()
    return _cleaning((await connection.execute(query)).one())


async def lock_open(connection: AsyncConnection, bed_id: uuid.UUID) -> Cleaning | None:
    """Lock the open request of a locked bed; None if there is none."""
    query = sa.select(tables.cleaning).where(_CLEANING.bed_id == bed_id, _IS_OPEN).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _cleaning(row) if row is not None else None


async def lock_overdue(connection: AsyncConnection, now: datetime, most: int) -> list[Cleaning]:
    """Lock requests that are overdue and of which nobody was told; those changed now are left alone."""
    query = (
        sa.select(tables.cleaning)
        .where(_IS_OPEN, _CLEANING.overdue_at.is_(None), _CLEANING.due_at <= now)
        .order_by(_CLEANING.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [_cleaning(row) for row in await connection.execute(query)]


async def insert(connection: AsyncConnection, cleaning: Cleaning) -> None:
    """Add a request; the partial unique index refuses a second open one for the bed."""
    await connection.execute(tables.cleaning.insert().values(_values(cleaning)))


async def save(connection: AsyncConnection, cleaning: Cleaning) -> None:
    """Write a locked request."""
    values = _values(cleaning)
    await connection.execute(tables.cleaning.update().where(_CLEANING.id == values.pop("id")).values(values))


async def shown(
    connection: AsyncConnection, *, ids: Collection[uuid.UUID] | None = None, open_in: str | None = None
) -> Sequence[Any]:
    """Requests with the bed's code and room: some, or the open ones of a ward, most urgent first."""
    query = _SHOWN.order_by(_CLEANING.due_at, _CLEANING.id)
    if ids is not None:
        query = query.where(_CLEANING.id.in_(ids))
    if open_in is not None:
        query = query.where(_CLEANING.ward_code == open_in, _IS_OPEN)
    return (await connection.execute(query)).all()


async def page(
    connection: AsyncConnection,
    *,
    ward: str,
    state: CleaningState | None,
    before: uuid.UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Requests of a ward, newest first."""
    query = _SHOWN.where(_CLEANING.ward_code == ward).order_by(_CLEANING.id.desc()).limit(limit)
    if state is not None:
        query = query.where(_CLEANING.state == state.value)
    if before is not None:
        query = query.where(_CLEANING.id < before)
    return (await connection.execute(query)).all()
