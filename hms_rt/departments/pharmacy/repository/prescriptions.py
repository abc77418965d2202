"""Prescriptions, their lines, their history."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy import tables
from hms_rt.departments.pharmacy.model.prescription import (
    OPEN,
    WAITING,
    Line,
    Prescription,
    PrescriptionMove,
    PrescriptionState,
)
from hms_rt.departments.pharmacy.model.safety import SafetyWarning
from hms_rt.departments.pharmacy.repository import rows

_RX = tables.prescription.c
_LINE = tables.line.c
_WAITING = sorted(state.value for state in WAITING)
_OPEN = sorted(state.value for state in OPEN)
_TAKEN = sorted({*_WAITING, PrescriptionState.DISPENSED.value})
_IN_QUEUE = sa.and_(
    _RX.state.in_(_WAITING), sa.or_(_RX.clinic.is_not(None), _RX.ward.is_not(None), _RX.take_home)
)

Shown = tuple[Prescription, list[Line]]


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose prescriptions may be seen: those in these places (None: everywhere), and those by ``own``."""

    wards: Collection[str] | None
    clinics: Collection[str] | None
    own: uuid.UUID

    def within(self, page: sa.Select[Any]) -> sa.Select[Any]:
        """What is within reach of ``page``, prescriptions sorted and cut; to be sorted and cut again.

        Each way to see a prescription is a range of an index, cut by itself: an OR would read them all.
        """
        if self.wards is None or self.clinics is None:
            return page
        ways = [
            *(_RX.ward == ward for ward in sorted(self.wards)),
            *(_RX.clinic == clinic for clinic in sorted(self.clinics)),
            _RX.prescribed_by == self.own,
        ]
        either = sa.union(*(sa.select(page.where(way).subquery()) for way in ways)).subquery()
        return sa.select(either).order_by(either.c.id.desc())


@dataclass(frozen=True, slots=True)
class Recorded:
    """When, by whom and why a move was made."""

    id: uuid.UUID
    move: PrescriptionMove
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: uuid.UUID


async def add(connection: AsyncConnection, prescription: Prescription, lines: Sequence[Line]) -> Prescription:
    """Add a prescription with its lines; answers it with its number."""
    values = asdict(prescription)
    del values["number"]
    made = await connection.execute(tables.prescription.insert().values(values).returning(_RX.number))
    await connection.execute(tables.line.insert(), [asdict(line) for line in lines])
    return replace(prescription, number=made.scalar_one())


async def save(connection: AsyncConnection, prescription: Prescription) -> None:
    """Write a locked prescription, which carries its new version."""
    values = {
        "state": prescription.state.value,
        "ward": prescription.ward,
        "reason": prescription.reason,
        "version": prescription.version,
    }
    mine = sa.and_(_RX.id == prescription.id, _RX.version == prescription.version - 1)
    done = await connection.execute(tables.prescription.update().where(mine).values(values))
    if done.rowcount != 1:
        raise RuntimeError("a locked prescription was changed by somebody else")


async def save_line(connection: AsyncConnection, line: Line) -> None:
    """Write what was dispensed of a line whose prescription is locked, and whether an alert is open."""
    await connection.execute(
        tables.line.update()
        .where(_LINE.id == line.id)
        .values(dispensed=line.dispensed, not_dispensed=line.not_dispensed, allergy_alert=line.allergy_alert)
    )


async def add_event(
    connection: AsyncConnection, before: Prescription | None, after: Prescription, recorded: Recorded
) -> None:
    """Append a move to the history."""
    values = {
        **asdict(recorded),
        "prescription_id": after.id,
        "state_before": before.state.value if before is not None else None,
        "state_after": after.state.value,
        "reason": after.reason,
    }
    await connection.execute(tables.event.insert().values(values))


async def add_overrides(
    connection: AsyncConnection,
    overridden: Sequence[tuple[SafetyWarning, str]],
    by: uuid.UUID,
    at: datetime,
) -> None:
    """Append the warnings that were gone past, each with the reason."""
    if overridden:
        values = [
            {
                "line_id": warning.line_id,
                "kind": warning.kind.value,
                "warned": warning.text,
                "reason": reason,
                "overridden_by": by,
                "recorded_at": at,
            }
            for warning, reason in overridden
        ]
        await connection.execute(tables.override.insert(), values)


