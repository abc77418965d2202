"""Beds that are kept for a patient: the plan of a transfer, or of the way in.

A hold lives as long as the bed is reserved for the admission. Taking it is a transfer or an assignment; it
expires by the server's timer. Every end of a hold is in the history of the admission, once.
"""

import uuid
from datetime import timedelta

from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.service import Lodger
from hms_rt.departments.ipd.model import IN_BED, Admission, Move, current_stay
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, CorrectionIn, HoldIn
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import Placing, refuse_taken, stay_in
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require_place
from hms_rt.storage.unit_of_work import UnitOfWork


class Holding(Placing):
    """Planned moves."""

    async def hold(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: HoldIn
    ) -> AdmissionOut:
        """Keep a bed for an accepted or admitted patient; both wards' boards show until when.

        Raises ``illegal_move`` (also for a bed that is not available), ``conflict`` if another bed is held
        for the patient, somebody else has this one, or the patient has died; ``forbidden``, ``not_found``.
        """

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            after = before.hold()
            await self._refuse_dead(uow, before)
            old = None
            if before.state in IN_BED:
                old = current_stay(await stay_rows.lock_stays(uow.connection, before.id))
            ids = {body.bed_id, *([old.bed_id] if old is not None else [])}
            locked = await self._beds.lock(uow, *ids)
            bed, present = locked[body.bed_id], locked[old.bed_id] if old is not None else None
            require_place(principal, Permission.BED_HOLD, wards_of=(before.ward, bed.ward))
            refuse_taken(bed)
            if bed.status is BedStatus.RESERVED:
                raise conflict(f"bed {bed.code} of ward {bed.ward} is held already: choose another")
            who = Lodger(before.id, before.patient_id, before.id, uow.now)
            until = uow.now + timedelta(minutes=body.minutes)
            await self._beds.hold(uow, bed, who, until, present=present)
            target = stay_in(bed, after, uow.ids.new(), uow.now)
            return Outcome(Move.HOLD, before, after, uow.now, source=old, target=target, moves=False)

        return await self._command(principal, command, Permission.BED_HOLD, admission_id, decide)

    async def release_hold(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: CorrectionIn
    ) -> AdmissionOut:
        """The plan is given up; the bed is available again. ``not_found`` if no bed is held."""

        async def decide(uow: UnitOfWork, before: Admission) -> Outcome:
            after = before.release_hold()
            bed = (await self._lock_held(uow, before)).given_up
            if bed is None:
                raise not_found("a bed that is held for this patient")
            require_place(principal, Permission.BED_HOLD, wards_of=(before.ward, bed.ward))
            await self._beds.release_hold(uow, bed, Cause.CANCELLED)
            given_up = stay_in(bed, after, uow.ids.new(), uow.now)
            return Outcome(
                Move.RELEASE_HOLD,
                before,
                after,
                uow.now,
                source=given_up,
                reason=body.reason,
                moves=False,
            )

        return await self._command(principal, command, Permission.BED_HOLD, admission_id, decide)
