"""What a patient needs of a bed, and isolation."""

import uuid

from hms_rt.departments.beds.model import Needs
from hms_rt.departments.ipd.model import IN_BED, Admission, Move, current_stay
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, NeedsIn
from hms_rt.departments.ipd.service.foundation import Foundation, Outcome
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class PatientNeeds(Foundation):
    """Facts about the patient: recorded wherever the patient lies, checked with the next move."""

    async def change_needs(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: NeedsIn
    ) -> AdmissionOut:
        """Replace what the patient needs; the bed that the patient is in shows the isolation at once.

        Raises ``illegal_move`` once the patient has left, ``forbidden``.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            require_ward(principal, Permission.ADMISSION_NEEDS, before.ward)
            after = before.change_needs(Needs(frozenset(body.features), body.isolation, body.organism))
            if before.state in IN_BED and before.needs.precaution != after.needs.precaution:
                stay = current_stay(await stay_rows.lock_stays(uow.connection, before.id))
                bed = (await self._beds.lock(uow, stay.bed_id))[stay.bed_id]
                await self._beds.isolate(uow, bed, after.needs.precaution)
            return Outcome(Move.CHANGE_NEEDS, before, after, uow.now)

        return await self._command(principal, command, Permission.ADMISSION_NEEDS, admission_id, decide)
