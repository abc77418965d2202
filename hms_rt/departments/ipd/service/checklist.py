"""What is to be done before a patient leaves: every department answers for itself."""

import uuid
from dataclasses import replace

from hms_rt.departments.ipd.reading import treats
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.schemas.leaving import ChecklistOut, OutstandingOut
from hms_rt.departments.ipd.service.queries import Queries
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.storage.unit_of_work import UnitOfWork


class Checklist(Queries):
    """The ward's board shows how much is left, from the order to discharge until the patient leaves."""

    async def checklist(
        self, principal: Principal, command: Command, admission_id: uuid.UUID
    ) -> ChecklistOut:
        """What every department has open for the patient now; what it is, for those who treat.

        Raises ``not_found``, ``forbidden``.
        """

        async def work(uow: UnitOfWork) -> ChecklistOut:
            found = await self._read(uow, principal, admission_id, "admission.read_checklist")
            clinical = treats(principal, found)
            items = [
                OutstandingOut(
                    department=one.department,
                    kind=one.kind,
                    count=one.count,
                    what=list(one.what) if clinical else [],
                )
                for one in await self._outstanding(uow, found)
            ]
            return ChecklistOut(admission_id=found.id, items=items)

        return await self._units.execute(principal, replace(command, key=None), ChecklistOut, work)

    async def recount(self, uow: UnitOfWork, patient_id: uuid.UUID) -> None:
        """A department did something for a patient: if they may go, the board shows what is left now.

        The bed is locked before anything is looked at, so that of two that count at once the later sees all.
        """

        async def count() -> int:
            admission = await admission_rows.open_of_patient(uow.connection, patient_id)
            return len(await self._outstanding(uow, admission)) if admission is not None else 0

        await self._beds.recount(uow, patient_id, count)
