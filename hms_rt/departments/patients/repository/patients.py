"""Rows of patients: found by id, by name, by MRN, by telephone number."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.patient import Death, Patient, PatientBrief, Sex, after_prefix
from hms_rt.departments.patients.tables import patients_patient as patients


def to_patient(row: Row[Any]) -> Patient:
    """A row of the table as a patient."""
    return Patient(
        id=row.id,
        mrn=row.mrn,
        family_name=row.family_name,
        given_name=row.given_name,
        sex=Sex(row.sex),
        birth_date=row.birth_date,
        phone=row.phone,
        unidentified=row.unidentified,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        merged_into=row.merged_into,
        death=Death(row.died_at, row.death_recorded_at, row.death_recorded_by) if row.died_at else None,
        restricted=row.restricted,
    )


def values(patient: Patient) -> dict[str, Any]:
    """Everything of a patient but id and MRN, by column."""
    return {
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "sex": patient.sex.value,
        "birth_date": patient.birth_date,
        "phone": patient.phone,
        "unidentified": patient.unidentified,
        "search_name": patient.search_name,
        "phone_reversed": patient.phone_reversed,
        "version": patient.version,
        "created_at": patient.created_at,
        "updated_at": patient.updated_at,
        "merged_into": patient.merged_into,
        "died_at": patient.death.at if patient.death is not None else None,
        "death_recorded_at": patient.death.recorded_at if patient.death is not None else None,
        "death_recorded_by": patient.death.recorded_by if patient.death is not None else None,
        "restricted": patient.restricted,
    }


async def add(connection: AsyncConnection, patient: Patient) -> Patient:
    """Insert ``patient``; without an MRN the database issues one. A taken MRN violates ``…_mrn_key``."""
    row = {"id": patient.id, **values(patient)}
    if patient.mrn:
        row["mrn"] = patient.mrn
    made = await connection.execute(insert(patients).values(row).returning(patients))
    return to_patient(made.one())


async def save(connection: AsyncConnection, patient: Patient) -> None:
    """Store what may change of a locked patient."""
    await connection.execute(update(patients).where(patients.c.id == patient.id).values(values(patient)))


async def by_id(connection: AsyncConnection, patient_id: uuid.UUID) -> Patient | None:
    """One patient, as last committed."""
    row = (await connection.execute(select(patients).where(patients.c.id == patient_id))).one_or_none()
    return to_patient(row) if row is not None else None


async def lock(connection: AsyncConnection, patient_id: uuid.UUID) -> Patient | None:
    """One patient, locked (FOR NO KEY UPDATE, so that rows may still refer to them meanwhile)."""
    query = select(patients).where(patients.c.id == patient_id).with_for_update(key_share=True)
    row = (await connection.execute(query)).one_or_none()
    return to_patient(row) if row is not None else None


async def lock_for_merge(
    connection: AsyncConnection, ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, Patient]:
    """Those of ``ids`` that exist, locked by id, FOR UPDATE: nobody adds rows about them meanwhile."""
    query = select(patients).where(patients.c.id.in_(list(ids))).order_by(patients.c.id).with_for_update()
    return {row.id: to_patient(row) for row in await connection.execute(query)}


async def survivor(connection: AsyncConnection, patient: Patient) -> Patient:
    """Whoever ``patient`` was merged into, at the end of the line; ``patient`` if nobody."""
    while patient.merged_into is not None:
        query = select(patients).where(patients.c.id == patient.merged_into)
        patient = to_patient((await connection.execute(query)).one())
    return patient


async def briefs(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, PatientBrief]:
    """Those of ``ids`` that exist."""
    if not ids:
        return {}
    rows = await connection.execute(select(patients).where(patients.c.id.in_(list(ids))))
    return {row.id: to_patient(row).brief() for row in rows}


async def by_ids(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> list[Patient]:
    """Those of ``ids`` that exist."""
    rows = await connection.execute(select(patients).where(patients.c.id.in_(list(ids))))
    return [to_patient(row) for row in rows]


async def by_mrn(connection: AsyncConnection, mrn: str) -> list[Patient]:
    """The patient with exactly this MRN, or nobody."""
    return [
        to_patient(row) for row in await connection.execute(select(patients).where(patients.c.mrn == mrn))
    ]


async def named(
    connection: AsyncConnection, prefix: str, *, after: tuple[str, uuid.UUID] | None, limit: int
) -> list[Patient]:
    """At most ``limit`` patients whose search name starts with ``prefix``, by name."""
    return await _starting(connection, patients.c.search_name, prefix, after, limit)


async def reached_at(
    connection: AsyncConnection, ending: str, *, after: tuple[str, uuid.UUID] | None, limit: int
) -> list[Patient]:
    """At most ``limit`` patients whose telephone number ends with these digits."""
    return await _starting(connection, patients.c.phone_reversed, ending[::-1], after, limit)


async def _starting(
    connection: AsyncConnection,
    column: ColumnElement[str],
    prefix: str,
    after: tuple[str, uuid.UUID] | None,
    limit: int,
) -> list[Patient]:
    """A range, not LIKE: an index serves it also where the plan does not know the prefix."""
    query = select(patients).where(column >= prefix).order_by(column, patients.c.id).limit(limit)
    end = after_prefix(prefix)
    if end is not None:
        query = query.where(column < end)
    if column is patients.c.phone_reversed:
        query = query.where(column != "")
    if after is not None:
        query = query.where(tuple_(column, patients.c.id) > tuple_(*after))
    return [to_patient(row) for row in await connection.execute(query)]


async def restricted(connection: AsyncConnection, *, after: uuid.UUID | None, limit: int) -> list[Patient]:
    """At most ``limit`` restricted patients, the longest registered first."""
    query = select(patients).where(patients.c.restricted).order_by(patients.c.id).limit(limit)
    if after is not None:
        query = query.where(patients.c.id > after)
    return [to_patient(row) for row in await connection.execute(query)]
