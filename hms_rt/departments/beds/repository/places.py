"""SQL of the location tree."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model import BedStatus

Rows = Sequence[Any]
"""Rows whose columns the query above them names."""

_BED = tables.bed.c


async def insert_ward(
    connection: AsyncConnection, code: str, name: str, facility: str, building: str
) -> None:
    """Add a ward, with its facility and building if they are new."""
    await connection.execute(
        insert(tables.facility).values(code=facility, name=facility).on_conflict_do_nothing()
    )
    await connection.execute(
        insert(tables.building)
        .values(facility_code=facility, code=building, name=building)
        .on_conflict_do_nothing()
    )
    await connection.execute(
        tables.ward.insert().values(
            code=code, name=name, facility_code=facility, building_code=building, version=1
        )
    )
    await connection.execute(
        tables.occupancy.insert().values(ward_code=code, **{status.value: 0 for status in BedStatus})
    )


async def wards(connection: AsyncConnection, code: str | None = None) -> Rows:
    """All wards by code, or one."""
    query = sa.select(tables.ward).order_by(tables.ward.c.code)
    if code is not None:
        query = query.where(tables.ward.c.code == code)
    return (await connection.execute(query)).all()


async def tree_rows(connection: AsyncConnection) -> Rows:
    """Facility, building, ward, room and bed codes, from the top down."""
    query = (
        sa.select(
            tables.facility.c.code.label("facility"),
            tables.facility.c.name.label("facility_name"),
            tables.building.c.code.label("building"),
            tables.building.c.name.label("building_name"),
            tables.ward.c.code.label("ward"),
            tables.ward.c.name.label("ward_name"),
            tables.room.c.code.label("room"),
            _BED.code.label("bed"),
        )
        .select_from(
            tables.facility.outerjoin(
                tables.building, tables.building.c.facility_code == tables.facility.c.code
            )
            .outerjoin(
                tables.ward,
                sa.and_(
                    tables.ward.c.facility_code == tables.building.c.facility_code,
                    tables.ward.c.building_code == tables.building.c.code,
                ),
            )
            .outerjoin(tables.room, tables.room.c.ward_code == tables.ward.c.code)
            .outerjoin(
                tables.bed,
                sa.and_(_BED.ward_code == tables.room.c.ward_code, _BED.room_code == tables.room.c.code),
            )
        )
        .order_by("facility", "building", "ward", "room", "bed")
    )
    return (await connection.execute(query)).all()
