"""Which ward takes care of a patient: what "own patient" means for the staff of a ward."""

import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd.repository import admissions as admission_rows


async def wards_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> set[str]:
    """The ward of the patient's open stay, or the one asked to admit the patient; empty if neither."""
    ward = await admission_rows.open_ward(connection, patient_id)
    return set() if ward is None else {ward}


async def patient_of_admission(connection: AsyncConnection, admission_id: uuid.UUID) -> uuid.UUID:
    """Whose admission it is; raises ``not_found``."""
    return await admission_rows.patient_of(connection, admission_id)
