"""What a ward's census asks about its inpatients, inside the transaction that reads it."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd.model import AdmissionState
from hms_rt.departments.ipd.repository import census


@dataclass(frozen=True, slots=True)
class Inpatient:
    """An admission as a census shows it."""

    admission_id: uuid.UUID
    requested_by: uuid.UUID
    leaving: bool


async def inpatients(connection: AsyncConnection, stays: Collection[uuid.UUID]) -> dict[uuid.UUID, Inpatient]:
    """Of each stay its admission. Not audited: the caller is."""
    rows = await census.of_stays(connection, stays) if stays else {}
    return {
        stay_id: Inpatient(row.id, row.requested_by, row.state == AdmissionState.DISCHARGE_ORDERED)
        for stay_id, row in rows.items()
    }
