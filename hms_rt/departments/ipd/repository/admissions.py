"""SQL of admissions. Whoever writes one has locked the patient and the admission."""

import uuid
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds.model import Feature, Isolation
from hms_rt.departments.ipd import tables
from hms_rt.departments.ipd.model import OPEN, Admission, AdmissionState, Disposition
from hms_rt.kernel.errors import not_found

_ADMISSION = tables.admission.c


def _admission(row: Row[Any]) -> Admission:
    values = row._asdict()
    values["ward"] = values.pop("ward_code")
    values["state"] = AdmissionState(row.state)
    values["features"] = frozenset(Feature(one) for one in values.pop("needs"))
    values["isolation"] = Isolation(row.isolation) if row.isolation else None
    for name in ("disposition", "planned_disposition"):
        values[name] = Disposition(values[name]) if values[name] is not None else None
    return Admission(**values)


def _admission_values(admission: Admission) -> dict[str, Any]:
    return {
        "ward_code": admission.ward,
        "state": admission.state.value,
        "accepted_at": admission.accepted_at,
        "admitted_at": admission.admitted_at,
        "discharge_ordered_at": admission.discharge_ordered_at,
        "planned_disposition": admission.planned_disposition,
        "discharged_at": admission.discharged_at,
        "disposition": admission.disposition,
        "cancelled_at": admission.cancelled_at,
        "version": admission.version,
        "needs": sorted(admission.features),
        "isolation": admission.isolation,
        "organism": admission.organism,
    }


async def patient_of(connection: AsyncConnection, admission_id: uuid.UUID) -> uuid.UUID:
    """Whose admission it is, to lock the patient first; raises ``not_found``."""
    query = sa.select(_ADMISSION.patient_id).where(_ADMISSION.id == admission_id)
    patient_id: uuid.UUID | None = (await connection.execute(query)).scalar_one_or_none()
    if patient_id is None:
        raise not_found("that admission")
    return patient_id


async def lock_admission(connection: AsyncConnection, admission_id: uuid.UUID) -> Admission:
    """Lock an admission whose patient is locked."""
    query = sa.select(tables.admission).where(_ADMISSION.id == admission_id).with_for_update()
    return _admission((await connection.execute(query)).one())


async def insert_admission(connection: AsyncConnection, admission: Admission) -> None:
    """Add a request; the partial unique index refuses a second open admission of the patient."""
    await connection.execute(
        tables.admission.insert().values(
            id=admission.id,
            patient_id=admission.patient_id,
            reason=admission.reason,
            requested_by=admission.requested_by,
            requested_at=admission.requested_at,
            recorded_at=admission.recorded_at,
            **_admission_values(admission),
        )
    )


async def save_admission(connection: AsyncConnection, admission: Admission) -> None:
    """Write a locked admission."""
    await connection.execute(
        tables.admission.update().where(_ADMISSION.id == admission.id).values(**_admission_values(admission))
    )


async def admission(connection: AsyncConnection, admission_id: uuid.UUID) -> Admission:
    """One admission; raises ``not_found``."""
    query = sa.select(tables.admission).where(_ADMISSION.id == admission_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found("that admission")
    return _admission(row)


async def admissions(
    connection: AsyncConnection,
    *,
    reach: Collection[str] | None,
    requester: uuid.UUID,
    ward: str | None,
    patient_id: uuid.UUID | None,
    state: AdmissionState | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[Admission]:
    """Admissions of the wards in ``reach`` (None: of all) or asked for by ``requester``, newest first."""
    query = sa.select(tables.admission).order_by(_ADMISSION.id.desc()).limit(limit)
    if ward is not None:
        query = query.where(_ADMISSION.ward_code == ward)
    if patient_id is not None:
        query = query.where(_ADMISSION.patient_id == patient_id)
    if state is not None:
        query = query.where(_ADMISSION.state == state.value)
    if before is not None:
        query = query.where(_ADMISSION.id < before)
    if reach is not None:  # each way to see one is a range of an index; an OR would read them all
        ways = [*(_ADMISSION.ward_code == one for one in sorted(reach)), _ADMISSION.requested_by == requester]
        either = sa.union(*(sa.select(query.where(way).subquery()) for way in ways)).subquery()
        query = sa.select(either).order_by(either.c.id.desc()).limit(limit)
    return [_admission(row) for row in await connection.execute(query)]


async def open_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> Admission | None:
    """The patient's open admission, if there is one."""
    query = sa.select(tables.admission).where(
        _ADMISSION.patient_id == patient_id, _ADMISSION.state.in_([state.value for state in OPEN])
    )
    row = (await connection.execute(query)).one_or_none()
    return _admission(row) if row is not None else None


async def open_ward(connection: AsyncConnection, patient_id: uuid.UUID) -> str | None:
    """The ward of the patient's open admission: of the bed, or the one asked for."""
    query = sa.select(_ADMISSION.ward_code).where(
        _ADMISSION.patient_id == patient_id, _ADMISSION.state.in_([state.value for state in OPEN])
    )
    return (await connection.execute(query)).scalar_one_or_none()
