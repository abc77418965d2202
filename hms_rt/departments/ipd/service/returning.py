"""Where a patient lies again when a move was a mistake: the bed before, or another; and the children.

The bed before has to be available, for its state says what staff found there since. Whoever finds it taken
names another bed in the same command.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hms_rt.departments.beds.model import Bed, BedStatus
from hms_rt.departments.ipd.model import IN_BED, Admission, Move, Stay, current_stay, history_of
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import ReturnIn
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import lodger, refuse_taken, stay_in
from hms_rt.departments.ipd.service.rooming_in import ROOMING_IN, Arrival, Child, Families, RoomingIn, beside
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.storage.unit_of_work import UnitOfWork

SHE_IS_ELSEWHERE = "the mother lies elsewhere"


@dataclass(frozen=True, slots=True)
class Way:
    """A child's way back: from the cot where it lies, or left; ``before``: the one it came from, if any."""

    child: Child
    before: Stay | None = None


@dataclass(frozen=True, slots=True)
class Back:
    """The locked beds of a return, and the one where the patient lies; ``other``: not the one before."""

    locked: Mapping[uuid.UUID, Bed]
    target: Bed
    other: bool


class Returning(RoomingIn):
    """What corrections of moves have in common."""

    async def _relatives(self, uow: UnitOfWork, admission_id: uuid.UUID) -> set[uuid.UUID]:
        """Whose admissions a correction touches too: of the mother, and of children who left with her."""
        admission = await admission_rows.admission(uow.connection, admission_id)
        stays = await stay_rows.stays(uow.connection, [admission_id])
        found = {stay.beside for stay in stays if stay.beside is not None}
        return found | {stay.admission_id for stay in await self._gone(uow, admission)}

    @staticmethod
    async def _gone(uow: UnitOfWork, mother: Admission) -> list[Stay]:
        if mother.discharged_at is None:
            return []
        return await stay_rows.children_gone(uow.connection, mother.id, mother.discharged_at)

    async def _bed_back(
        self, uow: UnitOfWork, admission: Admission, body: ReturnIn, before: Stay, also: Collection[uuid.UUID]
    ) -> Back:
        """Lock the beds of a return. Raises ``illegal_move`` that offers another bed if the one before is
        not available, ``conflict`` if the one that is told is taken, ``not_found``."""
        told = body.bed_id if body.bed_id != before.bed_id else None
        locked = await self._beds.lock(uow, *{told or before.bed_id, *also})
        if body.ward is not None:
            target = await self._beds.lock_any_free(uow, body.ward, admission.needs)
            return Back(locked, target, other=target.id != before.bed_id)
        target = locked[told or before.bed_id]
        if told is not None:
            refuse_taken(target)
        else:
            _refuse_unready(target, admission)
        return Back(locked, target, other=told is not None)

    async def _other_stay(
        self, uow: UnitOfWork, admission: Admission, bed: Bed, body: ReturnIn, since: datetime | None
    ) -> Stay:
        """A stay that begins in another bed than before: at ``since``, or as soon after as it was free."""
        await self._beds.lock_rooms(uow, [bed])
        override = await self._check_suits(uow, bed, admission, body.override_reason)
        latest = await stay_rows.latest_end(uow.connection, admission.patient_id, bed.id)
        at = max(one for one in (since or uow.now, latest) if one is not None)
        stay = stay_in(bed, admission, uow.ids.new(), at, override)
        await stay_rows.insert_stay(uow.connection, stay)
        return stay

    @staticmethod
    async def _hers(uow: UnitOfWork, families: Families, stay: Stay) -> Stay | None:
        """Where the mother lies now of a child that lay beside her; None if she is in no bed. Locked."""
        mother = families.admissions.get(stay.beside) if stay.beside is not None else None
        if mother is None or mother.state not in IN_BED:
            return None
        return current_stay(await stay_rows.lock_stays(uow.connection, mother.id))

    @staticmethod
    async def _reopen(
        uow: UnitOfWork, stay: Stay, back: Back, hers: Stay | None
    ) -> tuple[Stay, uuid.UUID | None]:
        """A stay goes on. Of a child: beside the mother if she lies in that room; answers her bed, too."""
        again, beside_bed = stay.reopened(), None
        if stay.beside is not None:
            bed = back.locked[hers.bed_id] if hers is not None else None
            if bed is not None and (bed.ward, bed.room) == (back.target.ward, back.target.room):
                beside_bed = bed.id
            apart = None if beside_bed is not None else stay.apart_reason or SHE_IS_ELSEWHERE
            again = replace(again, apart_reason=apart)
        await stay_rows.save_stay(uow.connection, again)
        return again, beside_bed

    # --- children of a mother whose move was a mistake

    async def _ways(self, uow: UnitOfWork, children: Sequence[Child], wrong: Stay) -> list[Way]:
        """How children came to where they lie since their mother's mistaken move."""
        ways = []
        for child in children:
            stays = history_of(await stay_rows.lock_stays(uow.connection, child.admission.id))
            last = stays[-2] if len(stays) > 1 else None
            came = last is not None and last.beside == wrong.admission_id
            with_her = came and child.stay.started_at >= wrong.started_at
            ways.append(Way(child, last if with_her else None))
        return ways

    async def _children_back(
        self, uow: UnitOfWork, ways: Sequence[Way], mother: Arrival, beds: Mapping[uuid.UUID, Bed], why: str
    ) -> None:
        """Children go back with their mother; who lies in a cot of the room is beside her again."""
        for way in ways:
            cot = beds[way.child.stay.bed_id]
            if (cot.ward, cot.room) == (mother.bed.ward, mother.bed.room):
                await self._together(uow, way.child, mother, cot)
            elif way.child.stay.rooms_in:
                await self._child_back(uow, way, mother, beds, why)

    async def _child_back(
        self, uow: UnitOfWork, way: Way, mother: Arrival, beds: Mapping[uuid.UUID, Bed], why: str
    ) -> None:
        child, wrong = way.child, way.child.stay
        await stay_rows.save_stay(uow.connection, wrong.mistaken(uow.now))
        after = child.admission.cancel_transfer(mother.bed.ward)
        before = way.before
        if before is not None and _ready_beside(beds[before.bed_id], mother.bed):
            target = beds[before.bed_id]
            stay = before.reopened().together(mother.admission.id)
            await stay_rows.save_stay(uow.connection, stay)
        else:
            target, stay = await self._in_new_cot(uow, after, mother, wrong.started_at)
        who = replace(lodger(after, stay), beside=mother.bed.id)
        await self._beds.move(uow, beds[wrong.bed_id], target, who)
        told = Outcome(
            Move.CANCEL_TRANSFER, child.admission, after, uow.now, source=wrong, target=stay, reason=why
        )
        await self._saved(uow, told)

    async def _in_new_cot(
        self, uow: UnitOfWork, child: Admission, mother: Arrival, since: datetime
    ) -> tuple[Bed, Stay]:
        """A stay from ``since`` on in a cot beside the mother that nobody lay in then."""
        taken = await stay_rows.beds_left_after(uow.connection, mother.bed.ward, since)
        cot = await self._beds.lock_cot(uow, mother.bed, taken)
        stay = beside(stay_in(cot, child, uow.ids.new(), since, ROOMING_IN), mother.admission.id)
        await stay_rows.insert_stay(uow.connection, stay)
        return cot, stay

    async def _gone_back(
        self,
        uow: UnitOfWork,
        gone: Sequence[Child],
        mother: Arrival,
        beds: Mapping[uuid.UUID, Bed],
        why: str,
    ) -> None:
        """Children who left with their mother never left, either."""
        for child in gone:
            after = child.admission.cancel_discharge(mother.bed.ward)
            cot = beds[child.stay.bed_id]
            if _ready_beside(cot, mother.bed):
                stay = child.stay.reopened().together(mother.admission.id)
                await stay_rows.save_stay(uow.connection, stay)
            else:
                cot, stay = await self._in_new_cot(uow, after, mother, uow.now)
            await self._beds.occupy(uow, cot, replace(lodger(after, stay), beside=mother.bed.id))
            await self._saved(
                uow, Outcome(Move.CANCEL_DISCHARGE, child.admission, after, uow.now, target=stay, reason=why)
            )
            if after.discharge_ordered_at is not None:
                await self._mark_leaving(uow, after, since=after.discharge_ordered_at)

    @staticmethod
    async def _children_gone(uow: UnitOfWork, mother: Admission, families: Families) -> list[Child]:
        """Locked: the children who left with the mother, in her one moment."""
        found = []
        for stay in await Returning._gone(uow, mother):
            if stay.admission_id not in families.admissions:
                raise conflict("a child came to the mother just now: look again")
            found.append(Child(families.admissions[stay.admission_id], stay))
        return found


def _ready_beside(cot: Bed, mothers: Bed) -> bool:
    here = (cot.ward, cot.room) == (mothers.ward, mothers.room)
    return here and cot.status is BedStatus.AVAILABLE


def _refuse_unready(bed: Bed, admission: Admission) -> None:
    """Raises ``illegal_move`` that names the state of the bed before, and offers another."""
    held = bed.status is BedStatus.RESERVED and bed.reserved_for in (None, admission.id)
    if bed.status is BedStatus.AVAILABLE or held:
        return
    raise HmsError(
        Code.ILLEGAL_MOVE,
        f"bed {bed.code} of ward {bed.ward} is {bed.status.value}: the patient cannot go back to it. Make it"
        " available, or say bed_id or ward for another bed",
        fields={
            "state": bed.status.value,
            "move": BedStatus.OCCUPIED.value,
            "legal": [],
            "bed_id": str(bed.id),
            "instead": ["bed_id", "ward"],
        },
    )
