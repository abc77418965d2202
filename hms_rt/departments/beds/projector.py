"""Turns events into changes of the ward boards and of the hospital's occupancy."""

from collections import defaultdict
from collections.abc import Sequence

from hms_rt.departments.beds import views
from hms_rt.departments.beds.events import BedMove, BedsChanged, CleaningChanged, WardDefined
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.model.cleaning import OPEN
from hms_rt.departments.beds.repository import beds as bed_rows
from hms_rt.departments.beds.repository import board, cleaning, occupants, places
from hms_rt.departments.beds.repository import occupancy as occupancy_rows
from hms_rt.departments.patients.events import PatientBrief, PatientRenamed
from hms_rt.kernel.changes import Cause, Change, Event, Op
from hms_rt.storage.unit_of_work import Projector, UnitOfWork


async def beds_changed(uow: UnitOfWork, event: BedsChanged) -> None:
    """Publish each bed as it is now, then the counts it moved."""
    await _put_beds(uow, event.moves, event.cause)
    deltas: dict[str, dict[BedStatus, int]] = defaultdict(lambda: defaultdict(int))
    for move in event.moves:
        if not move.counted:
            continue
        if move.before is not None:
            deltas[move.ward][move.before] -= 1
        deltas[move.ward][move.after] += 1
    for ward in sorted(deltas):
        moved = {status: delta for status, delta in deltas[ward].items() if delta}
        if moved:
            await _put_occupancy(uow, ward, moved)


async def ward_defined(uow: UnitOfWork, event: WardDefined) -> None:
    """Publish the ward's name and its counts."""
    (ward,) = await places.wards(uow.connection, event.ward)
    value = {"code": ward.code, "name": ward.name}
    uow.change(Change(views.ward_stream(ward.code), Op.PUT, "ward", Cause.DEFINED, value))
    await _put_occupancy(uow, ward.code, {})


async def patient_renamed(uow: UnitOfWork, event: PatientRenamed) -> None:
    """A patient's new name reaches the boards of the wards where the patient lies or is awaited."""
    await show_patient(uow, event.patient, Cause.RENAMED)


async def show_patient(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    """The bed in which the patient lies, and the one held for them, show the patient as given."""
    ids = await occupants.beds_of_patient(uow.connection, patient.id)
    if not ids:
        return
    locked = await bed_rows.lock_beds(uow.connection, ids)
    for bed_id in locked:
        await occupants.rename_occupant(
            uow.connection,
            bed_id,
            patient.id,
            name=patient.name,
            mrn=patient.mrn,
            sex=patient.sex,
            birth_date=patient.birth_date,
        )
    moves = [BedMove(bed.id, bed.ward, bed.status, bed.status) for bed in locked.values()]
    await _put_beds(uow, moves, cause)


async def cleaning_changed(uow: UnitOfWork, event: CleaningChanged) -> None:
    """Publish the request to housekeeping; a finished one leaves their board."""
    (row,) = await cleaning.shown(uow.connection, ids=[event.cleaning_id])
    stream, key = views.cleaning_stream(row.ward_code), views.cleaning_key(row.id)
    if row.state in OPEN:
        uow.change(Change(stream, Op.PUT, key, event.cause, views.cleaning_value(row)))
    else:
        uow.change(Change(stream, Op.REMOVE, key, event.cause))


async def _put_beds(uow: UnitOfWork, moves: Sequence[BedMove], cause: Cause) -> None:
    """The beds are locked by whoever recorded the event, so what is read here is what commits."""
    rows = await board.board_rows(uow.connection, ids=[move.bed_id for move in moves])
    for row in rows:
        stream = views.ward_stream(row.ward_code)
        uow.change(Change(stream, Op.PUT, views.bed_key(row.id), cause, views.bed_value(row)))


async def _put_occupancy(uow: UnitOfWork, ward: str, deltas: dict[BedStatus, int]) -> None:
    row = await occupancy_rows.shift_occupancy(uow.connection, ward, deltas)
    counts = views.occupancy_value(row)
    uow.change(Change(views.ward_stream(ward), Op.PUT, "occupancy", Cause.COUNT, counts))
    uow.change(Change(views.HOSPITAL_STREAM, Op.PUT, ward, Cause.COUNT, views.hospital_value(row, row.name)))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    BedsChanged: (beds_changed,),
    WardDefined: (ward_defined,),
    CleaningChanged: (cleaning_changed,),
    PatientRenamed: (patient_renamed,),
}
