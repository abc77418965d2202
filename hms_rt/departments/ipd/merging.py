"""A merge of patients reaches admissions; stays and who is in a bed follow them by foreign key."""

from collections.abc import Sequence

from hms_rt.departments.ipd import tables
from hms_rt.departments.ipd.repository import medication_tables
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.service import Repointed, repoint
from hms_rt.kernel.changes import Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES = (
    Repointed(
        tables.admission,
        refusals={
            "ipd_admission_open_patient_key": "both patients have an open admission: cancel one of them, or"
            " let the patient depart from it, then merge",
            "ipd_stay_patient_excl": "both patients were in a bed at the same time: correct the stay that"
            " is wrong, then merge",
        },
    ),
    Repointed(tables.birth, key="child_admission_id", column="mother_id"),
    Repointed(tables.birth, key="child_admission_id", column="child_id"),
    Repointed(medication_tables.medication, key="line_id"),
)


async def patients_merged(uow: UnitOfWork, event: PatientsMerged | PatientsUnmerged) -> None:
    """Admissions move with the patient, or back."""
    await repoint(uow, event, TABLES)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_merged,),
}
