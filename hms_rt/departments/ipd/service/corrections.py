"""Mistakes: what was recorded and never happened. Nothing is deleted; the history keeps both.

A correction happens when it is made, so it takes no time of its own. The patient goes back to the bed in
which they really are; that bed has to be available, for its state says what staff found there since.
"""

import uuid

from hms_rt.departments.ipd.events import DeathRevoked
from hms_rt.departments.ipd.model import Admission, Disposition, Move, current_stay, history_of
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, CorrectionIn
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import Placing, lodger
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require_place, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class Corrections(Placing):
    """Takes back an assignment, a transfer or a departure."""

    async def cancel_admit(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: CorrectionIn
    ) -> AdmissionOut:
        """The patient never was in that bed: waits for one again; the bed is to be cleaned.

        Raises ``illegal_move``, ``forbidden``, and ``conflict`` if the patient was moved since.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            require_ward(principal, Permission.STAY_CORRECT, before.ward)
            after = before.cancel_admit()
            stays = history_of(await stay_rows.lock_stays(uow.connection, before.id))
            if len(stays) > 1:
                raise conflict("the patient was transferred since: cancel the transfer first")
            (stay,) = stays
            bed = (await self._beds.lock(uow, stay.bed_id))[stay.bed_id]
            await stay_rows.save_stay(uow.connection, stay.mistaken(uow.now))
            await self._beds.vacate(uow, bed)
            return Outcome(Move.CANCEL_ADMIT, before, after, uow.now, source=stay, reason=body.reason)

        return await self._command(principal, command, Permission.STAY_CORRECT, admission_id, decide)

    async def cancel_transfer(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: CorrectionIn
    ) -> AdmissionOut:
        """The patient never left the bed before: that stay goes on.

        A nurse needs to be assigned to one of the two wards. Raises ``illegal_move`` (also if that bed is not
        available), ``forbidden``, and ``conflict`` if there was no transfer or the bed is taken.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            before.check(Move.CANCEL_TRANSFER)
            stays = history_of(await stay_rows.lock_stays(uow.connection, before.id))
            if len(stays) == 1:
                raise conflict("the patient was not transferred")
            wrong = current_stay(stays)
            right = [stay for stay in stays if stay is not wrong][-1]
            require_place(principal, Permission.STAY_CORRECT, wards_of=(wrong.ward, right.ward))
            beds = await self._beds.lock(uow, wrong.bed_id, right.bed_id)
            await stay_rows.save_stay(uow.connection, wrong.mistaken(uow.now))
            await stay_rows.save_stay(uow.connection, right.reopened())
            back = lodger(before, right)
            await self._beds.move(uow, beds[wrong.bed_id], beds[right.bed_id], back)
            after = before.cancel_transfer(right.ward)
            return Outcome(
                Move.CANCEL_TRANSFER, before, after, uow.now, source=wrong, target=right, reason=body.reason
            )

        return await self._command(principal, command, Permission.STAY_CORRECT, admission_id, decide)

    async def cancel_discharge(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: CorrectionIn
    ) -> AdmissionOut:
        """The patient never left: the last stay goes on, and so does an order that was given.

        Raises ``illegal_move`` (also if the bed is not available), ``forbidden``, and ``conflict`` if the bed
        is taken or the patient has another open admission.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            require_ward(principal, Permission.STAY_CORRECT, before.ward)
            after = before.cancel_discharge()
            stay = history_of(await stay_rows.lock_stays(uow.connection, before.id))[-1]
            bed = (await self._beds.lock(uow, stay.bed_id))[stay.bed_id]
            await stay_rows.save_stay(uow.connection, stay.reopened())
            await self._beds.occupy(uow, bed, lodger(after, stay))
            if after.discharge_ordered_at is not None:
                count = len(await self._outstanding(uow.connection, after))
                await self._beds.mark_leaving(uow, bed, after.discharge_ordered_at, count)
            if before.disposition is Disposition.DIED:
                uow.record(DeathRevoked(after.id, after.patient_id))
            return Outcome(Move.CANCEL_DISCHARGE, before, after, uow.now, target=stay, reason=body.reason)

        return await self._command(principal, command, Permission.STAY_CORRECT, admission_id, decide)
