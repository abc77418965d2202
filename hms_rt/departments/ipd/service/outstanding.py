"""This department's own part of the discharge checklist."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd.model import IN_BED, Admission
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import bedside as bedside_rows
from hms_rt.departments.ipd.repository import births as birth_rows
from hms_rt.kernel.outstanding import Outstanding, OutstandingKind

NAME = "ipd"


async def outstanding_here(
    connection: AsyncConnection, admission: Admission, hold: Any | None
) -> list[Outstanding]:
    """A summary that is not written, a bed that is held, a child who is still here."""
    found = []
    if not await bedside_rows.summaries(connection, admission.id):
        found.append(Outstanding(NAME, OutstandingKind.SUMMARY_MISSING, 1, ("discharge summary",)))
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