async def patient_of(connection: AsyncConnection, prescription_id: uuid.UUID) -> uuid.UUID | None:
    """Whose prescription it is, unlocked: the patient is locked before it."""
    query = sa.select(_RX.patient_id).where(_RX.id == prescription_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def lock(connection: AsyncConnection, prescription_id: uuid.UUID) -> Shown | None:
    """One prescription, locked, and its lines."""
    query = sa.select(tables.prescription).where(_RX.id == prescription_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return (await _with_lines(connection, [row]))[0] if row is not None else None


async def lock_of_patient(
    connection: AsyncConnection, patient_id: uuid.UUID, admission_id: uuid.UUID | None = None
) -> list[Shown]:
    """The prescriptions of a locked patient (of one admission) that are not over, locked by id."""
    query = (
        sa.select(tables.prescription)
        .where(_RX.patient_id == patient_id, _RX.state.in_([*_OPEN, PrescriptionState.DISPENSED.value]))
        .order_by(_RX.id)
        .with_for_update()
    )
    if admission_id is not None:
        query = query.where(_RX.admission_id == admission_id)
    return await _with_lines(connection, (await connection.execute(query)).all())


async def show_patient(
    connection: AsyncConnection, patient_id: uuid.UUID, name: str, mrn: str, *, restricted: bool
) -> None:
    """Copy how a locked patient is shown to every prescription, which locks them."""
    await connection.execute(
        tables.prescription.update()
        .where(_RX.patient_id == patient_id)
        .values(patient_name=name, mrn=mrn, restricted=restricted)
    )


async def find(connection: AsyncConnection, prescription_id: uuid.UUID) -> Shown | None:
    """One prescription and its lines, as last committed."""
    query = sa.select(tables.prescription).where(_RX.id == prescription_id)
    row = (await connection.execute(query)).one_or_none()
    return (await _with_lines(connection, [row]))[0] if row is not None else None


async def queue(connection: AsyncConnection, dispensary: str) -> list[Shown]:
    """What a dispensary's room shows."""
    query = sa.select(tables.prescription).where(_RX.dispensary == dispensary, _IN_QUEUE).order_by(_RX.id)
    return await _with_lines(connection, (await connection.execute(query)).all())


async def page(
    connection: AsyncConnection,
    reach: Reach,
    *,
    number: int | None,
    patient_id: uuid.UUID | None,
    admission_id: uuid.UUID | None,
    dispensary: str | None,
    state: PrescriptionState | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[Shown]:
    """At most ``limit`` prescriptions within reach, newest first."""
    query = sa.select(tables.prescription).order_by(_RX.id.desc()).limit(limit)
    for column, wanted in (
        (_RX.number, number),
        (_RX.patient_id, patient_id),
        (_RX.admission_id, admission_id),
        (_RX.dispensary, dispensary),
        (_RX.state, state),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(_RX.id < before)
    return await _with_lines(connection, (await connection.execute(reach.within(query).limit(limit))).all())


async def taken(
    connection: AsyncConnection, patient_id: uuid.UUID, without: uuid.UUID, at: datetime
) -> list[Line]:
    """The lines of the patient's other prescriptions whose course is not over."""
    query = (
        sa.select(tables.line)
        .join(tables.prescription, _LINE.prescription_id == _RX.id)
        .where(_RX.patient_id == patient_id, _RX.state.in_(_TAKEN), _RX.id != without, _LINE.ends_at > at)
        .order_by(_LINE.id)
    )
    return [rows.line(row) for row in await connection.execute(query)]


async def events(connection: AsyncConnection, prescription_id: uuid.UUID) -> list[Row[Any]]:
    """The history of a prescription, oldest first."""
    query = (
        sa.select(tables.event)
        .where(tables.event.c.prescription_id == prescription_id)
        .order_by(tables.event.c.id)
    )
    return list(await connection.execute(query))


async def overrides(connection: AsyncConnection, lines: Collection[uuid.UUID]) -> list[Row[Any]]:
    """The warnings gone past, of these lines."""
    query = (
        sa.select(tables.override)
        .where(tables.override.c.line_id.in_(lines))
        .order_by(*tables.override.primary_key.columns)
    )
    return list(await connection.execute(query))


async def open_of_admission(
    connection: AsyncConnection, patient_id: uuid.UUID, admission_id: uuid.UUID, at: datetime
) -> list[Shown]:
    """The open prescriptions of an admission.

    Those that the ward gives count while a course lasts at ``at``; drafts and what is to be taken home always
    do.
    """
    lasting = sa.exists().where(_LINE.prescription_id == _RX.id, _LINE.ends_at > at)
    still = sa.or_(_RX.state == PrescriptionState.DRAFT.value, _RX.take_home, lasting)
    query = (
        sa.select(tables.prescription)
        .where(_RX.patient_id == patient_id, _RX.admission_id == admission_id, _RX.state.in_(_OPEN), still)
        .order_by(_RX.id)
    )
    return await _with_lines(connection, (await connection.execute(query)).all())


async def _with_lines(connection: AsyncConnection, found: Sequence[Row[Any]]) -> list[Shown]:
    if not found:
        return []
    query = (
        sa.select(tables.line)
        .where(_LINE.prescription_id.in_([row.id for row in found]))
        .order_by(_LINE.prescription_id, _LINE.position)
    )
    lines: dict[uuid.UUID, list[Line]] = defaultdict(list)
    for row in await connection.execute(query):
        lines[row.prescription_id].append(rows.line(row))
    return [(rows.prescription(row), lines[row.id]) for row in found]
