"""SQL of stays. Whoever writes one has locked the patient and the admission."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import tables
from hms_rt.departments.ipd.model import Stay

_STAY = tables.stay.c


def _stay(row: Row[Any]) -> Stay:
    values = row._asdict()
    values["ward"] = values.pop("ward_code")
    return Stay(**values)


async def lock_stays(connection: AsyncConnection, admission_id: uuid.UUID) -> list[Stay]:
    """Lock every stay of an admission, by id."""
    query = (
        sa.select(tables.stay).where(_STAY.admission_id == admission_id).order_by(_STAY.id).with_for_update()
    )
    return [_stay(row) for row in await connection.execute(query)]


async def insert_stay(connection: AsyncConnection, stay: Stay) -> None:
    """Add a stay; the partial unique indexes refuse a second open one for the bed or the patient."""
    await connection.execute(
        tables.stay.insert().values(
            id=stay.id,
            admission_id=stay.admission_id,
            patient_id=stay.patient_id,
            bed_id=stay.bed_id,
            bed_code=stay.bed_code,
            ward_code=stay.ward,
            started_at=stay.started_at,
            ended_at=stay.ended_at,
            entered_in_error=stay.entered_in_error,
            override_reason=stay.override_reason,
            beside=stay.beside,
            apart_reason=stay.apart_reason,
        )
    )


async def ward_at(connection: AsyncConnection, admission_id: uuid.UUID, at: datetime) -> str | None:
    """The ward of the bed in which the patient lay at ``at``; None if in no bed."""
    query = sa.select(_STAY.ward_code).where(
        _STAY.admission_id == admission_id,
        _STAY.entered_in_error.is_(False),
        _STAY.started_at <= at,
        sa.or_(_STAY.ended_at.is_(None), _STAY.ended_at > at),
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def beds_left_after(connection: AsyncConnection, ward: str, at: datetime) -> set[uuid.UUID]:
    """Beds of a ward in which a stay ended later than ``at``: they may be free now, and were not then."""
    query = sa.select(_STAY.bed_id).where(
        _STAY.ward_code == ward, _STAY.ended_at > at, _STAY.entered_in_error.is_(False)
    )
    return set((await connection.execute(query)).scalars())


async def latest_end(
    connection: AsyncConnection, patient_id: uuid.UUID, bed_id: uuid.UUID
) -> datetime | None:
    """When the patient last left a bed, or somebody this one, whichever is later; None for never."""
    ends = [
        sa.select(sa.func.max(_STAY.ended_at).label("at")).where(here, _STAY.entered_in_error.is_(False))
        for here in (_STAY.patient_id == patient_id, _STAY.bed_id == bed_id)
    ]
    both = sa.union_all(*ends).subquery()
    latest: datetime | None = (await connection.execute(sa.select(sa.func.max(both.c.at)))).scalar_one()
    return latest


async def save_stay(connection: AsyncConnection, stay: Stay) -> None:
    """Write the end of a locked stay, that it was entered in error, or whom the child lies beside."""
    await connection.execute(
        tables.stay.update()
        .where(_STAY.id == stay.id)
        .values(
            ended_at=stay.ended_at,
            entered_in_error=stay.entered_in_error,
            beside=stay.beside,
            apart_reason=stay.apart_reason,
        )
    )


async def children_of(connection: AsyncConnection, mothers: Collection[uuid.UUID]) -> list[Stay]:
    """Where the children of these admissions lie who came into a cot beside their mother, by admission."""
    query = sa.select(tables.stay).where(_STAY.beside.in_(mothers), _STAY.ended_at.is_(None))
    return [_stay(row) for row in await connection.execute(query.order_by(_STAY.admission_id))]


async def children_gone(connection: AsyncConnection, mother: uuid.UUID, at: datetime) -> list[Stay]:
    """The last stays of the children who left from beside their mother at the moment ``at``, by admission."""
    query = (
        sa.select(tables.stay)
        .join(tables.admission, tables.admission.c.id == _STAY.admission_id)
        .where(
            _STAY.beside == mother,
            _STAY.ended_at == at,
            _STAY.entered_in_error.is_(False),
            tables.admission.c.discharged_at == at,
        )
    )
    return [_stay(row) for row in await connection.execute(query.order_by(_STAY.admission_id))]


async def stays(connection: AsyncConnection, admission_ids: Collection[uuid.UUID]) -> list[Stay]:
    """The stays of some admissions, oldest first."""
    query = (
        sa.select(tables.stay)
        .where(_STAY.admission_id.in_(admission_ids))
        .order_by(_STAY.started_at, _STAY.id)
    )
    return [_stay(row) for row in await connection.execute(query)]
