"""A merge of patients reaches prescriptions and the queues that show them."""

from collections.abc import Sequence

from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.service import Repointed, repoint
from hms_rt.departments.pharmacy import tables
from hms_rt.departments.pharmacy.projector import show_patient
from hms_rt.departments.pharmacy.repository import sale_tables
from hms_rt.kernel.changes import Cause, Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES = (Repointed(tables.prescription), Repointed(sale_tables.sale))


async def patients_merged(uow: UnitOfWork, event: PatientsMerged) -> None:
    """The rows move, and every queue shows the survivor."""
    await repoint(uow, event, TABLES)
    await show_patient(uow, event.into, Cause.MERGED)


async def patients_unmerged(uow: UnitOfWork, event: PatientsUnmerged) -> None:
    """The rows move back, and every queue shows each patient's own."""
    await repoint(uow, event, TABLES)
    for patient in event.both:
        await show_patient(uow, patient, Cause.MERGED)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_unmerged,),
}
