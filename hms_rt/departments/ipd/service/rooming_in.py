"""Mother and child: where she goes the children go who room in, unless somebody says why not.

A child who rooms in lies in a cot of the room where its mother lies; the database holds the two together, so
that whoever moves her says in the same transaction what becomes of the child.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hms_rt.departments.beds.model import Bed
from hms_rt.departments.ipd.model import Admission, Move, Stay
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import Placing, left_as, lodger, stay_in
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

ROOMING_IN = "rooming in with the mother"
WITH_HER = "with the mother"


@dataclass(frozen=True, slots=True)
class Child:
    """A child in a cot that stands, or stood, beside its mother's bed; locked."""

    admission: Admission
    stay: Stay


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where the mother lies from ``at`` on: the children follow her there. ``told``: somebody said when."""

    admission: Admission
    bed: Bed
    at: datetime
    told: bool = False


@dataclass(frozen=True, slots=True)
class Families:
    """Locked: the admissions asked for, and the children of each who lie in cots."""

    admissions: Mapping[uuid.UUID, Admission]
    children: Mapping[uuid.UUID, Sequence[Child]]

    def cots(self) -> set[uuid.UUID]:
        """The beds of all children."""
        return {child.stay.bed_id for several in self.children.values() for child in several}

    def rooming_in(self, mother: uuid.UUID) -> list[Child]:
        """The children beside the mother now."""
        return [child for child in self.children[mother] if child.stay.rooms_in]


Relatives = Callable[[UnitOfWork, uuid.UUID], Awaitable[Collection[uuid.UUID]]]
DecideFamily = Callable[[UnitOfWork, Admission, Families], Awaitable[Outcome]]


class RoomingIn(Placing):
    """Children follow, stay, or come back to their mother. Their admissions are saved and told here."""

    async def _lock_families(
        self, uow: UnitOfWork, *ids: uuid.UUID, also: Collection[uuid.UUID] = ()
    ) -> Families:
        """Lock patients by id, then admissions by id: those of ``ids``, their children's, and ``also``.

        Raises ``conflict`` if a child was born or came while the locks were waited for.
        """
        seen = {stay.admission_id for stay in await stay_rows.children_of(uow.connection, ids)}
        wanted = {*ids, *seen, *also}
        patients = {await admission_rows.patient_of(uow.connection, one) for one in wanted}
        for patient_id in sorted(patients):
            await self._patients.lock(uow, patient_id)
        locked = {one: await admission_rows.lock_admission(uow.connection, one) for one in sorted(wanted)}
        children: dict[uuid.UUID, list[Child]] = {one: [] for one in ids}
        for stay in await stay_rows.children_of(uow.connection, ids):
            if stay.admission_id not in locked:
                raise conflict("a child came to the mother just now: look again")
            if stay.beside is not None:
                children[stay.beside].append(Child(locked[stay.admission_id], stay))
        return Families(locked, children)

    async def _family_command(
        self,
        principal: Principal,
        command: Command,
        permission: Permission,
        admission_id: uuid.UUID,
        decide: DecideFamily,
        relatives: Relatives | None = None,
    ) -> AdmissionOut:
        """As :meth:`_command`, with the children of the patient locked, too, and ``relatives``."""

        async def work(uow: UnitOfWork) -> AdmissionOut:
            require(principal, permission)
            also = await relatives(uow, admission_id) if relatives is not None else ()
            families = await self._lock_families(uow, admission_id, also=also)
            before = families.admissions[admission_id]
            command.check_version(before.version)
            outcome = await decide(uow, before, families)
            await admission_rows.save_admission(uow.connection, outcome.after)
            return await self._written(uow, outcome)

        return await self._execute(principal, command, work)

    async def _follow(
        self,
        uow: UnitOfWork,
        children: Sequence[Child],
        mother: Arrival,
        beds: Mapping[uuid.UUID, Bed],
        stay_because: str | None,
    ) -> None:
        """The children of a mother who goes to another bed: along with her, or apart for a reason.

        Who lies in a cot of the room to which she comes is beside her from then on, whatever was before.
        """
        for child in children:
            cot = beds[child.stay.bed_id]
            if (cot.ward, cot.room) == (mother.bed.ward, mother.bed.room):
                await self._together(uow, child, mother, cot)
            elif not child.stay.rooms_in:
                continue
            elif stay_because is not None:
                await self._apart(uow, child, cot, mother.at, stay_because)
            else:
                await self._along(uow, child, mother, cot)

    async def _apart(self, uow: UnitOfWork, child: Child, cot: Bed, at: datetime, reason: str) -> None:
        """The child stays in its cot while the mother goes."""
        await stay_rows.save_stay(uow.connection, child.stay.apart(reason))
        await self._beds.stand_beside(uow, cot, None)
        before, after = child.admission, child.admission.separate()
        outcome = Outcome(Move.SEPARATE, before, after, at, source=child.stay, reason=reason, moves=False)
        await self._saved(uow, outcome)

    async def _together(self, uow: UnitOfWork, child: Child, mother: Arrival, cot: Bed) -> None:
        """The mother lies in the room where the cot stands."""
        if not child.stay.rooms_in or child.stay.beside != mother.admission.id:
            await stay_rows.save_stay(uow.connection, child.stay.together(mother.admission.id))
            before, after = child.admission, child.admission.room_in(cot.ward)
            outcome = Outcome(Move.ROOM_IN, before, after, mother.at, target=child.stay, moves=False)
            await self._saved(uow, outcome)
        await self._beds.stand_beside(uow, cot, mother.bed.id)

    async def _along(
        self, uow: UnitOfWork, child: Child, mother: Arrival, cot: Bed, move: Move = Move.TRANSFER
    ) -> None:
        """The child goes into a cot beside the mother's bed; the one it leaves is cleaned."""
        target = await self._cot_beside(uow, mother)
        before = child.admission
        after = before.transfer(target.ward) if move is Move.TRANSFER else before.room_in(target.ward)
        stay = beside(stay_in(target, after, uow.ids.new(), mother.at, ROOMING_IN), mother.admission.id)
        await stay_rows.save_stay(uow.connection, child.stay.end(mother.at))
        await stay_rows.insert_stay(uow.connection, stay)
        leaves = left_as(contaminated=mother.admission.isolation is not None)
        who = replace(lodger(after, stay), beside=mother.bed.id)
        await self._beds.move(uow, cot, target, who, leaves=leaves)
        reason = WITH_HER if move is Move.TRANSFER else ROOMING_IN
        told = Outcome(move, before, after, mother.at, source=child.stay, target=stay, reason=reason)
        await self._saved(uow, told)

    async def _cot_beside(self, uow: UnitOfWork, mother: Arrival) -> Bed:
        """Lock a cot of the mother's room: if her move is told late, one that was free at that time."""
        taken = (
            await stay_rows.beds_left_after(uow.connection, mother.bed.ward, mother.at)
            if mother.told
            else set()
        )
        return await self._beds.lock_cot(uow, mother.bed, taken)

    async def _saved(self, uow: UnitOfWork, outcome: Outcome) -> None:
        await admission_rows.save_admission(uow.connection, outcome.after)
        await self._written(uow, outcome)


def beside(stay: Stay, mother: uuid.UUID) -> Stay:
    """A stay in a cot beside the mother, whose admission is given."""
    return replace(stay, beside=mother)
