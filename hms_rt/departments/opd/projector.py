"""Turns events into changes of the streams of clinics and doctors."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hms_rt.departments.lab.events import LabTestsChanged
from hms_rt.departments.opd import views
from hms_rt.departments.opd.deaths import patient_died
from hms_rt.departments.opd.events import (
    AppointmentChanged,
    ClinicChanged,
    ClinicDefined,
    CounterChanged,
    DayReached,
    LineMoved,
    QueueChanged,
    TokenGiven,
    TokenIssued,
    TokenMoved,
)
from hms_rt.departments.opd.model.appointment import OPEN, Appointment, AppointmentMove, AppointmentState
from hms_rt.departments.opd.model.token import UNFINISHED, Token, TokenState
from hms_rt.departments.opd.model.visit import VisitMove
from hms_rt.departments.opd.model.visit import legal_moves as visit_moves
from hms_rt.departments.opd.repository import appointments, clinics, lines, queues, tokens, visits
from hms_rt.departments.opd.repository.moves import move_appointment, move_visit
from hms_rt.departments.patients.events import PatientBrief, PatientDied, PatientRenamed, RestrictionChanged
from hms_rt.kernel.changes import Cause, Change, Event, Op, Value
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

SEEN = frozenset({TokenState.DONE, TokenState.TRANSFERRED})
"""The patient was with somebody: an appointment has been kept."""

GONE = frozenset({TokenState.CANCELLED, TokenState.CLOSED})
"""Nobody will call the patient any more."""


async def clinic_defined(uow: UnitOfWork, event: ClinicDefined) -> None:
    """Publish the clinic and its empty sums."""
    await _put_clinic(uow, event.clinic, Cause.DEFINED)
    await _put_line(uow, event.clinic)
    await _put_summary(uow, event.clinic)


async def clinic_changed(uow: UnitOfWork, event: ClinicChanged) -> None:
    """Publish the clinic as it is now."""
    await _put_clinic(uow, event.clinic, Cause.DEFINED)


async def line_moved(uow: UnitOfWork, event: LineMoved) -> None:
    """Publish whose turn it is."""
    await _put_line(uow, event.clinic)


async def day_reached(uow: UnitOfWork, event: DayReached) -> None:
    """Let the clinic's queue go on to a later day, and publish it with the sums of that day."""
    before = await queues.open_day(uow.connection, event.clinic, event.day)
    if before is None:
        return
    await _put_clinic(uow, event.clinic, Cause.DAY_END)
    await _put_summary(uow, event.clinic)
    for gone in await appointments.of_day(uow.connection, event.clinic, before):
        _remove_appointment(uow, AppointmentChanged.of(gone, Cause.DAY_END))
    for coming in await appointments.of_day(uow.connection, event.clinic, event.day):
        _put_appointment(uow, coming, Cause.DAY_END)


async def counter_changed(uow: UnitOfWork, event: CounterChanged) -> None:
    """Publish the counter, and the sums with as many open counters as there are now."""
    (row,) = await clinics.counters(uow.connection, code=event.counter)
    _put(uow, event.clinic, views.counter_key(event.counter), Cause.STATUS, views.counter_value(row))
    await queues.shift_counters(uow.connection, event.clinic, event.opened)
    await _put_summary(uow, event.clinic)


async def token_issued(uow: UnitOfWork, event: TokenIssued) -> None:
    """Publish a token that joined the queue."""
    await _put_token(uow, event)


async def token_moved(uow: UnitOfWork, event: TokenMoved) -> None:
    """Publish the token as it is now, or take it off the board when it is finished."""
    if event.after in SEEN:
        await _fulfil(uow, event)
    if event.after in GONE:
        await _left(uow, event)
    if event.after in UNFINISHED:
        await _put_token(uow, event)
        return
    _remove(uow, views.clinic_stream(event.clinic), views.token_key(event.token_id), event.cause)
    if event.doctor_id is not None:
        _remove(uow, views.doctor_stream(event.doctor_id), views.token_key(event.token_id), event.cause)


