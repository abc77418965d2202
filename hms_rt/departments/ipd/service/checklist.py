"""What is to be done before a patient leaves: every department answers for itself."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.ipd.model import IN_BED, Admission
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import births as birth_rows
from hms_rt.departments.ipd.service.medication_reading import MedicationReading
from hms_rt.departments.pharmacy.service import PharmacyService
from hms_rt.kernel.outstanding import Outstanding, OutstandingKind

NAME = "ipd"
Asked = Callable[[AsyncConnection, Any, Any], Awaitable[Sequence[Outstanding]]]

DEPARTMENTS: tuple[Asked, ...] = (MedicationReading.outstanding, PharmacyService.outstanding)
"""Whom to ask, with the patient's and the admission's id."""


async def outstanding_of(connection: AsyncConnection, admission: Admission) -> list[Outstanding]:
    """What is open for an admission in every department, this one first. Reads, locks nothing."""
    found = await _own(connection, admission)
    for asked in DEPARTMENTS:
        found += await asked(connection, admission.patient_id, admission.id)
    return found


async def _own(connection: AsyncConnection, admission: Admission) -> list[Outstanding]:
    found = []
    hold = (await BedsService.holds_of(connection, [admission.id])).get(admission.id)
    if hold is not None:
        what = f"bed {hold.code} of ward {hold.ward_code}"
        found.append(Outstanding(NAME, OutstandingKind.TRANSFER_PLANNED, 1, (what,)))
    here = []
    for birth in await birth_rows.of_admissions(connection, [admission.id]):
        if birth.admission_id == admission.id:
            child = await admission_rows.admission(connection, birth.child_admission_id)
            if child.state in IN_BED:
                here.append(f"child {birth.number}")
    if here:
        found.append(Outstanding(NAME, OutstandingKind.CHILD_IN_ROOM, len(here), tuple(here)))
    return found
