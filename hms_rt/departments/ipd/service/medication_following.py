"""Stopped prescriptions with doses that nobody accounted for follow their patient, too.

The pharmacy tells of prescriptions that are not over; what is left of the others is the ward's own.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from hms_rt.departments.ipd.events import StayMoved
from hms_rt.departments.ipd.model.medication import Medication
from hms_rt.departments.ipd.repository import medication as rows
from hms_rt.departments.ipd.service.medication_board import show_doses
from hms_rt.departments.ipd.service.medication_planning import doses_follow
from hms_rt.departments.patients.events import (
    PatientBrief,
    PatientRenamed,
    PatientsMerged,
    PatientsUnmerged,
    RestrictionChanged,
)
from hms_rt.kernel.changes import Cause, Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork


async def stay_moved(uow: UnitOfWork, event: StayMoved) -> None:
    """What is still to be accounted for goes with the patient; it ends with a departure, and comes back."""
    if event.from_ward == event.to_ward:
        return

    def moved(one: Medication) -> Medication:
        return replace(one, ward=event.to_ward) if one.admission_id == event.admission_id else one

    cause = Cause.MOVED if event.to_ward is not None else Cause.LEFT
    await _follow(uow, event.patient_id, moved, cause)


async def patient_renamed(uow: UnitOfWork, event: PatientRenamed) -> None:
    """The ward's room shows the new name."""
    await _show(uow, event.patient, Cause.RENAMED)


async def restriction_changed(uow: UnitOfWork, event: RestrictionChanged) -> None:
    """Who does not treat sees the name no more, or again."""
    await _show(uow, event.patient, Cause.RESTRICTED)


async def patients_merged(uow: UnitOfWork, event: PatientsMerged) -> None:
    """The ward's room shows the survivor; the rows were moved before."""
    await _show(uow, event.into, Cause.MERGED)


async def patients_unmerged(uow: UnitOfWork, event: PatientsUnmerged) -> None:
    """Each patient's own again."""
    for patient in event.both:
        await _show(uow, patient, Cause.MERGED)


async def _show(uow: UnitOfWork, patient: PatientBrief, cause: Cause) -> None:
    def shown(one: Medication) -> Medication:
        return replace(one, patient_name=patient.name, mrn=patient.mrn, restricted=patient.restricted)

    await _follow(uow, patient.id, shown, cause)


async def _follow(
    uow: UnitOfWork, patient_id: uuid.UUID, change: Callable[[Medication], Medication], cause: Cause
) -> None:
    """The patient is locked by whoever recorded the event; medications and doses are locked here."""
    for before in await rows.lock_ended(uow.connection, patient_id):
        after = change(before)
        if after != before:
            await rows.save(uow.connection, after)
            await show_doses(uow, await doses_follow(uow, before, after), cause)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    StayMoved: (stay_moved,),
    PatientRenamed: (patient_renamed,),
    RestrictionChanged: (restriction_changed,),
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_unmerged,),
}
