"""SQL of births."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import tables

_BIRTH = tables.birth.c


async def add(connection: AsyncConnection, **values: Any) -> None:
    """Add a birth; the unique key refuses the same number twice for one admission."""
    await connection.execute(tables.birth.insert().values(**values))


async def count(connection: AsyncConnection, admission_id: uuid.UUID) -> int:
    """How many children were born in a locked admission."""
    query = sa.select(sa.func.count()).where(_BIRTH.admission_id == admission_id)
    return (await connection.execute(query)).scalar_one()


async def mother_of(connection: AsyncConnection, patient_id: uuid.UUID) -> uuid.UUID | None:
    """The mother of a patient who was born here; None of anybody else."""
    query = sa.select(_BIRTH.mother_id).where(_BIRTH.child_id == patient_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def of_admissions(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> Sequence[Row[Any]]:
    """The births in these admissions, and those that these admissions began with, in order."""
    query = (
        sa.select(tables.birth)
        .where(sa.or_(_BIRTH.admission_id.in_(ids), _BIRTH.child_admission_id.in_(ids)))
        .order_by(_BIRTH.admission_id, _BIRTH.number)
    )
    return (await connection.execute(query)).all()
