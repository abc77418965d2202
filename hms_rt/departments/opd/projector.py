"""Turns events into changes of the clinics' streams."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hms_rt.departments.opd import views
from hms_rt.departments.opd.events import (
    ClinicDefined,
    CounterChanged,
    DayReached,
    QueueChanged,
    TokenIssued,
    TokenMoved,
)
from hms_rt.departments.opd.model.token import UNFINISHED, Token, TokenState
from hms_rt.departments.opd.repository import clinics, queues, tokens
from hms_rt.departments.patients.events import PatientBrief, PatientRenamed
from hms_rt.kernel.changes import Cause, Change, Event, Op, Value
from hms_rt.storage.unit_of_work import Projector, UnitOfWork


async def clinic_defined(uow: UnitOfWork, event: ClinicDefined) -> None:
    """Publish the clinic and its empty sums."""
    await _put_clinic(uow, event.clinic, Cause.DEFINED)
    await _put_summary(uow, event.clinic)


async def day_reached(uow: UnitOfWork, event: DayReached) -> None:
    """Let the clinic's queue go on to a later day, and publish it with the sums of that day."""
    if not await queues.open_day(uow.connection, event.clinic, event.day):
        return
    await _put_clinic(uow, event.clinic, Cause.DAY_END)
    await _put_summary(uow, event.clinic)


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
    if event.after in UNFINISHED:
        await _put_token(uow, event)
        return
    stream = views.clinic_stream(event.clinic)
    uow.change(Change(stream, Op.REMOVE, views.token_key(event.token_id), event.cause))


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


async def patient_renamed(uow: UnitOfWork, event: PatientRenamed) -> None:
    """A patient's new name reaches the queues where the patient waits; the patient is locked."""
    await show_patient(uow, event.patient, Cause.RENAMED)


async def show_patient(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    """The tokens of a locked patient carry, and the queues show, the patient as given."""
    held = await tokens.lock_of_patient(uow.connection, patient.id)
    if not held:
        return
    await tokens.rename(uow.connection, [token.id for token in held], patient.name, patient.mrn)
    for token in held:
        if token.state in UNFINISHED:
            renamed = replace(token, patient_name=patient.name, mrn=patient.mrn)
            _put_value(uow, renamed, cause)


async def _put_token(uow: UnitOfWork, event: TokenIssued | TokenMoved) -> None:
    """The token is locked or new, so what is read here is what commits."""
    token = await tokens.find(uow.connection, event.token_id)
    if token is not None:
        _put_value(uow, token, event.cause)


def _put_value(uow: UnitOfWork, token: Token, cause: Cause) -> None:
    _put(uow, token.clinic, views.token_key(token.id), cause, views.token_value(token))


async def _put_clinic(uow: UnitOfWork, code: str, cause: Cause) -> None:
    (row,) = await clinics.clinics(uow.connection, code)
    _put(uow, code, views.CLINIC_KEY, cause, views.clinic_value(row.code, row.name, row.day))


async def _put_summary(uow: UnitOfWork, clinic: str) -> None:
    """A statement of its own after the update that locked the row: it sees every sum committed before."""
    row = await queues.summary(uow.connection, clinic)
    _put(uow, clinic, views.SUMMARY_KEY, Cause.COUNT, views.summary_value(row))


def _put(uow: UnitOfWork, clinic: str, key: str, cause: Cause, value: Value) -> None:
    uow.change(Change(views.clinic_stream(clinic), Op.PUT, key, cause, value))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    ClinicDefined: (clinic_defined,),
    DayReached: (day_reached,),
    CounterChanged: (counter_changed,),
    TokenIssued: (token_issued,),
    TokenMoved: (token_moved,),
    QueueChanged: (queue_changed,),
    PatientRenamed: (patient_renamed,),
}
