"""Mistakes: what was recorded and never happened. Nothing is deleted; the history keeps both.

A correction happens when it is made, so it takes no time of its own. The patient goes back to the bed in
which they really are.
"""

import uuid
from dataclasses import replace

from hms_rt.departments.ipd.events import DeathRevoked
from hms_rt.departments.ipd.model import Admission, Disposition, Move, Stay, current_stay, history_of
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, CorrectionIn, ReturnIn
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import lodger
from hms_rt.departments.ipd.service.returning import Back, Returning
from hms_rt.departments.ipd.service.rooming_in import Arrival, Families
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require_place, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class Corrections(Returning):
    """Takes back an assignment, a transfer or a departure."""

    async def cancel_admit(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: CorrectionIn
    ) -> AdmissionOut:
        """The patient never was in that bed: waits for one again; the bed is to be cleaned.

        Raises ``illegal_move``, ``forbidden``, and ``conflict`` if the patient was moved since, or children
        room in.
        """

        async def decide(uow: UnitOfWork, before: Admission, families: Families) -> Outcome:
            require_ward(principal, Permission.STAY_CORRECT, before.ward)
            after = before.cancel_admit()
            stays = history_of(await stay_rows.lock_stays(uow.connection, before.id))
            if len(stays) > 1:
                raise conflict("the patient was transferred since: cancel the transfer first")
            if families.rooming_in(before.id):
                raise conflict("children room in with the patient: transfer them, or let them leave first")
            (stay,) = stays
            bed = (await self._beds.lock(uow, stay.bed_id))[stay.bed_id]
            await stay_rows.save_stay(uow.connection, stay.mistaken(uow.now))
            await self._beds.vacate(uow, bed)
            return Outcome(Move.CANCEL_ADMIT, before, after, uow.now, source=stay, reason=body.reason)

        return await self._family_command(principal, command, Permission.STAY_CORRECT, admission_id, decide)

    async def cancel_transfer(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: ReturnIn
    ) -> AdmissionOut:
        """The patient never left the bed before: that stay goes on; or went to another bed than was told.

        Children who came along go back, too. A nurse needs to be assigned to one of the wards. Raises
        ``illegal_move`` that offers another bed if the one before is not available, ``conflict`` if there was
        no transfer or the bed that is told is taken or does not suit, ``forbidden``, ``not_found``.
        """

        async def decide(uow: UnitOfWork, before: Admission, families: Families) -> Outcome:
            before.check(Move.CANCEL_TRANSFER)
            stays = history_of(await stay_rows.lock_stays(uow.connection, before.id))
            if len(stays) == 1:
                raise conflict("the patient was not transferred")
            wrong = current_stay(stays)
            right = [stay for stay in stays if stay is not wrong][-1]
            ways = await self._ways(uow, families.children[before.id], wrong)
            hers = await self._hers(uow, families, right)
            cots = {way.before.bed_id for way in ways if way.before} | families.cots()
            also = {wrong.bed_id, *cots, *([hers.bed_id] if hers is not None else [])}
            back = await self._bed_back(uow, before, body, right, also)
            require_place(
                principal, Permission.STAY_CORRECT, wards_of=(wrong.ward, right.ward, back.target.ward)
            )
            after = before.cancel_transfer(back.target.ward)
            stay = await self._moved_back(uow, after, body, (wrong, right), back, hers)
            there = Arrival(after, back.target, uow.now)
            await self._children_back(uow, ways, there, back.locked, body.reason)
            return Outcome(
                Move.CANCEL_TRANSFER, before, after, uow.now, source=wrong, target=stay, reason=body.reason
            )

        return await self._family_command(
            principal, command, Permission.STAY_CORRECT, admission_id, decide, self._relatives
        )

    async def _moved_back(
        self,
        uow: UnitOfWork,
        after: Admission,
        body: ReturnIn,
        stays: tuple[Stay, Stay],
        back: Back,
        hers: Stay | None,
    ) -> Stay:
        """The wrong stay never was; the right one goes on, or another began in its place."""
        wrong, right = stays
        if back.target.id == wrong.bed_id:
            raise conflict("the patient is in that bed already")
        await stay_rows.save_stay(uow.connection, wrong.mistaken(uow.now))
        if back.other:
            stay = await self._other_stay(uow, after, back.target, body, wrong.started_at)
            beside = None
        else:
            stay, beside = await self._reopen(uow, right, back, hers)
        who = replace(lodger(after, stay), beside=beside)
        await self._beds.move(uow, back.locked[wrong.bed_id], back.target, who)
        return stay

    async def cancel_discharge(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: ReturnIn
    ) -> AdmissionOut:
        """The patient never left: the last stay goes on, or one in another bed begins now.

        An order that was given stands; children who left with the patient are back, too. Raises
        ``illegal_move`` that offers another bed if the one before is not available, ``conflict`` if the bed
        that is told is taken or does not suit, or the patient has another open admission, ``forbidden``.
        """

        async def decide(uow: UnitOfWork, before: Admission, families: Families) -> Outcome:
            require_ward(principal, Permission.STAY_CORRECT, before.ward)
            before.check(Move.CANCEL_DISCHARGE)
            last = history_of(await stay_rows.lock_stays(uow.connection, before.id))[-1]
            gone = await self._children_gone(uow, before, families)
            hers = await self._hers(uow, families, last)
            cots = {*families.cots(), *(child.stay.bed_id for child in gone)}
            also = {*cots, *([hers.bed_id] if hers is not None else [])}
            back = await self._bed_back(uow, before, body, last, also)
            after = before.cancel_discharge(back.target.ward)
            stay = await self._come_back(uow, after, body, last, back, hers)
            if after.discharge_ordered_at is not None:
                count = len(await self._outstanding(uow, after))
                await self._beds.mark_leaving(uow, back.target, after.discharge_ordered_at, count)
            there = Arrival(after, back.target, uow.now)
            await self._follow(uow, families.children[before.id], there, back.locked, None)
            await self._gone_back(uow, gone, there, back.locked, body.reason)
            if before.disposition is Disposition.DIED and before.discharged_at is not None:
                uow.record(DeathRevoked(after.id, after.patient_id, before.discharged_at))
            return Outcome(Move.CANCEL_DISCHARGE, before, after, uow.now, target=stay, reason=body.reason)

        return await self._family_command(
            principal, command, Permission.STAY_CORRECT, admission_id, decide, self._relatives
        )

    async def _come_back(
        self,
        uow: UnitOfWork,
        after: Admission,
        body: ReturnIn,
        last: Stay,
        back: Back,
        hers: Stay | None,
    ) -> Stay:
        """The last stay goes on; in another bed one begins now, for nobody told where the patient was."""
        beside: uuid.UUID | None = None
        if back.other:
            stay = await self._other_stay(uow, after, back.target, body, None)
        else:
            stay, beside = await self._reopen(uow, last, back, hers)
        await self._beds.occupy(uow, back.target, replace(lodger(after, stay), beside=beside))
        return stay
