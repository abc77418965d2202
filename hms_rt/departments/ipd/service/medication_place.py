"""Where an inpatient lies, as the pharmacy asks before it prescribes for an admission."""

import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd.repository import stays


async def ward_of_inpatient(
    connection: AsyncConnection, admission_id: uuid.UUID, patient_id: uuid.UUID
) -> str | None:
    """The ward of the admission's open stay; None without one, or for the admission of somebody else."""
    for stay in await stays.stays(connection, [admission_id]):
        if stay.ended_at is None and stay.patient_id == patient_id:
            return stay.ward
    return None
