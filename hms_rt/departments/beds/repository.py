"""SQL of rooms and beds. Every write of a bed is preceded by its lock; locks are taken by id."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables
from hms_rt.departments.beds.model import Bed, BedStatus
from hms_rt.kernel.errors import not_found

Rows = Sequence[Any]
"""Rows whose columns the query above them names."""

_BED = tables.bed.c
_OCCUPANT = tables.occupant.c

_BOARD = sa.select(
    _BED.id,
    _BED.ward_code,
    _BED.room_code,
    _BED.code,
    _BED.status,
    _BED.isolation,
    _BED.since,
    _BED.reserved_until,
    _BED.version,
    _OCCUPANT.stay_id,
    _OCCUPANT.patient_id,
    _OCCUPANT.name.label("patient_name"),
    _OCCUPANT.mrn,
    _OCCUPANT.sex,
    _OCCUPANT.birth_date,
    _OCCUPANT.since.label("occupied_since"),
).select_from(tables.bed.outerjoin(tables.occupant, _OCCUPANT.bed_id == _BED.id))


def _bed(row: Any) -> Bed:
    return Bed(
        id=row.id,
        ward=row.ward_code,
        code=row.code,
        status=BedStatus(row.status),
        isolation=row.isolation,
        since=row.since,
        reserved_for=row.reserved_for,
        reserved_until=row.reserved_until,
        version=row.version,
    )


async def lock_beds(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Bed]:
    """Lock beds in order of id; raises ``not_found`` if one is missing."""
    query = sa.select(tables.bed).where(_BED.id.in_(ids)).order_by(_BED.id).with_for_update()
    beds = {row.id: _bed(row) for row in await connection.execute(query)}
    if len(beds) != len(set(ids)):
        raise not_found("that bed")
    return beds


async def lock_free_bed(connection: AsyncConnection, ward: str) -> Bed | None:
    """Lock some available bed of ``ward`` that nobody else is taking; None if there is none."""
    query = (
        sa.select(tables.bed)
        .where(_BED.ward_code == ward, _BED.status == BedStatus.AVAILABLE.value)
        .order_by(_BED.code)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await connection.execute(query)).one_or_none()
    return _bed(row) if row is not None else None


async def lock_expired(connection: AsyncConnection, now: datetime, most: int) -> list[Bed]:
    """Lock reserved beds whose reservation has run out; those being changed now are left alone."""
    query = (
        sa.select(tables.bed)
        .where(_BED.status == BedStatus.RESERVED.value, _BED.reserved_until <= now)
        .order_by(_BED.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [_bed(row) for row in await connection.execute(query)]


async def save_bed(connection: AsyncConnection, bed: Bed) -> None:
    """Write the state of a locked bed and raise its version."""
    await connection.execute(
        tables.bed.update()
        .where(_BED.id == bed.id)
        .values(
            status=bed.status.value,
            isolation=bed.isolation,
            since=bed.since,
            reserved_for=bed.reserved_for,
            reserved_until=bed.reserved_until,
            version=_BED.version + 1,
        )
    )


async def insert_bed(
    connection: AsyncConnection,
    bed_id: uuid.UUID,
    ward: str,
    room: str,
    code: str,
    status: BedStatus,
    now: datetime,
) -> None:
    """Add a bed and, if it is new, its room."""
    await connection.execute(insert(tables.room).values(ward_code=ward, code=room).on_conflict_do_nothing())
    await connection.execute(
        tables.bed.insert().values(
            id=bed_id,
            ward_code=ward,
            room_code=room,
            code=code,
            status=status.value,
            isolation=False,
            since=now,
            version=1,
        )
    )


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


async def put_occupant(
    connection: AsyncConnection,
    *,
    bed_id: uuid.UUID,
    stay_id: uuid.UUID,
    patient_id: uuid.UUID,
    name: str,
    mrn: str,
    sex: str | None,
    birth_date: Any,
    since: datetime,
) -> None:
    """Put a patient into a locked bed; the unique keys refuse a second bed for the same patient."""
    await connection.execute(
        tables.occupant.insert().values(
            bed_id=bed_id,
            stay_id=stay_id,
            patient_id=patient_id,
            name=name,
            mrn=mrn,
            sex=sex,
            birth_date=birth_date,
            since=since,
        )
    )


async def remove_occupant(connection: AsyncConnection, bed_id: uuid.UUID) -> None:
    """Take whoever is there out of a locked bed."""
    await connection.execute(tables.occupant.delete().where(_OCCUPANT.bed_id == bed_id))


async def bed_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> uuid.UUID | None:
    """The bed that the patient is in."""
    query = sa.select(_OCCUPANT.bed_id).where(_OCCUPANT.patient_id == patient_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def rename_occupant(
    connection: AsyncConnection, bed_id: uuid.UUID, patient_id: uuid.UUID, **demographics: Any
) -> None:
    """Copy new demographics to the board's row, if the patient still is in that bed."""
    await connection.execute(
        tables.occupant.update()
        .where(_OCCUPANT.bed_id == bed_id, _OCCUPANT.patient_id == patient_id)
        .values(**demographics)
    )


async def board_rows(
    connection: AsyncConnection,
    *,
    ward: str | None = None,
    ids: Collection[uuid.UUID] | None = None,
    status: BedStatus | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Rows:
    """Beds as boards show them, by code."""
    query = _BOARD.order_by(_BED.code)
    if ward is not None:
        query = query.where(_BED.ward_code == ward)
    if ids is not None:
        query = query.where(_BED.id.in_(ids))
    if status is not None:
        query = query.where(_BED.status == status.value)
    if after is not None:
        query = query.where(_BED.code > after)
    if limit is not None:
        query = query.limit(limit)
    return (await connection.execute(query)).all()


async def wards(connection: AsyncConnection, code: str | None = None) -> Rows:
    """All wards by code, or one."""
    query = sa.select(tables.ward).order_by(tables.ward.c.code)
    if code is not None:
        query = query.where(tables.ward.c.code == code)
    return (await connection.execute(query)).all()


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
