"""Where a patient comes to lie: choosing and locking beds, and whether one suits."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from hms_rt.departments.beds.model import Bed, BedStatus
from hms_rt.departments.beds.service import Lodger
from hms_rt.departments.ipd.model import Admission, Stay, current_stay
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import BedChoice
from hms_rt.departments.ipd.service.foundation import Foundation
from hms_rt.kernel.commands import occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Chosen:
    """The locked beds of a move: all, where to, and the one held that is not needed any more."""

    locked: Mapping[uuid.UUID, Bed]
    target: Bed
    given_up: Bed | None


class Placing(Foundation):
    """Beds are locked by id; an available one that nobody waits for may come last."""

    async def _chosen(
        self,
        uow: UnitOfWork,
        admission: Admission,
        choice: BedChoice,
        source_id: uuid.UUID | None = None,
        also: Collection[uuid.UUID] = (),
    ) -> Chosen:
        """Lock the beds of a move, ``also`` those. Raises ``not_found``, and ``conflict`` if nothing is
        available or held."""
        held_id = await self._beds.held_bed(uow, admission.id)
        if choice.held and held_id is None:
            raise conflict("no bed is held for this patient: the hold has expired, or was released")
        wanted = held_id if choice.held else choice.bed_id
        if wanted is not None and wanted == source_id:
            raise conflict("the patient is in that bed already")
        own = {one for one in (source_id, wanted, held_id) if one is not None}
        locked = await self._beds.lock(uow, *own, *also)
        held = _still_held(locked.get(held_id) if held_id else None, admission)
        if choice.held and held is None:
            raise conflict("no bed is held for this patient: the hold has expired, or was released")
        if wanted is not None:
            target = locked[wanted]
        else:
            target = await self._any_free(uow, choice, admission)
        return Chosen(locked, target, held if held is not None and held.id != target.id else None)

    async def _any_free(self, uow: UnitOfWork, choice: BedChoice, admission: Admission) -> Bed:
        """Lock an available bed of the ward: if the move is told late, one that nobody was in since then."""
        ward, told = choice.ward or "", choice.occurred_at
        taken = await stay_rows.beds_left_after(uow.connection, ward, told) if told is not None else set()
        return await self._beds.lock_any_free(uow, ward, admission.needs, taken)

    async def _lock_held(self, uow: UnitOfWork, admission: Admission, *others: uuid.UUID) -> Chosen:
        """Lock the patient's bed, if told, and the one held. ``target`` is the first of them."""
        held_id = await self._beds.held_bed(uow, admission.id)
        ids = [*others, *([held_id] if held_id is not None else [])]
        if not ids:
            raise not_found("a bed that is held for this patient")
        locked = await self._beds.lock(uow, *set(ids))
        held = _still_held(locked.get(held_id) if held_id else None, admission)
        return Chosen(locked, locked[ids[0]], held)

    async def _give_up_hold(self, uow: UnitOfWork, admission: Admission) -> None:
        """Whoever does not come needs no bed kept."""
        held_id = await self._beds.held_bed(uow, admission.id)
        if held_id is None:
            return
        held = _still_held((await self._beds.lock(uow, held_id))[held_id], admission)
        if held is not None:
            await self._beds.release_hold(uow, held)

    async def _mark_leaving(self, uow: UnitOfWork, admission: Admission, *, since: datetime | None) -> None:
        """The board shows that the patient may go, and how much is to be done before; or that they stay."""
        stay = current_stay(await stay_rows.lock_stays(uow.connection, admission.id))
        bed = (await self._beds.lock(uow, stay.bed_id))[stay.bed_id]
        count = None if since is None else len(await self._outstanding(uow, admission))
        await self._beds.mark_leaving(uow, bed, since, count)

    async def _check_suits(
        self,
        uow: UnitOfWork,
        bed: Bed,
        admission: Admission,
        override: str | None,
        leaving: Collection[uuid.UUID] = (),
    ) -> str | None:
        """The reason to keep with the stay, if the bed does not suit; raises ``conflict`` without one."""
        against = await self._beds.unsuitable(uow, bed, admission.needs, leaving=leaving)
        if against and override is None:
            raise conflict(
                f"bed {bed.code} of ward {bed.ward} does not suit: {'; '.join(against)}."
                " Choose another, or say override_reason"
            )
        return override if against else None

    @staticmethod
    async def _moment(
        uow: UnitOfWork, told: datetime | None, admission: Admission, bed: Bed, after: datetime | None = None
    ) -> datetime:
        """When the patient came into ``bed``. A time that is told is checked by the rules of stays; who tells
        none is not refused for clocks that differ: now is after whatever happened before."""
        if told is not None:
            return occurred(told, uow.now)
        ends = (after, await stay_rows.latest_end(uow.connection, admission.patient_id, bed.id))
        return max([uow.now, *(one for one in ends if one is not None)])


def _still_held(bed: Bed | None, admission: Admission) -> Bed | None:
    """The bed, if it is reserved for the admission now that it is locked."""
    if bed is None or bed.status is not BedStatus.RESERVED or bed.reserved_for != admission.id:
        return None
    return bed


def stay_in(
    bed: Bed, admission: Admission, stay_id: uuid.UUID, at: datetime, override: str | None = None
) -> Stay:
    """A stay that begins."""
    return Stay(
        id=stay_id,
        admission_id=admission.id,
        patient_id=admission.patient_id,
        bed_id=bed.id,
        bed_code=bed.code,
        ward=bed.ward,
        started_at=at,
        override_reason=override,
    )


def lodger(admission: Admission, stay: Stay) -> Lodger:
    """Who comes into the bed of ``stay``."""
    return Lodger(
        stay_id=stay.id,
        patient_id=admission.patient_id,
        holder=admission.id,
        since=stay.started_at,
        precaution=admission.needs.precaution,
    )


def refuse_taken(bed: Bed) -> None:
    """Raises ``conflict`` if somebody is in ``bed``."""
    if bed.status is BedStatus.OCCUPIED:
        raise conflict(f"bed {bed.code} of ward {bed.ward} has a patient already: choose another")


def left_as(*, contaminated: bool) -> BedStatus:
    """What becomes of a bed that is left."""
    return BedStatus.CONTAMINATED if contaminated else BedStatus.CLEANING
