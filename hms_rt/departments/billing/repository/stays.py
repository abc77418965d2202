"""Who is in a bed, as far as days are charged."""

import uuid
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables

_STAY = tables.stay.c


@dataclass(frozen=True, slots=True)
class Stay:
    """``next_day`` is the first day not charged yet; ``ward`` is None once the patient left."""

    admission_id: uuid.UUID
    patient_id: uuid.UUID
    ward: str | None
    arrived: date
    next_day: date


async def save(connection: AsyncConnection, stay: Stay) -> None:
    """Write a stay, new or locked."""
    values = asdict(stay)
    changed = {name: values[name] for name in ("ward", "arrived", "next_day")}
    written = insert(tables.stay).values(values)
    await connection.execute(written.on_conflict_do_update(index_elements=["admission_id"], set_=changed))


async def remove(connection: AsyncConnection, admission_id: uuid.UUID) -> None:
    """The patient never was in a bed."""
    await connection.execute(tables.stay.delete().where(_STAY.admission_id == admission_id))


async def lock(connection: AsyncConnection, admission_id: uuid.UUID) -> Stay | None:
    """One stay, locked."""
    query = sa.select(tables.stay).where(_STAY.admission_id == admission_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return Stay(**row._asdict()) if row is not None else None


async def patient_of(connection: AsyncConnection, admission_id: uuid.UUID) -> uuid.UUID | None:
    """Whose stay it is, unlocked: the patient is locked before it."""
    query = sa.select(_STAY.patient_id).where(_STAY.admission_id == admission_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def open_admission(connection: AsyncConnection, patient_id: uuid.UUID) -> uuid.UUID | None:
    """The admission of a patient who is in a bed."""
    query = sa.select(_STAY.admission_id).where(_STAY.patient_id == patient_id, _STAY.ward.is_not(None))
    return (await connection.execute(query)).scalars().first()
