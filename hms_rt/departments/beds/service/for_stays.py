"""What the department of stays asks of beds, inside its unit of work and after its own locks."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds.events import BedMove, BedsChanged
from hms_rt.departments.beds.model import Bed, BedKind, BedStatus, Needs, Precaution, unsuitable
from hms_rt.departments.beds.repository import beds as bed_rows
from hms_rt.departments.beds.repository import occupants
from hms_rt.departments.beds.repository import rooms as room_rows
from hms_rt.departments.beds.service.foundation import Foundation, taken
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.errors import conflict
from hms_rt.storage.unit_of_work import UnitOfWork

BOTH_TAKEN = "the bed has a patient, or the patient has a bed"


@dataclass(frozen=True, slots=True)
class Lodger:
    """Who comes into a bed, and when: ``holder`` is the admission."""

    stay_id: uuid.UUID
    patient_id: uuid.UUID
    holder: uuid.UUID
    since: datetime
    precaution: Precaution | None = None
    beside: uuid.UUID | None = None
    """Of a child who rooms in: the mother's bed, which is locked."""


class ForStays(Foundation):
    """``occupied`` follows the patient's stay, and a hold the plan of a transfer."""

    async def lock(self, uow: UnitOfWork, *ids: uuid.UUID) -> dict[uuid.UUID, Bed]:
        """Lock beds, in order of id; raises ``not_found``."""
        return await bed_rows.lock_beds(uow.connection, ids)

    async def lock_any_free(
        self, uow: UnitOfWork, ward: str, needs: Needs, but: Collection[uuid.UUID] = ()
    ) -> Bed:
        """Lock some available bed of ``ward`` that suits and is none of ``but``; raises ``conflict`` when
        there is none."""
        await self._ward(uow.connection, ward)
        bed = await bed_rows.lock_free_bed(uow.connection, ward, needs, but)
        if bed is None:
            asked = ", ".join(
                [*sorted(needs.all_features), *([f"{needs.isolation} isolation"] if needs.isolation else [])]
            )
            then = ", or they had somebody at that time" if but else ""
            raise conflict(f"ward {ward} has no available bed" + (f" for {asked}" if asked else "") + then)
        return bed

    async def lock_cot(self, uow: UnitOfWork, beside: Bed, but: Collection[uuid.UUID] = ()) -> Bed:
        """Lock a cot in the room of a locked bed: an available one, none of ``but``, or one brought there."""
        await bed_rows.lock_rooms(uow.connection, [(beside.ward, beside.room)])
        cot = await bed_rows.lock_cot(uow.connection, beside.ward, beside.room, but)
        if cot is not None:
            return cot
        number = await bed_rows.cots_of_room(uow.connection, beside.ward, beside.room) + 1
        made = Bed(
            id=uow.ids.new(),
            ward=beside.ward,
            code=f"{beside.room[:11]}-C{number}",
            status=BedStatus.AVAILABLE,
            isolation=False,
            since=uow.now,
            reserved_for=None,
            reserved_until=None,
            version=1,
            room=beside.room,
            kind=BedKind.COT,
        )
        try:
            await bed_rows.insert_bed(uow.connection, made)
        except IntegrityError as error:
            detail = f"ward {beside.ward} has a bed {made.code} that is no cot: say which bed"
            raise taken(error, detail) from error
        uow.record(
            BedsChanged((BedMove(made.id, made.ward, None, made.status, counted=False),), Cause.DEFINED)
        )
        return made

    async def lock_rooms(self, uow: UnitOfWork, beds: Collection[Bed]) -> None:
        """Lock the rooms of locked beds, in order: from then on nobody comes in, nor is isolated there."""
        await bed_rows.lock_rooms(uow.connection, [(bed.ward, bed.room) for bed in beds])

    async def unsuitable(
        self, uow: UnitOfWork, bed: Bed, needs: Needs, *, leaving: Collection[uuid.UUID] = ()
    ) -> list[str]:
        """What speaks against a patient with ``needs`` in a bed whose room is locked.

        ``leaving``: beds of the same room that are being left in the same transaction.
        """
        others = await bed_rows.neighbours(uow.connection, bed, leaving)
        kept = await room_rows.kept_for(uow.connection, bed.ward, bed.room)
        return unsuitable(needs, bed.features, others, kept)

    async def occupy(self, uow: UnitOfWork, bed: Bed, who: Lodger) -> None:
        """Put a patient into a locked bed. Raises ``illegal_move``, ``conflict``."""
        after = _isolated(bed.occupy(who.holder, who.since), who)
        await self._put_in(uow, bed, who)
        await self._save(uow, [(bed, after)], Cause.OCCUPIED)

    async def vacate(
        self,
        uow: UnitOfWork,
        bed: Bed,
        *,
        to: BedStatus = BedStatus.CLEANING,
        since: datetime | None = None,
    ) -> None:
        """Take the patient out of a locked bed, which is cleaned next. Raises ``illegal_move``."""
        after = bed.vacate(to, since or uow.now)
        await occupants.remove_occupant(uow.connection, bed.id)
        await self._save(uow, [(bed, after)], Cause.LEFT)

    async def move(
        self,
        uow: UnitOfWork,
        source: Bed,
        target: Bed,
        who: Lodger,
        *,
        leaves: BedStatus = BedStatus.CLEANING,
    ) -> None:
        """Move a patient between two locked beds, as one change of both boards.

        The bed left behind becomes ``leaves``. Raises ``illegal_move``, ``conflict``.
        """
        target_after = _isolated(target.occupy(who.holder, who.since), who)
        source_after = source.vacate(leaves, who.since)
        leaving = await occupants.leaving(uow.connection, source.id)
        await occupants.remove_occupant(uow.connection, source.id)
        await self._put_in(uow, target, who)
        if leaving is not None:
            await occupants.mark_leaving(uow.connection, target.id, *leaving)
        await self._save(uow, [(source, source_after), (target, target_after)], Cause.MOVED)

    async def exchange(self, uow: UnitOfWork, first: tuple[Bed, Lodger], second: tuple[Bed, Lodger]) -> None:
        """Each goes into the bed that the other leaves, as one change of both boards; the beds are locked."""
        came_from = {first[0].id: second[0], second[0].id: first[0]}
        left = {
            bed.id: await occupants.leaving(uow.connection, came_from[bed.id].id)
            for bed, _ in (first, second)
        }
        for bed, _ in (first, second):
            await occupants.remove_occupant(uow.connection, bed.id)
        pairs = []
        for bed, who in (first, second):
            await self._put_in(uow, bed, who)
            leaving = left[bed.id]
            if leaving is not None:
                await occupants.mark_leaving(uow.connection, bed.id, *leaving)
            pairs.append((bed, _isolated(bed.exchanged(who.since), who)))
        await self._save(uow, pairs, Cause.MOVED)

    # --- holds

    async def hold(
        self, uow: UnitOfWork, bed: Bed, lodger: Lodger, until: datetime, *, present: Bed | None
    ) -> None:
        """Keep a locked bed for an admission; boards show until when, and who to those who treat.

        Raises ``illegal_move``, ``invalid`` for an end that is past or over 24 hours away, and ``conflict``
        if another bed is held for that admission.
        """
        after = bed.reserve(lodger.holder, until, uow.now)
        patient = (await self._patients.brief(uow.connection, [lodger.patient_id]))[lodger.patient_id]
        try:
            await occupants.put_hold(
                uow.connection,
                bed_id=bed.id,
                admission_id=lodger.holder,
                patient_id=patient.id,
                name=patient.name,
                mrn=patient.mrn,
                sex=patient.sex,
                birth_date=patient.birth_date,
                from_ward=present.ward if present else None,
                from_bed=present.code if present else None,
                held_at=uow.now,
            )
        except IntegrityError as error:
            raise taken(error, "another bed is held for this patient: release that hold first") from error
        await self._save(uow, [(bed, after)], Cause.HELD)

    async def held_bed(self, uow: UnitOfWork, admission_id: uuid.UUID) -> uuid.UUID | None:
        """Which bed is held for an admission now; not locked, so look again once it is."""
        rows = await occupants.holds_of(uow.connection, [admission_id])
        return rows[0].bed_id if rows else None

    async def release_hold(self, uow: UnitOfWork, bed: Bed, cause: Cause = Cause.RELEASED) -> None:
        """Give up the hold of a locked bed, which is available again. Raises ``illegal_move``.

        ``CANCELLED`` is for who accounts for it in the history of the admission.
        """
        await self._save(uow, [(bed, bed.change_status(BedStatus.AVAILABLE, uow.now))], cause)

    @staticmethod
    async def holds_of(
        connection: AsyncConnection, admission_ids: Collection[uuid.UUID]
    ) -> Mapping[uuid.UUID, Any]:
        """The beds held for these admissions: bed_id, code, ward_code, reserved_until, held_at."""
        rows: Sequence[Any] = await occupants.holds_of(connection, admission_ids)
        return {row.admission_id: row for row in rows}

    # --- what boards show of a patient in a bed

    async def stand_beside(self, uow: UnitOfWork, cot: Bed, mothers: uuid.UUID | None) -> None:
        """The child in a locked cot lies beside the mother's bed, which is locked; None: without her."""
        await occupants.stand_beside(uow.connection, cot.id, mothers)
        self._shown_anew(uow, cot, Cause.MOVED)

    async def mark_leaving(
        self, uow: UnitOfWork, bed: Bed, since: datetime | None, outstanding: int | None
    ) -> None:
        """The patient in a locked bed may go since then, and so much is to be done before; None: stays."""
        await occupants.mark_leaving(uow.connection, bed.id, since, outstanding)
        self._shown_anew(uow, bed, Cause.LEAVING)

    async def isolate(self, uow: UnitOfWork, bed: Bed, precaution: Precaution | None) -> None:
        """The patient in a locked bed is in isolation from now on; None: not any more.

        It is a fact, so it is recorded whoever else lies in the room.
        """
        await self._save(uow, [(bed, bed.isolated(precaution))], Cause.FLAG)

    @staticmethod
    async def recount(uow: UnitOfWork, patient_id: uuid.UUID, count: Callable[[], Awaitable[int]]) -> None:
        """Count anew what is to be done before this patient goes, if they may go; once the bed is locked."""
        for bed_id in sorted(await occupants.beds_of_patient(uow.connection, patient_id)):
            bed = (await bed_rows.lock_beds(uow.connection, [bed_id]))[bed_id]
            leaving = await occupants.leaving(uow.connection, bed_id)
            if leaving is None:
                continue
            outstanding = await count()
            if outstanding != leaving[1]:
                await occupants.mark_leaving(uow.connection, bed_id, leaving[0], outstanding)
                ForStays._shown_anew(uow, bed, Cause.LEAVING)

    async def _put_in(self, uow: UnitOfWork, bed: Bed, who: Lodger) -> None:
        patient = (await self._patients.brief(uow.connection, [who.patient_id]))[who.patient_id]
        try:
            await occupants.put_occupant(
                uow.connection,
                bed_id=bed.id,
                stay_id=who.stay_id,
                patient_id=who.patient_id,
                name=patient.name,
                mrn=patient.mrn,
                sex=patient.sex,
                birth_date=patient.birth_date,
                since=who.since,
                beside=who.beside,
            )
        except IntegrityError as error:
            raise taken(error, BOTH_TAKEN) from error


def _isolated(bed: Bed, who: Lodger) -> Bed:
    """A mark that staff put on the bed stays; the isolation of the patient comes and goes with them."""
    if who.precaution is not None or bed.isolation_kind is not None:
        return bed.isolated(who.precaution)
    return bed