async def token_given(uow: UnitOfWork, event: TokenGiven) -> None:
    """The token leaves the list of the doctor who was waited for, and joins that of who sees the patient."""
    if event.before is not None:
        _remove(uow, views.doctor_stream(event.before), views.token_key(event.token_id), Cause.SERVING)
    token = await tokens.find(uow.connection, event.token_id)
    if token is not None:
        _put_value(uow, token, Cause.SERVING)


async def queue_changed(uow: UnitOfWork, event: QueueChanged) -> None:
    """Move the counts by what the tokens did, and publish the sums."""
    by_day: dict[date, dict[TokenState, int]] = defaultdict(lambda: defaultdict(int))
    for step in event.steps:
        if step.before is not None:
            by_day[step.day][step.before] -= 1
        by_day[step.day][step.after] += 1
    await queues.shift(uow.connection, event.clinic, by_day)
    if any(step.after is TokenState.DONE for step in event.steps):
        await queues.measure_services(uow.connection, event.clinic)
    await _put_summary(uow, event.clinic)


async def appointment_changed(uow: UnitOfWork, event: AppointmentChanged) -> None:
    """Publish an appointment of the day that the clinic is in, or take it off its list.

    The day is locked: an appointment is shown by who books it, or by who opens its day, whoever is first.
    """
    day = await queues.lock_day(uow.connection, event.clinic)
    if event.after not in OPEN and event.day <= day:
        _remove_appointment(uow, event)
    elif event.after in OPEN and event.day == day:
        appointment = await appointments.find(uow.connection, event.appointment_id)
        if appointment is not None:
            _put_appointment(uow, appointment, event.cause)


async def patient_renamed(uow: UnitOfWork, event: PatientRenamed) -> None:
    """A patient's new name reaches queues and lists of appointments; the patient is locked."""
    await show_patient(uow, event.patient, Cause.RENAMED)


async def restriction_changed(uow: UnitOfWork, event: RestrictionChanged) -> None:
    """Who does not treat sees the patient's name no more, or again; the patient is locked."""
    await show_patient(uow, event.patient, Cause.RESTRICTED)


