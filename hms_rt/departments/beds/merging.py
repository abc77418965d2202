"""A merge of patients reaches the boards of wards.

Who is in a bed follows the stay by foreign key, and that the admission, which ipd moves before this runs.
"""

from collections.abc import Sequence

from hms_rt.departments.beds.projector import show_patient
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.service import Repointed
from hms_rt.kernel.changes import Cause, Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES: tuple[Repointed, ...] = ()


async def patients_merged(uow: UnitOfWork, event: PatientsMerged) -> None:
    """The bed shows the survivor."""
    await show_patient(uow, event.into, Cause.MERGED)


async def patients_unmerged(uow: UnitOfWork, event: PatientsUnmerged) -> None:
    """Each bed shows whom it showed before."""
    for patient in event.both:
        await show_patient(uow, patient, Cause.MERGED)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_unmerged,),
}
