"""SQL of inpatients. Whoever writes an admission or a stay has locked the patient and the admission."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import tables
from hms_rt.departments.ipd.model import OPEN, Admission, AdmissionState, Disposition, Move, Stay
from hms_rt.kernel.errors import not_found

_ADMISSION = tables.admission.c
_STAY = tables.stay.c
_EVENT = tables.event.c


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the history, as it is written."""

    id: uuid.UUID
    move: Move
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: uuid.UUID
    source: Stay | None = None
    target: Stay | None = None
    disposition: Disposition | None = None
    reason: str | None = None


def _admission(row: Row[Any]) -> Admission:
    values = row._asdict()
    values["ward"] = values.pop("ward_code")
    values["state"] = AdmissionState(row.state)
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
    }


def _stay(row: Row[Any]) -> Stay:
    values = row._asdict()
    values["ward"] = values.pop("ward_code")
    return Stay(**values)


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


async def lock_stays(connection: AsyncConnection, admission_id: uuid.UUID) -> list[Stay]:
    """Lock every stay of an admission, by id."""
    query = (
        sa.select(tables.stay).where(_STAY.admission_id == admission_id).order_by(_STAY.id).with_for_update()
    )
    return [_stay(row) for row in await connection.execute(query)]


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
        )
    )


async def save_stay(connection: AsyncConnection, stay: Stay) -> None:
    """Write the end of a locked stay, or that it was entered in error."""
    await connection.execute(
        tables.stay.update()
        .where(_STAY.id == stay.id)
        .values(ended_at=stay.ended_at, entered_in_error=stay.entered_in_error)
    )


async def insert_event(
    connection: AsyncConnection, before: Admission | None, after: Admission, recorded: Recorded
) -> None:
    """Append to the history."""
    source, target = recorded.source, recorded.target
    await connection.execute(
        tables.event.insert().values(
            id=recorded.id,
            admission_id=after.id,
            move=recorded.move.value,
            state_before=before.state.value if before else None,
            state_after=after.state.value,
            from_ward=source.ward if source else None,
            from_bed=source.bed_id if source else None,
            to_ward=target.ward if target else None,
            to_bed=target.bed_id if target else None,
            disposition=recorded.disposition,
            reason=recorded.reason,
            occurred_at=recorded.occurred_at,
            recorded_at=recorded.recorded_at,
            recorded_by=recorded.recorded_by,
        )
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
    if reach is not None:
        query = query.where(sa.or_(_ADMISSION.ward_code.in_(reach), _ADMISSION.requested_by == requester))
    if ward is not None:
        query = query.where(_ADMISSION.ward_code == ward)
    if patient_id is not None:
        query = query.where(_ADMISSION.patient_id == patient_id)
    if state is not None:
        query = query.where(_ADMISSION.state == state.value)
    if before is not None:
        query = query.where(_ADMISSION.id < before)
    return [_admission(row) for row in await connection.execute(query)]


async def stays(connection: AsyncConnection, admission_ids: Collection[uuid.UUID]) -> list[Stay]:
    """The stays of some admissions, oldest first."""
    query = (
        sa.select(tables.stay)
        .where(_STAY.admission_id.in_(admission_ids))
        .order_by(_STAY.started_at, _STAY.id)
    )
    return [_stay(row) for row in await connection.execute(query)]


async def events(connection: AsyncConnection, admission_id: uuid.UUID) -> Sequence[Row[Any]]:
    """The history of an admission, in the order of recording."""
    query = sa.select(tables.event).where(_EVENT.admission_id == admission_id)
    return (await connection.execute(query.order_by(_EVENT.recorded_at, _EVENT.id))).all()


async def open_ward(connection: AsyncConnection, patient_id: uuid.UUID) -> str | None:
    """The ward of the patient's open admission: of the bed, or the one asked for."""
    query = sa.select(_ADMISSION.ward_code).where(
        _ADMISSION.patient_id == patient_id, _ADMISSION.state.in_([state.value for state in OPEN])
    )
    return (await connection.execute(query)).scalar_one_or_none()