async def show_patient(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    """Tokens and appointments of a locked patient carry, and rooms show, the patient as given."""
    await _show_tokens(uow, patient, cause)
    await visits.rename(uow.connection, patient.id, patient.name, patient.mrn)
    booked = await appointments.lock_of_patient(uow.connection, patient.id)
    await appointments.show(
        uow.connection,
        [held.id for held in booked],
        patient.name,
        patient.mrn,
        restricted=patient.restricted,
    )
    for held in sorted(booked, key=lambda held: held.clinic):
        if held.state in OPEN:
            uow.record(AppointmentChanged.of(held, cause))


async def _show_tokens(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    held = await tokens.lock_of_patient(uow.connection, patient.id)
    if not held:
        return
    await tokens.show(
        uow.connection,
        [token.id for token in held],
        patient.name,
        patient.mrn,
        restricted=patient.restricted,
    )
    for token in held:
        if token.state in UNFINISHED:
            renamed = replace(
                token, patient_name=patient.name, mrn=patient.mrn, restricted=patient.restricted
            )
            _put_value(uow, renamed, cause)


async def _fulfil(uow: UnitOfWork, event: TokenMoved) -> None:
    """Who was seen has had the appointment that the token was issued for."""
    held = await appointments.lock_of_token(uow.connection, event.token_id)
    if held is None or held.state is not AppointmentState.ARRIVED:
        return
    after = held.moved(AppointmentMove.FULFIL, max(uow.now, held.since))
    await move_appointment(uow, AppointmentMove.FULFIL, held, after)


async def _left(uow: UnitOfWork, event: TokenMoved) -> None:
    """A visit that waits for a number which nobody will call is over."""
    visit = await visits.lock_of_token(uow.connection, event.token_id)
    if visit is None or VisitMove.LEAVE not in visit_moves(visit.state):
        return
    token = await tokens.find(uow.connection, event.token_id)
    reason = token.reason if token is not None and token.reason else "the number was closed"
    after = visit.moved(VisitMove.LEAVE, max(uow.now, visit.since), reason=reason)
    await move_visit(uow, VisitMove.LEAVE, visit, after)


async def lab_tests_changed(uow: UnitOfWork, event: LabTestsChanged) -> None:
    """What a clinic orders for a patient belongs to the patient's open visit there; the patient is locked."""
    ordered = {
        change.order.id: change.order
        for change in event.changes
        if change.before is None and change.order.clinic is not None
    }
    for order in ordered.values():
        visit = await visits.find_open(uow.connection, order.patient_id, order.clinic or "")
        if visit is not None:
            await visits.add_order(uow.connection, visit.id, order.id, order.ordered_at)


async def _put_token(uow: UnitOfWork, event: TokenIssued | TokenMoved) -> None:
    """The token is locked or new, so what is read here is what commits."""
    token = await tokens.find(uow.connection, event.token_id)
    if token is not None:
        _put_value(uow, token, event.cause)


def _put_value(uow: UnitOfWork, token: Token, cause: Cause) -> None:
    key, value = views.token_key(token.id), views.token_value(token)
    _put(uow, token.clinic, key, cause, value)
    if token.doctor_id is not None:
        stream = views.doctor_stream(token.doctor_id)
        uow.change(Change(stream, Op.PUT, key, cause, views.of_doctor(token.clinic, value)))


async def _put_clinic(uow: UnitOfWork, code: str, cause: Cause) -> None:
    """On the queue and on the list of the day."""
    (row,) = await clinics.clinics(uow.connection, code)
    value = views.clinic_value(row.code, row.name, row.day)
    said = await lines.announcements(uow.connection, code)
    _put(uow, code, views.CLINIC_KEY, cause, views.announcing(value, said))
    uow.change(Change(views.day_stream(code), Op.PUT, views.CLINIC_KEY, cause, value))


async def _put_line(uow: UnitOfWork, clinic: str) -> None:
    value = views.line_value(await lines.line(uow.connection, clinic))
    _put(uow, clinic, views.LINE_KEY, Cause.COUNT, value)


async def _put_summary(uow: UnitOfWork, clinic: str) -> None:
    """A statement of its own after the update that locked the row: it sees every sum committed before."""
    row = await queues.summary(uow.connection, clinic)
    _put(uow, clinic, views.SUMMARY_KEY, Cause.COUNT, views.summary_value(row))


def _put(uow: UnitOfWork, clinic: str, key: str, cause: Cause, value: Value) -> None:
    uow.change(Change(views.clinic_stream(clinic), Op.PUT, key, cause, value))


def _put_appointment(uow: UnitOfWork, appointment: Appointment, cause: Cause) -> None:
    key, value = views.appointment_key(appointment.id), views.appointment_value(appointment)
    uow.change(Change(views.day_stream(appointment.clinic), Op.PUT, key, cause, value))
    stream = views.doctor_stream(appointment.doctor_id)
    uow.change(Change(stream, Op.PUT, key, cause, views.of_doctor(appointment.clinic, value)))


def _remove_appointment(uow: UnitOfWork, event: AppointmentChanged) -> None:
    key = views.appointment_key(event.appointment_id)
    for stream in (views.day_stream(event.clinic), views.doctor_stream(event.doctor_id)):
        _remove(uow, stream, key, event.cause)


def _remove(uow: UnitOfWork, stream: str, key: str, cause: Cause) -> None:
    uow.change(Change(stream, Op.REMOVE, key, cause))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    ClinicDefined: (clinic_defined,),
    ClinicChanged: (clinic_changed,),
    LineMoved: (line_moved,),
    DayReached: (day_reached,),
    CounterChanged: (counter_changed,),
    TokenIssued: (token_issued,),
    TokenMoved: (token_moved,),
    TokenGiven: (token_given,),
    QueueChanged: (queue_changed,),
    AppointmentChanged: (appointment_changed,),
    PatientRenamed: (patient_renamed,),
    PatientDied: (patient_died,),
    RestrictionChanged: (restriction_changed,),
    LabTestsChanged: (lab_tests_changed,),
}
