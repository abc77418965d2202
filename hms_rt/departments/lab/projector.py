"""Turns events into changes of the worklist and of the rooms of wards and clinics."""

from collections.abc import Sequence
from dataclasses import replace

from hms_rt.departments.ipd.events import StayMoved
from hms_rt.departments.lab import views
from hms_rt.departments.lab.deaths import patient_died
from hms_rt.departments.lab.events import AlertChanged, BoardTrimmed, LabChange, LabTestsChanged
from hms_rt.departments.lab.model.labtest import FINISHED, LabState
from hms_rt.departments.lab.repository import alerts, labtests
from hms_rt.departments.patients.events import PatientBrief, PatientDied, PatientRenamed, RestrictionChanged
from hms_rt.kernel.changes import Cause, Change, Event, Op
from hms_rt.storage.unit_of_work import Projector, UnitOfWork


async def tests_changed(uow: UnitOfWork, event: LabTestsChanged) -> None:
    """Publish each test where it is shown, and remove it where it no longer is.

    Order and tests are locked by whoever recorded the event, so what it carries is what commits.
    """
    for change in event.changes:
        _publish(uow, change, event.cause)


def _publish(uow: UnitOfWork, change: LabChange, cause: Cause) -> None:
    before, after = change.before, change.after
    key, value = views.key(after.id), views.value(change.order, after)
    if after.state not in FINISHED:
        uow.change(Change(views.WORKLIST_STREAM, Op.PUT, key, cause, value))
    elif before is not None and before.state not in FINISHED:
        uow.change(Change(views.WORKLIST_STREAM, Op.REMOVE, key, cause))
    if before is not None and before.board is not None and before.board != after.board:
        uow.change(Change(views.board_stream(before.board), Op.REMOVE, key, cause))
    if after.board is not None:
        uow.change(Change(views.board_stream(after.board), Op.PUT, key, cause, value))


async def alert_changed(uow: UnitOfWork, event: AlertChanged) -> None:
    """Publish an alert in the laboratory and where the patient is, until a clinician acknowledges it."""
    alert, key = event.alert, views.alert_key(event.alert.id)
    there = views.board_stream(alert.place)
    if event.left is not None and event.left != alert.place:
        uow.change(Change(views.board_stream(event.left), Op.REMOVE, key, event.cause))
    for stream in (views.ALERTS_STREAM, there):
        if alert.waiting:
            value = views.alert_value(event.order, event.test, alert)
            uow.change(Change(stream, Op.PUT, key, event.cause, value))
        else:
            uow.change(Change(stream, Op.REMOVE, key, event.cause))


async def board_trimmed(uow: UnitOfWork, event: BoardTrimmed) -> None:
    """Remove what gave way to newer results."""
    for test_id in event.test_ids:
        uow.change(Change(views.board_stream(event.board), Op.REMOVE, views.key(test_id), Cause.COUNT))


async def stay_moved(uow: UnitOfWork, event: StayMoved) -> None:
    """A patient's orders follow from ward to ward, and from a clinic on admission.

    When the patient departs, released tests leave the ward's room; what is still awaited stays, so that
    somebody sees it. The patient is locked by whoever recorded the event; the orders are locked here.
    """
    if event.from_ward == event.to_ward:
        return
    await labtests.lock_orders_of(uow.connection, event.patient_id)
    if event.to_ward is not None:
        await labtests.follow(uow.connection, event.patient_id, event.from_ward, event.to_ward)
    shown = await labtests.lock_on_boards(uow.connection, event.patient_id)
    moving: list[LabChange] = []
    for order, test in shown:
        if event.to_ward is not None:
            moving.append(LabChange(order, test, test.moved_to(order.location)))
        elif test.state is LabState.RELEASED and test.board == f"ward:{event.from_ward}":
            moving.append(LabChange(order, test, test.moved_to(None)))
    saved = await labtests.save(uow.connection, [change.after for change in moving])
    changes = tuple(replace(change, after=after) for change, after in zip(moving, saved, strict=True))
    cause = Cause.MOVED if event.to_ward is not None else Cause.LEFT
    await tests_changed(uow, LabTestsChanged(changes, cause))
    await _alerts_follow(uow, event)


async def _alerts_follow(uow: UnitOfWork, event: StayMoved) -> None:
    """What no clinician has acknowledged goes where the patient goes; of a departed one it stays."""
    before = {
        alert.id: alert.place for alert, *_ in await alerts.of_patient(uow.connection, event.patient_id)
    }
    moved = await alerts.follow(uow.connection, event.patient_id)
    for alert, order, test in await alerts.of_patient(uow.connection, event.patient_id):
        if alert.id in moved:
            changed = AlertChanged(order, test, alert, Cause.MOVED, before[alert.id])
            await alert_changed(uow, changed)


async def patient_renamed(uow: UnitOfWork, event: PatientRenamed) -> None:
    """A patient's new name reaches every room that shows one of the patient's tests."""
    await show_patient(uow, event.patient, Cause.RENAMED)


async def restriction_changed(uow: UnitOfWork, event: RestrictionChanged) -> None:
    """Who does not treat sees the patient's name no more, or again; the patient is locked."""
    await show_patient(uow, event.patient, Cause.RESTRICTED)


async def show_patient(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    """The orders of a locked patient carry, and every room shows, the patient as given."""
    await labtests.show_patient(
        uow.connection, patient.id, patient.name, patient.mrn, restricted=patient.restricted
    )
    shown = await labtests.lock_on_boards(uow.connection, patient.id)
    changes = tuple(LabChange(order, test, test) for order, test in shown)
    await tests_changed(uow, LabTestsChanged(changes, cause))
    for alert, order, test in await alerts.of_patient(uow.connection, patient.id):
        await alert_changed(uow, AlertChanged(order, test, alert, cause))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    LabTestsChanged: (tests_changed,),
    AlertChanged: (alert_changed,),
    BoardTrimmed: (board_trimmed,),
    StayMoved: (stay_moved,),
    PatientRenamed: (patient_renamed,),
    PatientDied: (patient_died,),
    RestrictionChanged: (restriction_changed,),
}
