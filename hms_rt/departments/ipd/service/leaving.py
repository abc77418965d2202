"""Patients leave the hospital, and what becomes of the children who room in with them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from hms_rt.departments.beds.model import Bed
from hms_rt.departments.ipd.events import PatientDied
from hms_rt.departments.ipd.model import Admission, ChildrenGo, Disposition, Move, current_stay
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, DepartureIn
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import left_as
from hms_rt.departments.ipd.service.rooming_in import Child, Families, RoomingIn
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork

SHE_DIED = "the mother died"


class Leaving(RoomingIn):
    """A bed is free when the patient leaves it, not when that is ordered."""

    async def depart(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: DepartureIn
    ) -> AdmissionOut:
        """The patient leaves; the bed is to be cleaned, or is contaminated first. A hold is given up.

        Without an order only as died, left or transferred out (``conflict``). Children who room in leave in
        the same way, or stay in their cots: ``conflict`` unless it is told which. Raises ``illegal_move``,
        ``forbidden``, and ``invalid`` for a time before the patient came into the bed. Who died is recorded
        as deceased with it.
        """

        async def decide(uow: UnitOfWork, before: Admission, families: Families) -> Outcome:
            require_ward(principal, Permission.STAY_DEPART, before.ward)
            before.check(Move.DEPART)
            if body.disposition is not Disposition.DIED:
                await self._refuse_dead(uow, before)
            stay = current_stay(await stay_rows.lock_stays(uow.connection, before.id))
            at = occurred(body.occurred_at, uow.now, after=stay.started_at)
            after = before.depart(body.disposition, at)
            children = families.rooming_in(before.id)
            goes = _told(body, children)
            others = {child.stay.bed_id for child in children}
            for child in children:
                held = await self._beds.held_bed(uow, child.admission.id)
                others |= {held} if held is not None else set()
            beds = await self._lock_held(uow, before, stay.bed_id, *others)
            await self._children_go(uow, children, body, goes, beds.locked, at)
            await stay_rows.save_stay(uow.connection, stay.end(at))
            await self._beds.vacate(uow, beds.target, to=left_as(contaminated=body.contaminated), since=at)
            if beds.given_up is not None:
                await self._beds.release_hold(uow, beds.given_up)
            if body.disposition is Disposition.DIED:
                uow.record(PatientDied(after.id, after.patient_id, at))
            return Outcome(Move.DEPART, before, after, at, source=stay, disposition=body.disposition)

        return await self._family_command(principal, command, Permission.STAY_DEPART, admission_id, decide)

    async def _children_go(
        self,
        uow: UnitOfWork,
        children: Sequence[Child],
        body: DepartureIn,
        goes: ChildrenGo,
        beds: Mapping[uuid.UUID, Bed],
        at: datetime,
    ) -> None:
        for child in children:
            cot = beds[child.stay.bed_id]
            if goes is ChildrenGo.STAY:
                await self._apart(uow, child, cot, at, body.children_reason or SHE_DIED)
                continue
            before, after = child.admission, _departed(child, body.disposition, at)
            await stay_rows.save_stay(uow.connection, child.stay.end(at))
            await self._beds.vacate(uow, cot, to=left_as(contaminated=body.contaminated), since=at)
            await self._give_up_hold(uow, before)
            told = Outcome(Move.DEPART, before, after, at, source=child.stay, disposition=body.disposition)
            await self._saved(uow, told)


def _departed(child: Child, how: Disposition, at: datetime) -> Admission:
    """The child's admission; whoever is refused is told that it is about the child."""
    try:
        return child.admission.depart(how, at)
    except HmsError as error:
        raise HmsError(error.code, f"the child who rooms in: {error.detail}", fields=error.fields) from error


def _told(body: DepartureIn, children: Sequence[Child]) -> ChildrenGo:
    """What becomes of the children; raises ``conflict`` if there are any and nobody said."""
    if body.children is not None:
        return body.children
    if body.disposition is Disposition.DIED or not children:
        return ChildrenGo.STAY
    raise HmsError(
        Code.CONFLICT,
        f"children room in with the patient ({len(children)}): say children leave, if they go with her, or"
        " stay and children_reason",
        fields={
            "admissions": [str(child.admission.id) for child in children],
            "legal": [one.value for one in ChildrenGo],
        },
    )
