"""Turns events into changes of the clinics' streams."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hms_rt.departments.opd import views
from hms_rt.departments.opd.events import (
    AppointmentChanged,
    ClinicDefined,
    CounterChanged,
    DayReached,
    QueueChanged,
    TokenIssued,
    TokenMoved,
)
from hms_rt.departments.opd.model.appointment import OPEN, Appointment, AppointmentMove, AppointmentState
from hms_rt.departments.opd.model.token import UNFINISHED, Token, TokenState
    """A patient's new name reaches queues and lists of appointments; the patient is locked."""
    await show_patient(uow, event.patient, Cause.RENAMED)


async def show_patient(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    """Tokens and appointments of a locked patient carry, and rooms show, the patient as given."""
    await _show_tokens(uow, patient, cause)
    booked = await appointments.lock_of_patient(uow.connection, patient.id)
    await appointments.rename(uow.connection, [held.id for held in booked], patient.name, patient.mrn)
    for held in sorted(booked, key=lambda held: held.clinic):
        if held.state in OPEN:
            uow.record(
                AppointmentChanged(held.id, held.patient_id, held.clinic, held.day, held.state, cause)
            )


async def _show_tokens(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    held = await tokens.lock_of_patient(uow.connection, patient.id)
    if not held:
        return
    await tokens.rename(uow.connection, [token.id for token in held], patient.name, patient.mrn)
    for token in held:
        if token.state in UNFINISHED:
            renamed = replace(token, patient_name=patient.name, mrn=patient.mrn)
            _put_value(uow, renamed, cause)


async def _fulfil(uow: UnitOfWork, event: TokenMoved) -> None:
    """Who was seen has had the appointment that the token was issued for."""
    held = await appointments.lock_of_token(uow.connection, event.token_id)
    if held is None or held.state is not AppointmentState.ARRIVED:
        return
    after = held.moved(AppointmentMove.FULFIL, uow.now)
    await appointments.save(uow.connection, after)
    await appointments.remember(
        uow.connection, held.state, after, AppointmentMove.FULFIL, uow.principal.id, uow.now
    )
    uow.record(
        AppointmentChanged(after.id, after.patient_id, after.clinic, after.day, after.state, Cause.DONE)
    )


async def _put_token(uow: UnitOfWork, event: TokenIssued | TokenMoved) -> None:
    """The token is locked or new, so what is read here is what commits."""
    token = await tokens.find(uow.connection, event.token_id)
    if token is not None:
        _put_value(uow, token, event.cause)


def _put_value(uow: UnitOfWork, token: Token, cause: Cause) -> None:
    _put(uow, token.clinic, views.token_key(token.id), cause, views.token_value(token))


async def _put_clinic(uow: UnitOfWork, code: str, cause: Cause) -> None:
    """On the queue and on the list of the day."""
    (row,) = await clinics.clinics(uow.connection, code)
    value = views.clinic_value(row.code, row.name, row.day)
    _put(uow, code, views.CLINIC_KEY, cause, value)
    uow.change(Change(views.day_stream(code), Op.PUT, views.CLINIC_KEY, cause, value))


async def _put_summary(uow: UnitOfWork, clinic: str) -> None:
    """A statement of its own after the update that locked the row: it sees every sum committed before."""
    row = await queues.summary(uow.connection, clinic)
    _put(uow, clinic, views.SUMMARY_KEY, Cause.COUNT, views.summary_value(row))


def _put(uow: UnitOfWork, clinic: str, key: str, cause: Cause, value: Value) -> None:
    uow.change(Change(views.clinic_stream(clinic), Op.PUT, key, cause, value))


def _put_appointment(uow: UnitOfWork, appointment: Appointment, cause: Cause) -> None:
    key, value = views.appointment_key(appointment.id), views.appointment_value(appointment)
    uow.change(Change(views.day_stream(appointment.clinic), Op.PUT, key, cause, value))


def _remove_appointment(uow: UnitOfWork, clinic: str, appointment_id: uuid.UUID, cause: Cause) -> None:
    key = views.appointment_key(appointment_id)
    uow.change(Change(views.day_stream(clinic), Op.REMOVE, key, cause))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    ClinicDefined: (clinic_defined,),
    DayReached: (day_reached,),
    CounterChanged: (counter_changed,),
    TokenIssued: (token_issued,),
    TokenMoved: (token_moved,),
    QueueChanged: (queue_changed,),
    AppointmentChanged: (appointment_changed,),
    PatientRenamed: (patient_renamed,),
}
