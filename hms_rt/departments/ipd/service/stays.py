"""What moves the patient: into a bed, to another, out of the hospital."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from hms_rt.departments.beds.model import Bed, BedStatus
from hms_rt.departments.ipd.model import Admission, Move, Stay, current_stay
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, BedChoice, DepartureIn, TransferIn
from hms_rt.departments.ipd.service.foundation import Foundation, Outcome
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require_place, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class Stays(Foundation):
    """Moves between beds: each is one transaction over admission, stays and beds."""

    async def assign(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: BedChoice
    ) -> AdmissionOut:
        """Put an accepted patient into a bed, which admits; the bed's ward need not be the one asked for.

        Allowed to the nurses of the bed's ward, reception and administrators. A bed that is reserved can be
        taken only by the admission that it is kept for. Raises ``conflict`` when the bed is taken or the ward
        full, ``illegal_move``, ``forbidden``, ``not_found``.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            target = await self._chosen(uow, body)
            require_ward(principal, Permission.BED_ASSIGN, target.ward)
            at = occurred(body.occurred_at, uow.now)
            after = before.assign(target.ward, at)
            stay = _stay_in(target, after, uow.ids.new(), at)
            _refuse_taken(target)
            await stay_rows.insert_stay(uow.connection, stay)
            await self._beds.occupy(
                uow, target, stay_id=stay.id, patient_id=after.patient_id, holder=after.id, since=at
            )
            return Outcome(Move.ASSIGN, before, after, at, target=stay)

        return await self._command(principal, command, Permission.BED_ASSIGN, admission_id, decide)

    async def transfer(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: TransferIn
    ) -> AdmissionOut:
        """Move a patient to another bed, of this ward or another; both beds change together or not at all.

        The ward that the patient leaves may send, and the ward that has the bed may fetch: a nurse needs to
        be assigned to one of the two. Raises like :meth:`assign`, and ``invalid`` for a time before the
        patient came into the present bed.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            before.check(Move.TRANSFER)
            old = current_stay(await stay_rows.lock_stays(uow.connection, before.id))
            beds = await self._both(uow, old.bed_id, body)
            require_place(principal, Permission.STAY_TRANSFER, wards_of=(old.ward, beds.target.ward))
            at = occurred(body.occurred_at, uow.now, after=old.started_at)
            after = before.transfer(beds.target.ward)
            stay = _stay_in(beds.target, after, uow.ids.new(), at)
            _refuse_taken(beds.target)
            await stay_rows.save_stay(uow.connection, old.end(at))
            await stay_rows.insert_stay(uow.connection, stay)
            await self._beds.move(
                uow,
                beds.source,
                beds.target,
                stay_id=stay.id,
                patient_id=after.patient_id,
                holder=after.id,
                leaves=_left_as(contaminated=body.contaminated),
                since=at,
            )
            return Outcome(Move.TRANSFER, before, after, at, source=old, target=stay)

        return await self._command(principal, command, Permission.STAY_TRANSFER, admission_id, decide)

    async def depart(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: DepartureIn
    ) -> AdmissionOut:
        """The patient leaves; the bed is to be cleaned, or is contaminated first.

        Without an order only as died, left or transferred out (``conflict``). Raises ``illegal_move``,
        ``forbidden``, and ``invalid`` for a time before the patient came into the bed.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            require_ward(principal, Permission.STAY_DEPART, before.ward)
            before.check(Move.DEPART)
            stay = current_stay(await stay_rows.lock_stays(uow.connection, before.id))
            at = occurred(body.occurred_at, uow.now, after=stay.started_at)
            after = before.depart(body.disposition, at)
            bed = (await self._beds.lock(uow, stay.bed_id))[stay.bed_id]
            await stay_rows.save_stay(uow.connection, stay.end(at))
            await self._beds.vacate(uow, bed, to=_left_as(contaminated=body.contaminated), since=at)
            return Outcome(Move.DEPART, before, after, at, source=stay, disposition=body.disposition)

        return await self._command(principal, command, Permission.STAY_DEPART, admission_id, decide)

    async def _chosen(self, uow: UnitOfWork, choice: BedChoice) -> Bed:
        if choice.bed_id is not None:
            return (await self._beds.lock(uow, choice.bed_id))[choice.bed_id]
        return await self._beds.lock_any_free(uow, choice.ward or "")

    async def _both(self, uow: UnitOfWork, source_id: uuid.UUID, choice: BedChoice) -> "_Beds":
        """Two given beds are locked by id; any free bed is one that nobody waits for, so it may come last."""
        if choice.bed_id == source_id:
            raise conflict("the patient is in that bed already")
        if choice.bed_id is not None:
            locked = await self._beds.lock(uow, source_id, choice.bed_id)
            return _Beds(locked[source_id], locked[choice.bed_id])
        source = (await self._beds.lock(uow, source_id))[source_id]
        return _Beds(source, await self._chosen(uow, choice))


@dataclass(frozen=True, slots=True)
class _Beds:
    """The locked beds of a transfer."""

    source: Bed
    target: Bed


def _stay_in(bed: Bed, admission: Admission, stay_id: uuid.UUID, at: datetime) -> Stay:
    return Stay(
        id=stay_id,
        admission_id=admission.id,
        patient_id=admission.patient_id,
        bed_id=bed.id,
        bed_code=bed.code,
        ward=bed.ward,
        started_at=at,
    )


def _refuse_taken(bed: Bed) -> None:
    if bed.status is BedStatus.OCCUPIED:
        raise conflict(f"bed {bed.code} of ward {bed.ward} has a patient already: choose another")


def _left_as(*, contaminated: bool) -> BedStatus:
    return BedStatus.CONTAMINATED if contaminated else BedStatus.CLEANING
