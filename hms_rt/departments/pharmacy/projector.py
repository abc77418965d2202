"""Turns events into changes of the dispensaries' queues."""

from collections.abc import Sequence
from dataclasses import replace

from hms_rt.departments.ipd.events import StayMoved
from hms_rt.departments.patients.events import PatientBrief, PatientDied, PatientRenamed, RestrictionChanged
from hms_rt.departments.pharmacy import views
from hms_rt.departments.pharmacy.deaths import patient_died
from hms_rt.departments.pharmacy.events import (
    DispensePrepared,
    PrescriptionChanged,
    ShelfChanged,
    StockMoved,
)
from hms_rt.departments.pharmacy.model.prescription import Line, Prescription
from hms_rt.departments.pharmacy.repository import dispenses, prescriptions, shelves, stock
from hms_rt.kernel.changes import Cause, Change, Event, Op
from hms_rt.storage.unit_of_work import Projector, UnitOfWork


async def prescription_changed(uow: UnitOfWork, event: PrescriptionChanged) -> None:
    """Publish a prescription while the dispensary has to do with it, and remove it afterwards."""
    if event.after.in_queue:
        await _show(uow, event.after, event.lines, event.cause)
    elif event.before is not None and event.before.in_queue:
        stream, key = views.dispensary_stream(event.after.dispensary), views.prescription_key(event.after.id)
        uow.change(Change(stream, Op.REMOVE, key, event.cause))


async def dispense_prepared(uow: UnitOfWork, event: DispensePrepared) -> None:
    """Publish that a prescription lies ready, or does not any more."""
    if event.prescription.in_queue:
        await _show(uow, event.prescription, event.lines, Cause.STATUS)


async def _show(uow: UnitOfWork, prescription: Prescription, lines: Sequence[Line], cause: Cause) -> None:
    ready = prescription.id in await dispenses.ready(uow.connection, [prescription.id])
    value = views.prescription_value(prescription, lines, ready=ready)
    key = views.prescription_key(prescription.id)
    uow.change(Change(views.dispensary_stream(prescription.dispensary), Op.PUT, key, cause, value))


async def stay_moved(uow: UnitOfWork, event: StayMoved) -> None:
    """An inpatient's prescriptions follow from ward to ward; what the ward was to give ends with the stay.

    It comes back if the departure was a mistake. The patient is locked by whoever recorded the event.
    """
    if event.from_ward == event.to_ward:
        return
    held = await prescriptions.lock_of_patient(uow.connection, event.patient_id, event.admission_id)
    cause = Cause.MOVED if event.to_ward is not None else Cause.LEFT
    for before, lines in held:
        after = replace(before, ward=event.to_ward, version=before.version + 1)
        await prescriptions.save(uow.connection, after)
        uow.record(PrescriptionChanged(before, after, tuple(lines), cause))


async def stock_moved(uow: UnitOfWork, event: StockMoved) -> None:
    """Publish how much of the lot, and of its medicine, each store has now; what is empty leaves the room.

    The ledger's triggers locked stock and shelf, so what is read here is what commits.
    """
    held = {one.store: one for one in await stock.lock_one(uow.connection, event.lot_id, event.stores)}
    for store in event.stores:
        stream, key, one = views.stock_stream(store), views.lot_key(event.lot_id), held.get(store)
        if one is not None and one.quantity > 0:
            uow.change(Change(stream, Op.PUT, key, Cause.STOCK, views.stock_value(one)))
        else:
            uow.change(Change(stream, Op.REMOVE, key, Cause.STOCK))
    lot = await stock.lot(uow.connection, event.lot_id)
    if lot is not None:
        for store in event.stores:
            await shelf_changed(uow, ShelfChanged(store, lot.medicine))


async def shelf_changed(uow: UnitOfWork, event: ShelfChanged) -> None:
    """Publish what a store may hand over of a medicine, while there is some or a level to keep."""
    shelf = await shelves.lock(uow.connection, event.store, event.medicine)
    stream, key = views.stock_stream(event.store), views.shelf_key(event.medicine)
    if shelf is not None and shelf.shown:
        uow.change(Change(stream, Op.PUT, key, Cause.STOCK, views.shelf_value(shelf)))
    else:
        uow.change(Change(stream, Op.REMOVE, key, Cause.STOCK))


async def patient_renamed(uow: UnitOfWork, event: PatientRenamed) -> None:
    """A patient's new name reaches every queue; the patient is locked by whoever recorded the event."""
    await show_patient(uow, event.patient, Cause.RENAMED)


async def restriction_changed(uow: UnitOfWork, event: RestrictionChanged) -> None:
    """Who does not treat sees the patient's name no more, or again; the patient is locked."""
    await show_patient(uow, event.patient, Cause.RESTRICTED)


async def show_patient(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    """The prescriptions of a locked patient carry, and every queue shows, the patient as given."""
    await prescriptions.show_patient(
        uow.connection, patient.id, patient.name, patient.mrn, restricted=patient.restricted
    )
    for shown, lines in await prescriptions.lock_of_patient(uow.connection, patient.id):
        uow.record(PrescriptionChanged(shown, shown, tuple(lines), cause))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PrescriptionChanged: (prescription_changed,),
    DispensePrepared: (dispense_prepared,),
    StockMoved: (stock_moved,),
    ShelfChanged: (shelf_changed,),
    StayMoved: (stay_moved,),
    PatientRenamed: (patient_renamed,),
    PatientDied: (patient_died,),
    RestrictionChanged: (restriction_changed,),
}
