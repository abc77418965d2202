"""What moves the patient: into a bed, and to another."""

import uuid

from hms_rt.departments.ipd.model import Admission, Move, current_stay
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, BedChoice, TransferIn
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.leaving import Leaving
from hms_rt.departments.ipd.service.placing import left_as, lodger, refuse_taken, stay_in
from hms_rt.departments.ipd.service.rooming_in import Arrival, Families
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require_place, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class Stays(Leaving):
    """Moves between beds: each is one transaction over admission, stays and beds."""

    async def assign(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: BedChoice
    ) -> AdmissionOut:
        """Put an accepted patient into a bed, which admits; the bed's ward need not be the one asked for.

        Allowed to the nurses of the bed's ward, reception and administrators. A bed that is reserved can be
        taken only by the admission that it is kept for; a hold of another bed is given up. Raises
        ``conflict`` when the bed is taken or does not suit, or the ward is full, ``illegal_move``,
        ``forbidden``, ``not_found``.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            before.check(Move.ASSIGN)
            beds = await self._chosen(uow, before, body)
            target = beds.target
            require_ward(principal, Permission.BED_ASSIGN, target.ward)
            at = await self._moment(uow, body.occurred_at, before, target)
            after = before.assign(target.ward, at)
            refuse_taken(target)
            await self._beds.lock_rooms(uow, [target])
            override = await self._check_suits(uow, target, after, body.override_reason)
            stay = stay_in(target, after, uow.ids.new(), at, override)
            await stay_rows.insert_stay(uow.connection, stay)
            await self._beds.occupy(uow, target, lodger(after, stay))
            if beds.given_up is not None:
                await self._beds.release_hold(uow, beds.given_up)
            return Outcome(Move.ASSIGN, before, after, at, target=stay, reason=override)

        return await self._command(principal, command, Permission.BED_ASSIGN, admission_id, decide)

    async def transfer(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: TransferIn
    ) -> AdmissionOut:
        """Move a patient to another bed, of this ward or another; both beds change together or not at all.

        The ward that the patient leaves may send, and the ward that has the bed may fetch: a nurse needs to
        be assigned to one of the two. Children who room in come along, into cots beside the new bed, unless
        ``children_stay`` says why not. Raises like :meth:`assign`, and ``invalid`` for a time before the
        patient came into the present bed.
        """

        async def decide(uow: UnitOfWork, before: Admission, families: Families) -> Outcome:
            before.check(Move.TRANSFER)
            old = current_stay(await stay_rows.lock_stays(uow.connection, before.id))
            beds = await self._chosen(uow, before, body, old.bed_id, families.cots())
            source, target = beds.locked[old.bed_id], beds.target
            require_place(principal, Permission.STAY_TRANSFER, wards_of=(old.ward, target.ward))
            at = await self._moment(uow, body.occurred_at, before, target, old.started_at)
            after = before.transfer(target.ward)
            refuse_taken(target)
            await self._beds.lock_rooms(uow, [target])
            override = await self._check_suits(uow, target, after, body.override_reason, [source.id])
            stay = stay_in(target, after, uow.ids.new(), at, override)
            await stay_rows.save_stay(uow.connection, old.end(at))
            await stay_rows.insert_stay(uow.connection, stay)
            leaves = left_as(contaminated=body.contaminated)
            await self._beds.move(uow, source, target, lodger(after, stay), leaves=leaves)
            there = Arrival(after, target, at, told=body.occurred_at is not None)
            children = families.children[before.id]
            await self._follow(uow, children, there, beds.locked, body.children_stay)
            if beds.given_up is not None:
                await self._beds.release_hold(uow, beds.given_up)
            return Outcome(Move.TRANSFER, before, after, at, source=old, target=stay, reason=override)

        return await self._family_command(principal, command, Permission.STAY_TRANSFER, admission_id, decide)
