"""The medication administration record. Whoever changes a dose has locked its medication before."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd.model.medication import (
    PENDING,
    TAKEN,
    Administration,
    CancelledFor,
    Dose,
    DoseState,
    Medication,
    OrderState,
    Outcome,
)
from hms_rt.departments.ipd.repository import medication_tables as tables
from hms_rt.departments.pharmacy.model.frequency import FrequencyKind

_MED = tables.medication.c
_DOSE = tables.dose.c
_ADM = tables.administration.c
_SUM = tables.medication_sum.c
_PENDING = sorted(state.value for state in PENDING)
_TAKEN = sorted(outcome.value for outcome in TAKEN)
_JOINED = tables.dose.join(tables.medication, _MED.line_id == _DOSE.line_id)
_MED_COLUMNS = [column.label(f"m_{column.name}") for column in _MED]
_SHOWN: sa.Select[Any] = sa.select(*_MED_COLUMNS, tables.dose).select_from(_JOINED)

Shown = tuple[Medication, Dose]


async def add(connection: AsyncConnection, medications: Sequence[Medication]) -> None:
    """Add lines that came into force."""
    await connection.execute(tables.medication.insert(), [asdict(one) for one in medications])


async def save(connection: AsyncConnection, medication: Medication) -> None:
    """Write a locked medication."""
    await connection.execute(
        tables.medication.update().where(_MED.line_id == medication.line_id).values(asdict(medication))
    )


async def lock_of_prescription(connection: AsyncConnection, prescription_id: uuid.UUID) -> list[Medication]:
    """The medications of a prescription, locked by id."""
    query = sa.select(tables.medication).where(_MED.prescription_id == prescription_id)
    found = await connection.execute(query.order_by(_MED.line_id).with_for_update())
    return [_medication(row, "") for row in found]


async def lock_ended(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Medication]:
    """Stopped medications of a locked patient with doses that nobody accounted for, locked by id.

    Those too whose doses ended with a departure, which may be a mistake.
    """
    open_doses = sa.exists().where(
        _DOSE.line_id == _MED.line_id,
        sa.or_(_DOSE.state.in_(_PENDING), _DOSE.cancelled_for == CancelledFor.DEPARTURE.value),
    )
    query = sa.select(tables.medication).where(
        _MED.patient_id == patient_id, _MED.state == OrderState.ENDED.value, open_doses
    )
    found = await connection.execute(query.order_by(_MED.line_id).with_for_update())
    return [_medication(row, "") for row in found]


async def lock(connection: AsyncConnection, line_id: uuid.UUID) -> Medication | None:
    """One medication, locked."""
    query = sa.select(tables.medication).where(_MED.line_id == line_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _medication(row, "") if row is not None else None


async def to_plan(connection: AsyncConnection, before: datetime, limit: int) -> list[Medication]:
    """Medications whose doses are planned only to ``before`` that, locked; others' are passed over."""
    query = (
        sa.select(tables.medication)
        .where(
            _MED.state == OrderState.IN_FORCE.value,
            _MED.frequency_kind != FrequencyKind.AS_NEEDED.value,
            _MED.ward.is_not(None),
            _MED.planned_until < before,
            _MED.planned_until < _MED.ends_at,
        )
        .order_by(_MED.line_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_medication(row, "") for row in await connection.execute(query)]


async def add_doses(connection: AsyncConnection, doses: Sequence[Dose]) -> list[Dose]:
    """Add doses; those that are planned already are left out of the answer."""
    if not doses:
        return []
    statement = insert(tables.dose).on_conflict_do_nothing(constraint="ipd_dose_moment_key")
    made = await connection.execute(
        statement.values([asdict(one) for one in doses]).returning(tables.dose.c.id)
    )
    ids = set(made.scalars())
    return [one for one in doses if one.id in ids]


async def save_doses(connection: AsyncConnection, doses: Sequence[Dose]) -> None:
    """Write locked doses, which carry their new versions."""
    for one in doses:
        await connection.execute(
            tables.dose.update()
            .where(_DOSE.id == one.id)
            .values(ward=one.ward, state=one.state, cancelled_for=one.cancelled_for, version=one.version)
        )


async def line_of_dose(connection: AsyncConnection, dose_id: uuid.UUID) -> uuid.UUID | None:
    """Which medication a dose is of, unlocked: that is locked before it."""
    return (
        await connection.execute(sa.select(_DOSE.line_id).where(_DOSE.id == dose_id))
    ).scalar_one_or_none()


async def patient_of(connection: AsyncConnection, line_id: uuid.UUID) -> uuid.UUID | None:
    """Whose medication it is, unlocked: the patient is locked before it."""
    query = sa.select(_MED.patient_id).where(_MED.line_id == line_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def lock_dose(connection: AsyncConnection, dose_id: uuid.UUID) -> Dose | None:
    """One dose of a locked medication, locked."""
    query = sa.select(tables.dose).where(_DOSE.id == dose_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _dose(row) if row is not None else None


async def lock_doses(
    connection: AsyncConnection,
    lines: Collection[uuid.UUID],
    *,
    states: Collection[DoseState] = PENDING,
    since: datetime | None = None,
    cancelled_for: CancelledFor | None = None,
) -> list[Dose]:
    """Doses of locked medications in these states, due from ``since`` on, locked."""
    query = sa.select(tables.dose).where(
        _DOSE.line_id.in_(lines), _DOSE.state.in_([state.value for state in states])
    )
    if since is not None:
        query = query.where(_DOSE.due_at >= since)
    if cancelled_for is not None:
        query = query.where(_DOSE.cancelled_for == cancelled_for.value)
    return [_dose(row) for row in await connection.execute(query.order_by(_DOSE.id).with_for_update())]


async def lock_late(connection: AsyncConnection, before: datetime, limit: int) -> list[Shown]:
    """Due doses whose moment was before that, with their medications, locked; others' are passed over."""
    query = (
        _SHOWN.where(_DOSE.state == DoseState.DUE.value, _DOSE.due_at <= before)
        .order_by(_MED.line_id, _DOSE.id)
        .limit(limit)
        .with_for_update(of=[tables.medication, tables.dose], skip_locked=True)
    )
    return _shown(await connection.execute(query))


async def on_ward(connection: AsyncConnection, ward: str) -> list[Shown]:
    """Every dose that is due or overdue in a ward."""
    query = _SHOWN.where(_DOSE.ward == ward, _DOSE.state.in_(_PENDING)).order_by(_DOSE.due_at, _DOSE.id)
    return _shown(await connection.execute(query))


async def as_needed_on_ward(connection: AsyncConnection, ward: str) -> list[Medication]:
    """What a ward may give as needed."""
    query = sa.select(tables.medication).where(
        _MED.ward == ward,
        _MED.state == OrderState.IN_FORCE.value,
        _MED.frequency_kind == FrequencyKind.AS_NEEDED.value,
    )
    return [_medication(row, "") for row in await connection.execute(query.order_by(_MED.line_id))]


async def of_admission(connection: AsyncConnection, admission_id: uuid.UUID) -> list[Medication]:
    """Every medication of an admission, oldest first."""
    query = sa.select(tables.medication).where(_MED.admission_id == admission_id).order_by(_MED.line_id)
    return [_medication(row, "") for row in await connection.execute(query)]


async def doses_page(
    connection: AsyncConnection,
    *,
    ward: str | None,
    admission_id: uuid.UUID | None,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Shown]:
    """Doses of a ward that are due, or all doses of an admission, by their moment."""
    query = _SHOWN.order_by(_DOSE.due_at, _DOSE.id).limit(limit)
    if ward is not None:
        query = query.where(_DOSE.ward == ward, _DOSE.state.in_(_PENDING))
    if admission_id is not None:
        query = query.where(_MED.admission_id == admission_id)
    if after is not None:
        query = query.where(sa.tuple_(_DOSE.due_at, _DOSE.id) > after)
    return _shown(await connection.execute(query))


async def add_administration(connection: AsyncConnection, administration: Administration) -> None:
    """Append what became of a dose; a second one for the same violates ``ipd_administration_once_key``."""
    await connection.execute(tables.administration.insert().values(asdict(administration)))


async def lock_administration(
    connection: AsyncConnection, administration_id: uuid.UUID
) -> Administration | None:
    """One administration of a locked medication, locked."""
    query = sa.select(tables.administration).where(_ADM.id == administration_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _administration(row) if row is not None else None


async def line_of_administration(
    connection: AsyncConnection, administration_id: uuid.UUID
) -> uuid.UUID | None:
    """Which medication an administration is of, unlocked: that is locked before it."""
    query = sa.select(_ADM.line_id).where(_ADM.id == administration_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def retract(connection: AsyncConnection, administration: Administration) -> None:
    """Write that a locked administration was entered in error."""
    await connection.execute(
        tables.administration.update()
        .where(_ADM.id == administration.id)
        .values(
            error_reason=administration.error_reason,
            error_by=administration.error_by,
            error_at=administration.error_at,
        )
    )


async def taken(
    connection: AsyncConnection, lines: Collection[uuid.UUID], since: datetime | None = None
) -> Mapping[uuid.UUID, list[datetime]]:
    """When doses of these medications were given, oldest first."""
    query = sa.select(_ADM.line_id, _ADM.occurred_at).where(
        _ADM.line_id.in_(lines), _ADM.error_at.is_(None), _ADM.outcome.in_(_TAKEN)
    )
    if since is not None:
        query = query.where(_ADM.occurred_at > since)
    found: dict[uuid.UUID, list[datetime]] = {line: [] for line in lines}
    for row in await connection.execute(query.order_by(_ADM.occurred_at, _ADM.id)):
        found[row.line_id].append(row.occurred_at)
    return found


async def administrations_page(
    connection: AsyncConnection, admission_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[Administration]:
    """What was recorded for an admission, newest first, retracted entries too."""
    query = (
        sa.select(tables.administration)
        .join(tables.medication, _MED.line_id == _ADM.line_id)
        .where(_MED.admission_id == admission_id)
        .order_by(_ADM.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(_ADM.id < before)
    return [_administration(row) for row in await connection.execute(query)]


async def shift_sum(connection: AsyncConnection, ward: str, due: int, overdue: int) -> Row[Any]:
    """Move the sums of a ward; answers them."""
    await connection.execute(
        insert(tables.medication_sum).values(ward=ward, due=0, overdue=0).on_conflict_do_nothing()
    )
    moved = await connection.execute(
        tables.medication_sum.update()
        .where(_SUM.ward == ward)
        .values(due=_SUM.due + due, overdue=_SUM.overdue + overdue)
        .returning(_SUM.due, _SUM.overdue)
    )
    return moved.one()


async def sum_of(connection: AsyncConnection, ward: str) -> Row[Any] | None:
    """The sums of a ward; None if nothing was ever due there."""
    query = sa.select(tables.medication_sum).where(tables.medication_sum.c.ward == ward)
    return (await connection.execute(query)).one_or_none()


async def due_of_admission(
    connection: AsyncConnection, admission_id: uuid.UUID, patient_id: uuid.UUID, at: datetime
) -> list[Shown]:
    """Doses of an admission whose moment has come by ``at`` and that nobody accounted for."""
    query = _SHOWN.where(
        _MED.admission_id == admission_id,
        _MED.patient_id == patient_id,
        _DOSE.state.in_(_PENDING),
        _DOSE.due_at <= at,
    )
    return _shown(await connection.execute(query.order_by(_DOSE.due_at, _DOSE.id)))


def _shown(found: Any) -> list[Shown]:
    return [(_medication(row, "m_"), _dose(row)) for row in found]


def _read(model: type[Any], row: Row[Any], prefix: str = "") -> dict[str, Any]:
    return {field.name: getattr(row, prefix + field.name) for field in fields(model)}


def _medication(row: Row[Any], prefix: str) -> Medication:
    values = _read(Medication, row, prefix)
    values["frequency_kind"] = FrequencyKind(values["frequency_kind"])
    values["times"] = tuple(values["times"])
    values["state"] = OrderState(values["state"])
    return Medication(**values)


def _dose(row: Row[Any]) -> Dose:
    values = _read(Dose, row)
    values["state"] = DoseState(values["state"])
    if values["cancelled_for"] is not None:
        values["cancelled_for"] = CancelledFor(values["cancelled_for"])
    return Dose(**values)


def _administration(row: Row[Any]) -> Administration:
    values = _read(Administration, row)
    return Administration(**{**values, "outcome": Outcome(values["outcome"])})
