"""Two patients exchange beds: one transaction over both admissions, both stays, both beds."""

import uuid
from collections.abc import Iterable

from hms_rt.departments.beds.model import Bed
from hms_rt.departments.ipd.model import Admission, Move, Stay, current_stay
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas import AdmissionOut, SwapIn
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import lodger, stay_in
from hms_rt.departments.ipd.service.rooming_in import Arrival, Families, RoomingIn
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_place
from hms_rt.storage.unit_of_work import UnitOfWork

ONE_ROOM = "exchanged beds within one room"


class Swapping(RoomingIn):
    """Neither bed is free in between, so nobody else can take one."""

    async def swap(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, body: SwapIn
    ) -> AdmissionOut:
        """Each goes into the other's bed. A nurse needs to be assigned to one of the two wards.

        Children who room in go with their mother, unless ``children_stay`` says why not. Answers the
        admission of the path. Raises ``illegal_move``, ``forbidden``, ``not_found``, ``invalid``
        for a time before either came into the present bed, and ``conflict`` if a bed does not suit or one
        of the two is in isolation and the other not in the same: that bed has to be cleaned first.
        """

        async def work(uow: UnitOfWork) -> AdmissionOut:
            require(principal, Permission.STAY_TRANSFER)
            if admission_id == body.with_admission:
                raise conflict("a patient exchanges beds with another, not with themselves")
            families = await self._lock_families(uow, admission_id, body.with_admission)
            command.check_version(families.admissions[admission_id].version)
            both = (admission_id, body.with_admission)
            outcomes = await self._exchanged(uow, principal, families, both, body)
            for outcome in outcomes:
                await admission_rows.save_admission(uow.connection, outcome.after)
            await self._written(uow, outcomes[1])
            return await self._written(uow, outcomes[0])

        return await self._execute(principal, command, work)

    async def _exchanged(
        self,
        uow: UnitOfWork,
        principal: Principal,
        families: Families,
        both: tuple[uuid.UUID, uuid.UUID],
        body: SwapIn,
    ) -> list[Outcome]:
        mine, other = (families.admissions[one] for one in both)
        for one in (mine, other):
            one.check(Move.SWAP)
        old = {}
        for one in sorted((mine, other), key=lambda each: each.id):
            old[one.id] = current_stay(await stay_rows.lock_stays(uow.connection, one.id))
        _refuse_children(old.values())
        locked = await self._beds.lock(uow, *(stay.bed_id for stay in old.values()), *families.cots())
        beds = {stay.bed_id: locked[stay.bed_id] for stay in old.values()}
        require_place(principal, Permission.STAY_TRANSFER, wards_of=[stay.ward for stay in old.values()])
        came = max(stay.started_at for stay in old.values())
        at = occurred(body.occurred_at, uow.now, after=came)
        await self._beds.lock_rooms(uow, list(beds.values()))
        moves = []
        for one, to in ((mine, old[other.id]), (other, old[mine.id])):
            bed = beds[to.bed_id]
            override = await self._override(uow, bed, one, (mine, other), beds, body.override_reason)
            stay = stay_in(bed, one, uow.ids.new(), at, override)
            moves.append((one, one.swap(bed.ward), old[one.id], stay))
        await self._move_stays(uow, moves)
        await self._beds.exchange(
            uow, *((beds[stay.bed_id], lodger(after, stay)) for _, after, _, stay in moves)
        )
        for _, after, _, stay in moves:
            there = Arrival(after, beds[stay.bed_id], at, told=body.occurred_at is not None)
            await self._follow(uow, families.children[after.id], there, locked, body.children_stay)
        return [
            Outcome(Move.SWAP, before, after, at, source=left, target=stay, reason=stay.override_reason)
            for before, after, left, stay in moves
        ]

    async def _override(
        self,
        uow: UnitOfWork,
        bed: Bed,
        admission: Admission,
        both: tuple[Admission, Admission],
        beds: dict[uuid.UUID, Bed],
        told: str | None,
    ) -> str | None:
        if both[0].needs.precaution != both[1].needs.precaution and told is None:
            raise conflict(
                "one of them is in isolation: transfer to a bed that is clean, or say override_reason"
            )
        if len({(one.ward, one.room) for one in beds.values()}) == 1:
            return told or ONE_ROOM
        return await self._check_suits(uow, bed, admission, told, list(beds))

    @staticmethod
    async def _move_stays(uow: UnitOfWork, moves: list[tuple[Admission, Admission, Stay, Stay]]) -> None:
        """Both end before either begins: no bed has two patients at any moment."""
        for _, _, left, stay in moves:
            await stay_rows.save_stay(uow.connection, left.end(stay.started_at))
        for _, _, _, stay in moves:
            await stay_rows.insert_stay(uow.connection, stay)


def _refuse_children(stays: Iterable[Stay]) -> None:
    """Who came into a cot beside the mother goes where she goes, or is transferred."""
    if any(stay.beside is not None for stay in stays):
        raise conflict("a child in a cot exchanges no bed: transfer the child, or let it room in")
