"""What of the department's own tables follows a merge of patients."""

from collections.abc import Sequence

from hms_rt.departments.patients import tables
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.repository.repointing import Repointed, repoint
from hms_rt.kernel.changes import Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES = (Repointed(tables.patients_record_entry),)


async def patients_merged(uow: UnitOfWork, event: PatientsMerged | PatientsUnmerged) -> None:
    """The record moves with the patient, or back; documents stay as they were written."""
    await repoint(uow, event, TABLES)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_merged,),
}
