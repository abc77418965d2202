"""Which ward takes care of a patient: what "own patient" means for the staff of a ward; and during what."""

import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.opd.service import open_visit
from hms_rt.departments.patients.service import ContextKind, ContextRef


async def wards_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> set[str]:
    """The ward of the patient's open stay, or the one asked to admit the patient; empty if neither."""
    ward = await admission_rows.open_ward(connection, patient_id)
    return set() if ward is None else {ward}


async def patient_of_admission(connection: AsyncConnection, admission_id: uuid.UUID) -> uuid.UUID:
    """Whose admission it is; raises ``not_found``."""
    return await admission_rows.patient_of(connection, admission_id)


async def encounter_of(
    connection: AsyncConnection, patient_id: uuid.UUID, clinic: str | None
) -> ContextRef | None:
    """What is done for a patient now belongs to it: the open visit in the clinic, or without a clinic the
    open admission; None if there is none. For the laboratory, which knows neither."""
    if clinic is not None:
        visit = await open_visit(connection, patient_id, clinic)
        return ContextRef(kind=ContextKind.VISIT, id=visit) if visit is not None else None
    admission = await admission_rows.open_of_patient(connection, patient_id)
    return ContextRef(kind=ContextKind.ADMISSION, id=admission.id) if admission is not None else None
