"""Rows of allergies."""

import uuid
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.allergy import (
    Allergy,
    AllergyCategory,
    AllergyKind,
    AllergyStatus,
    Severity,
    Substance,
)
from hms_rt.departments.patients.tables import patients_allergy as allergies

_later = allergies.alias("later")
_BOTH = allergies.outerjoin(_later, _later.c.supersedes == allergies.c.id)
_SHOWN = select(allergies, _later.c.id.label("later_id")).select_from(_BOTH)


def _allergy(row: Row[Any]) -> Allergy:
    return Allergy(
        id=row.id,
        patient_id=row.patient_id,
        kind=AllergyKind(row.kind),
        category=AllergyCategory(row.category),
        substance=Substance(row.substance, row.code_system, row.code),
        reaction=row.reaction,
        severity=Severity(row.severity),
        status=AllergyStatus(row.status),
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        verified_at=row.verified_at,
        verified_by=row.verified_by,
        supersedes=row.supersedes,
        entered_in_error=row.entered_in_error,
        error_reason=row.error_reason,
        superseded=row.later_id is not None,
    )


async def add(connection: AsyncConnection, allergy: Allergy) -> None:
    """Append a statement; superseding the same one twice violates ``…_supersedes_key``."""
    await connection.execute(
        insert(allergies).values(
            id=allergy.id,
            patient_id=allergy.patient_id,
            kind=allergy.kind.value,
            category=allergy.category.value,
            substance=allergy.substance.name,
            code_system=allergy.substance.code_system,
            code=allergy.substance.code,
            reaction=allergy.reaction,
            severity=allergy.severity.value,
            status=allergy.status.value,
            recorded_at=allergy.recorded_at,
            recorded_by=allergy.recorded_by,
            verified_at=allergy.verified_at,
            verified_by=allergy.verified_by,
            supersedes=allergy.supersedes,
            entered_in_error=allergy.entered_in_error,
            error_reason=allergy.error_reason,
        )
    )


async def of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Allergy]:
    """Every statement about a patient, superseded ones too, in the order of recording."""
    query = _SHOWN.where(allergies.c.patient_id == patient_id).order_by(allergies.c.id)
    return [_allergy(row) for row in await connection.execute(query)]


async def by_id(connection: AsyncConnection, patient_id: uuid.UUID, allergy_id: uuid.UUID) -> Allergy | None:
    """One statement about this patient."""
    query = _SHOWN.where(allergies.c.id == allergy_id, allergies.c.patient_id == patient_id)
    row = (await connection.execute(query)).one_or_none()
    return _allergy(row) if row is not None else None
