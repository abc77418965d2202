"""Rows of identifiers."""

import uuid
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.identifier import Identifier, IdentifierType
from hms_rt.departments.patients.tables import patients_identifier as identifiers


def _identifier(row: Row[Any]) -> Identifier:
    values = row._asdict()
    del values["compared"]
    values["type"] = IdentifierType(row.type)
    return Identifier(**values)


async def add(connection: AsyncConnection, identifier: Identifier) -> None:
    """Insert an identifier; one that another patient has violates ``…_exclusive_key``."""
    await connection.execute(
        insert(identifiers).values(
            id=identifier.id,
            patient_id=identifier.patient_id,
            type=identifier.type.value,
            issuer=identifier.issuer,
            value=identifier.value,
            compared=identifier.compared,
            valid_from=identifier.valid_from,
            valid_until=identifier.valid_until,
            recorded_at=identifier.recorded_at,
            recorded_by=identifier.recorded_by,
        )
    )


async def of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Identifier]:
    """Every identifier of a patient, those entered in error too, in the order of recording."""
    query = select(identifiers).where(identifiers.c.patient_id == patient_id).order_by(identifiers.c.id)
    return [_identifier(row) for row in await connection.execute(query)]


async def by_id(
    connection: AsyncConnection, patient_id: uuid.UUID, identifier_id: uuid.UUID
) -> Identifier | None:
    """One identifier of this patient."""
    query = select(identifiers).where(
        identifiers.c.id == identifier_id, identifiers.c.patient_id == patient_id
    )
    row = (await connection.execute(query)).one_or_none()
    return _identifier(row) if row is not None else None


async def mark_wrong(connection: AsyncConnection, identifier_id: uuid.UUID, reason: str) -> None:
    """Mark a locked patient's identifier as entered in error; the database allows it once."""
    await connection.execute(
        update(identifiers).where(identifiers.c.id == identifier_id).values(error_reason=reason)
    )


async def patients_with(connection: AsyncConnection, compared: str, *, limit: int) -> list[uuid.UUID]:
    """Whose a number is, of whatever type and issuer."""
    query = (
        select(identifiers.c.patient_id)
        .where(identifiers.c.compared == compared, identifiers.c.error_reason.is_(None))
        .distinct()
        .order_by(identifiers.c.patient_id)
        .limit(limit)
    )
    return list((await connection.execute(query)).scalars())
