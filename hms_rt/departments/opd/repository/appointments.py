"""SQL of appointments. Slots are locked before the appointments in them, several in order of id."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.model.appointment import (
    OPEN,
    Appointment,
    AppointmentMove,
    AppointmentState,
)

_APPOINTMENT = tables.appointment.c
_SLOT = tables.slot.c
_BY_TIME = (_APPOINTMENT.starts_at, _APPOINTMENT.id)

# A rescheduled appointment is several rows: back to the first, then on to the last.
_WHOLE_WAY = sa.text(
    """
    WITH RECURSIVE before AS (
        SELECT id, rescheduled_from FROM opd_appointment WHERE id = :id
        UNION ALL SELECT a.id, a.rescheduled_from FROM opd_appointment a JOIN before b
            ON a.id = b.rescheduled_from
    ), way AS (
        SELECT id FROM before WHERE rescheduled_from IS NULL
        UNION ALL SELECT a.id FROM opd_appointment a JOIN way w ON a.rescheduled_from = w.id
    )
    SELECT e.* FROM opd_appointment_event e JOIN way ON e.appointment_id = way.id ORDER BY e.id
    """
)


def _from_row(row: Row[Any]) -> Appointment:
    values = row._asdict()
    clinic, state = values.pop("clinic_code"), AppointmentState(values.pop("state"))
    return Appointment(**values, clinic=clinic, state=state)


def _columns(appointment: Appointment) -> dict[str, Any]:
    values = asdict(appointment)
    values["clinic_code"] = values.pop("clinic")
    return values


async def _read(connection: AsyncConnection, query: sa.Select[Any]) -> list[Appointment]:
    return [_from_row(row) for row in await connection.execute(query)]


async def insert(connection: AsyncConnection, appointment: Appointment) -> None:
    """Add an appointment; the database takes its place in the slot, or refuses."""
    await connection.execute(tables.appointment.insert().values(_columns(appointment)))


async def save(connection: AsyncConnection, appointment: Appointment) -> None:
    """Write a locked appointment as a move left it."""
    query = tables.appointment.update().where(_APPOINTMENT.id == appointment.id)
    await connection.execute(query.values(_columns(appointment)))


async def remember(
    connection: AsyncConnection,
    before: AppointmentState | None,
    appointment: Appointment,
    move: AppointmentMove | None,
    principal_id: uuid.UUID,
    now: datetime,
) -> None:
    """Add to the history how an appointment came to its state; ``move`` None: it was booked."""
    await connection.execute(
        tables.appointment_event.insert().values(
            appointment_id=appointment.id,
            move=move.value if move is not None else "book",
            before=before.value if before is not None else None,
            after=appointment.state.value,
            occurred_at=appointment.since,
            recorded_at=now,
            principal_id=principal_id,
            reason=appointment.reason,
        )
    )


async def find(connection: AsyncConnection, appointment_id: uuid.UUID) -> Appointment | None:
    """One appointment."""
    found = await _read(connection, sa.select(tables.appointment).where(_APPOINTMENT.id == appointment_id))
    return found[0] if found else None


async def lock(connection: AsyncConnection, appointment_id: uuid.UUID) -> Appointment | None:
    """Lock one appointment."""
    query = sa.select(tables.appointment).where(_APPOINTMENT.id == appointment_id).with_for_update()
    found = await _read(connection, query)
    return found[0] if found else None


async def lock_of_token(connection: AsyncConnection, token_id: uuid.UUID) -> Appointment | None:
    """Lock the appointment that a token was issued for."""
    query = sa.select(tables.appointment).where(_APPOINTMENT.token_id == token_id).with_for_update()
    found = await _read(connection, query)
    return found[0] if found else None


async def lock_missed(
    connection: AsyncConnection, clinic: str, until: date, now: datetime, *, only: date | None = None
) -> list[Appointment]:
    """Lock what is still booked for days up to ``until``, or for the day ``only``, and over by now."""
    query = sa.select(tables.appointment).where(
        _APPOINTMENT.clinic_code == clinic,
        _APPOINTMENT.day <= until if only is None else _APPOINTMENT.day == only,
        _APPOINTMENT.ends_at <= now,
        _APPOINTMENT.state == AppointmentState.BOOKED.value,
    )
    return await _read(connection, query.order_by(_APPOINTMENT.id).with_for_update())


async def lock_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Appointment]:
    """Lock the patient's appointments; the patient is locked, so that none is added meanwhile."""
    query = sa.select(tables.appointment).where(_APPOINTMENT.patient_id == patient_id)
    return await _read(connection, query.order_by(_APPOINTMENT.id).with_for_update())


