"""Turns events into changes of the ward boards and of the hospital's occupancy."""

from collections import defaultdict
from collections.abc import Sequence

from hms_rt.departments.beds import repository, views
from hms_rt.departments.beds.events import BedMove, BedsChanged, WardDefined
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.patients.events import PatientBrief, PatientRenamed
from hms_rt.kernel.changes import Cause, Change, Event, Op
from hms_rt.storage.unit_of_work import Projector, UnitOfWork


async def beds_changed(uow: UnitOfWork, event: BedsChanged) -> None:
    """Publish each bed as it is now, then the counts it moved."""
    await _put_beds(uow, event.moves, event.cause)
    deltas: dict[str, dict[BedStatus, int]] = defaultdict(lambda: defaultdict(int))
    for move in event.moves:
        if move.before is not None:
            deltas[move.ward][move.before] -= 1
        deltas[move.ward][move.after] += 1
    for ward in sorted(deltas):
        moved = {status: delta for status, delta in deltas[ward].items() if delta}
        if moved:
            await _put_occupancy(uow, ward, moved)


async def ward_defined(uow: UnitOfWork, event: WardDefined) -> None:
    """Publish the ward's name and its counts."""
    (ward,) = await repository.wards(uow.connection, event.ward)
    value = {"code": ward.code, "name": ward.name}
    uow.change(Change(views.ward_stream(ward.code), Op.PUT, "ward", Cause.DEFINED, value))
    await _put_occupancy(uow, ward.code, {})


async def patient_renamed(uow: UnitOfWork, event: PatientRenamed) -> None:
    """A patient's new name reaches the board of the ward where the patient lies."""
    await show_patient(uow, event.patient, Cause.RENAMED)


async def show_patient(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    """The bed in which the patient lies, if any, shows the patient as given."""
    bed_id = await repository.bed_of_patient(uow.connection, patient.id)
    if bed_id is None:
        return
    bed = (await repository.lock_beds(uow.connection, [bed_id]))[bed_id]
    await repository.rename_occupant(
        uow.connection,
        bed_id,
        patient.id,
        name=patient.name,
        mrn=patient.mrn,
        sex=patient.sex,
        birth_date=patient.birth_date,
    )
    await _put_beds(uow, [BedMove(bed_id, bed.ward, bed.status, bed.status)], cause)


async def _put_beds(uow: UnitOfWork, moves: Sequence[BedMove], cause: Cause) -> None:
    """The beds are locked by whoever recorded the event, so what is read here is what commits."""
    rows = await repository.board_rows(uow.connection, ids=[move.bed_id for move in moves])
    for row in rows:
        stream = views.ward_stream(row.ward_code)
        uow.change(Change(stream, Op.PUT, views.bed_key(row.id), cause, views.bed_value(row)))


async def _put_occupancy(uow: UnitOfWork, ward: str, deltas: dict[BedStatus, int]) -> None:
    row = await repository.shift_occupancy(uow.connection, ward, deltas)
    counts = views.occupancy_value(row)
    uow.change(Change(views.ward_stream(ward), Op.PUT, "occupancy", Cause.COUNT, counts))
    uow.change(Change(views.HOSPITAL_STREAM, Op.PUT, ward, Cause.COUNT, views.hospital_value(row, row.name)))


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    BedsChanged: (beds_changed,),
    WardDefined: (ward_defined,),
    PatientRenamed: (patient_renamed,),
}
