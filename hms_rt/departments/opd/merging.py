"""A merge of patients reaches tokens, appointments and visits, and the rooms that show them."""

from collections.abc import Sequence

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.projector import show_patient
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.service import Repointed, repoint
from hms_rt.kernel.changes import Cause, Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES = (
    Repointed(tables.token),
    Repointed(
        tables.appointment,
        refusals={
            "opd_appointment_patient_slot_key": "both are booked into one slot: cancel one appointment first"
        },
    ),
    Repointed(
        tables.visit,
        refusals={"opd_visit_open_key": "both have an open visit in one clinic: cancel or close one first"},
    ),
)


async def patients_merged(uow: UnitOfWork, event: PatientsMerged) -> None:
    """The rows move, and every room shows the survivor."""
    await repoint(uow, event, TABLES)
    await show_patient(uow, event.into, Cause.MERGED)


async def patients_unmerged(uow: UnitOfWork, event: PatientsUnmerged) -> None:
    """The rows move back, and every room shows each patient's own."""
    await repoint(uow, event, TABLES)
    for patient in event.both:
        await show_patient(uow, patient, Cause.MERGED)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_unmerged,),
}