async def booked_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Appointment]:
    """What a patient is booked into, unlocked: slots are locked before appointments."""
    query = sa.select(tables.appointment).where(
        _APPOINTMENT.patient_id == patient_id, _APPOINTMENT.state == AppointmentState.BOOKED.value
    )
    return await _read(connection, query)


async def show(
    connection: AsyncConnection, ids: Collection[uuid.UUID], name: str, mrn: str, *, restricted: bool
) -> None:
    """Copy how a patient is shown to these appointments."""
    query = tables.appointment.update().where(_APPOINTMENT.id.in_(ids))
    await connection.execute(query.values(patient_name=name, mrn=mrn, restricted=restricted))


async def of_day(connection: AsyncConnection, clinic: str, day: date) -> list[Appointment]:
    """What the clinic's list of a day shows: booked and arrived."""
    query = sa.select(tables.appointment).where(
        _APPOINTMENT.clinic_code == clinic,
        _APPOINTMENT.day == day,
        _APPOINTMENT.state.in_(sorted(OPEN)),
    )
    return await _read(connection, query.order_by(*_BY_TIME))


async def of_doctor(connection: AsyncConnection, doctor_id: uuid.UUID) -> list[Appointment]:
    """A doctor's booked and arrived appointments, in each clinic of the day that it is in."""
    query = (
        sa.select(tables.appointment)
        .join(tables.summary, tables.summary.c.clinic_code == _APPOINTMENT.clinic_code)
        .where(
            _APPOINTMENT.doctor_id == doctor_id,
            _APPOINTMENT.day == tables.summary.c.day,
            _APPOINTMENT.state.in_(sorted(OPEN)),
        )
    )
    return await _read(connection, query.order_by(*_BY_TIME))


async def page(
    connection: AsyncConnection,
    reach: Collection[str] | None,
    *,
    clinic: str | None,
    doctor: uuid.UUID | None,
    patient: uuid.UUID | None,
    since: datetime | None,
    until: datetime | None,
    state: AppointmentState | None,
    to_move: bool,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Appointment]:
    """Appointments by time, in the clinics of ``reach`` (None: all); ``to_move`` those alone that are open
    in a slot that is blocked or withdrawn."""
    query = sa.select(tables.appointment)
    if reach is not None:
        query = query.where(_APPOINTMENT.clinic_code.in_(sorted(reach)))
    equal = ((_APPOINTMENT.clinic_code, clinic), (_APPOINTMENT.doctor_id, doctor))
    for column, wanted in (*equal, (_APPOINTMENT.patient_id, patient), (_APPOINTMENT.state, state)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(_APPOINTMENT.starts_at >= since)
    if until is not None:
        query = query.where(_APPOINTMENT.starts_at < until)
    if to_move:
        query = query.join(tables.slot, _SLOT.id == _APPOINTMENT.slot_id).where(
            _APPOINTMENT.state == AppointmentState.BOOKED.value,
            sa.or_(_SLOT.absence_id.is_not(None), _SLOT.withdrawn.is_not(None)),
        )
    if after is not None:
        query = query.where(sa.tuple_(*_BY_TIME) > sa.tuple_(*map(sa.literal, after)))
    return await _read(connection, query.order_by(*_BY_TIME).limit(limit))


async def history(connection: AsyncConnection, appointment_id: uuid.UUID) -> Sequence[Row[Any]]:
    """Every change of state of an appointment, through all its times, oldest first."""
    return (await connection.execute(_WHOLE_WAY, {"id": appointment_id})).all()
