"""What of the department's own tables follows a merge of patients."""

from collections.abc import Sequence

from hms_rt.departments.patients import tables
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.repository.repointing import Repointed, follow, repoint
from hms_rt.kernel.changes import Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES = (
    Repointed(tables.patients_record_entry),
    Repointed(tables.patients_identifier),
    Repointed(tables.patients_contact),
    Repointed(tables.patients_allergy),
)


async def patients_merged(uow: UnitOfWork, event: PatientsMerged) -> None:
    """Record, numbers, contacts and allergies move with the patient; documents stay as they were written."""
    await repoint(uow, event, TABLES)


async def patients_unmerged(uow: UnitOfWork, event: PatientsUnmerged) -> None:
    """They move back, with what was written since and corrects them or belongs to an admission or visit that
    moves back."""
    await follow(uow, event, tables.patients_record_entry, tables.patients_allergy)
    await repoint(uow, event, TABLES)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_unmerged,),
}
