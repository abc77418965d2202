"""Write-offs."""

import uuid
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy.model.stock import WriteOff, WriteOffState
from hms_rt.departments.pharmacy.repository import rows
from hms_rt.departments.pharmacy.repository import stock_tables as tables

_WRITE_OFF = tables.write_off.c


async def add_write_off(connection: AsyncConnection, one: WriteOff) -> None:
    """Add a request."""
    await connection.execute(tables.write_off.insert().values(asdict(one)))


async def lock_write_off(connection: AsyncConnection, write_off_id: uuid.UUID) -> WriteOff | None:
    """One write-off, locked."""
    query = sa.select(tables.write_off).where(_WRITE_OFF.id == write_off_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _write_off(row) if row is not None else None


async def save_write_off(connection: AsyncConnection, one: WriteOff) -> None:
    """Write the decision on a locked write-off."""
    await connection.execute(
        tables.write_off.update()
        .where(_WRITE_OFF.id == one.id)
        .values(state=one.state, decided_by=one.decided_by, decided_at=one.decided_at, version=one.version)
    )


async def page(
    connection: AsyncConnection,
    *,
    state: WriteOffState | None,
    store: str | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[WriteOff]:
    """At most ``limit`` write-offs, newest first."""
    query = sa.select(tables.write_off).order_by(_WRITE_OFF.id.desc()).limit(limit)
    if state is not None:
        query = query.where(_WRITE_OFF.state == state.value)
    if store is not None:
        query = query.where(_WRITE_OFF.store == store)
    if before is not None:
        query = query.where(_WRITE_OFF.id < before)
    return [_write_off(row) for row in await connection.execute(query)]


def _write_off(row: Row[Any]) -> WriteOff:
    return WriteOff(**{**rows.read(WriteOff, row), "state": WriteOffState(row.state)})
