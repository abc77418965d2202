"""SQL of a ward's counts: rows moved by deltas. And of free beds, looked at in one moment."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model import BedKind, BedStatus, Needs
from hms_rt.departments.beds.repository.beds import suits

Rows = Sequence[Any]
"""Rows whose columns the query above them names."""


async def occupancies(connection: AsyncConnection, ward: str | None = None) -> Rows:
    """Rows of occupancy with the ward's name, by code."""
    query = (
        sa.select(tables.occupancy, tables.ward.c.name)
        .join(tables.ward, tables.ward.c.code == tables.occupancy.c.ward_code)
        .order_by(tables.ward.c.code)
    )
    if ward is not None:
        query = query.where(tables.ward.c.code == ward)
    return (await connection.execute(query)).all()


async def shift_occupancy(connection: AsyncConnection, ward: str, deltas: dict[BedStatus, int]) -> Any:
    """Move the ward's counts by ``deltas`` and return the row; it stays locked until the commit."""
    columns = tables.occupancy.c
    values: dict[str, Any] = {
        status.value: columns[status.value] + delta for status, delta in deltas.items() if delta
    }
    name = sa.select(tables.ward.c.name).where(tables.ward.c.code == ward).scalar_subquery()
    query = (
        tables.occupancy.update()
        .where(columns.ward_code == ward)
        .values(values or {"ward_code": ward})
        .returning(tables.occupancy, name.label("name"))
    )
    return (await connection.execute(query)).one()


async def suitable(connection: AsyncConnection, needs: Needs) -> dict[str, int]:
    """How many available beds of each ward suit a patient with ``needs``; wards with none are left out."""
    bed = tables.bed.c
    query = (
        sa.select(bed.ward_code, sa.func.count())
        .where(bed.status == BedStatus.AVAILABLE.value, suits(needs))
        .group_by(bed.ward_code)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def cots(connection: AsyncConnection) -> dict[str, int]:
    """How many cots of each ward are available; wards with none are left out."""
    bed = tables.bed.c
    query = (
        sa.select(bed.ward_code, sa.func.count())
        .where(bed.status == BedStatus.AVAILABLE.value, bed.kind == BedKind.COT.value)
        .group_by(bed.ward_code)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}
