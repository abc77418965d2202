"""SQL of who is in a bed and for whom one is held: copies for the boards. The bed is locked before."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import tables

_BED = tables.bed.c
_OCCUPANT = tables.occupant.c
_HOLD = tables.hold.c


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
    beside: uuid.UUID | None,
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
            beside=beside,
        )
    )


async def stand_beside(connection: AsyncConnection, bed_id: uuid.UUID, beside: uuid.UUID | None) -> None:
    """Say beside which bed a locked cot stands; None: the child in it is without its mother."""
    statement = tables.occupant.update().where(_OCCUPANT.bed_id == bed_id)
    await connection.execute(statement.values(beside=beside))


async def remove_occupant(connection: AsyncConnection, bed_id: uuid.UUID) -> None:
    """Take whoever is there out of a locked bed."""
    await connection.execute(tables.occupant.delete().where(_OCCUPANT.bed_id == bed_id))


async def beds_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[uuid.UUID]:
    """The bed that the patient is in, and the one that is held for them."""
    here = sa.select(_OCCUPANT.bed_id).where(_OCCUPANT.patient_id == patient_id)
    held = sa.select(_HOLD.bed_id).where(_HOLD.patient_id == patient_id)
    return list((await connection.execute(here.union(held))).scalars())


async def leaving(connection: AsyncConnection, bed_id: uuid.UUID) -> tuple[datetime, int] | None:
    """Since when the patient in a locked bed may go, and how much is to be done before."""
    query = sa.select(_OCCUPANT.leaving_since, _OCCUPANT.outstanding).where(_OCCUPANT.bed_id == bed_id)
    row = (await connection.execute(query)).one_or_none()
    return (row.leaving_since, row.outstanding) if row is not None and row.leaving_since else None


async def mark_leaving(
    connection: AsyncConnection, bed_id: uuid.UUID, since: datetime | None, outstanding: int | None
) -> None:
    """Say since when the patient in a locked bed may go, and how much is to be done before."""
    await connection.execute(
        tables.occupant.update()
        .where(_OCCUPANT.bed_id == bed_id)
        .values(leaving_since=since, outstanding=outstanding)
    )


async def put_hold(connection: AsyncConnection, **values: Any) -> None:
    """Say for whom a locked bed is held; the unique keys refuse a second bed for the same admission."""
    await connection.execute(tables.hold.insert().values(**values))


async def remove_hold(connection: AsyncConnection, bed_id: uuid.UUID) -> Any | None:
    """Nobody holds a locked bed any more; answers the row that said who did, if there was one."""
    query = tables.hold.delete().where(_HOLD.bed_id == bed_id).returning(tables.hold)
    return (await connection.execute(query)).one_or_none()


async def holds_of(connection: AsyncConnection, admission_ids: Collection[uuid.UUID]) -> Sequence[Any]:
    """The beds held for these admissions, and until when."""
    query = (
        sa.select(
            _HOLD.admission_id, _HOLD.bed_id, _BED.code, _BED.ward_code, _BED.reserved_until, _HOLD.held_at
        )
        .join(tables.bed, _BED.id == _HOLD.bed_id)
        .where(_HOLD.admission_id.in_(admission_ids))
    )
    return (await connection.execute(query)).all()


async def rename_occupant(
    connection: AsyncConnection, bed_id: uuid.UUID, patient_id: uuid.UUID, **demographics: Any
) -> None:
    """Copy new demographics to the board's rows, if the patient still is, or is awaited, in that bed."""
    for table in (tables.occupant, tables.hold):
        await connection.execute(
            table.update()
            .where(table.c.bed_id == bed_id, table.c.patient_id == patient_id)
            .values(**demographics)
        )
