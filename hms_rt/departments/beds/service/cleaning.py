"""Requests to housekeeping. Locks: the bed, then the request."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import reading, views
from hms_rt.departments.beds.events import CleaningChanged
from hms_rt.departments.beds.model import Bed, BedStatus
from hms_rt.departments.beds.model.cleaning import Cleaning, CleaningKind, CleaningMove
from hms_rt.departments.beds.repository import beds as bed_rows
from hms_rt.departments.beds.repository import cleaning as cleaning_rows
from hms_rt.departments.beds.repository import places
from hms_rt.departments.beds.schemas import CleaningCursor, CleaningIn, CleaningOut, CleaningQuery
from hms_rt.departments.beds.service.foundation import TO_CLEAN, Foundation, new_cleaning, taken
from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import AssignmentKind, Principal, Role
from hms_rt.security.permissions import Permission, require, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork

State = dict[str, Mapping[str, Any]]
CAUSES = {
    CleaningMove.CLAIM: Cause.STARTED,
    CleaningMove.GIVE_BACK: Cause.REQUEUED,
    CleaningMove.FINISH: Cause.DONE,
    CleaningMove.CANCEL: Cause.CANCELLED,
}


class Cleanings(Foundation):
    """What housekeeping is asked to do, and does. A bed that becomes clean becomes available with it."""

    async def request_cleaning(
        self, principal: Principal, command: Command, bed_id: uuid.UUID, wanted: CleaningIn
    ) -> CleaningOut:
        """Something is to be cleaned now; the bed's state stays. ``conflict`` if a request is open."""

        async def work(uow: UnitOfWork) -> CleaningOut:
            require(principal, Permission.CLEANING_REQUEST)
            bed = (await bed_rows.lock_beds(uow.connection, [bed_id]))[bed_id]
            require_ward(principal, Permission.CLEANING_REQUEST, bed.ward)
            request = new_cleaning(uow, bed, CleaningKind.SPOT, wanted.note)
            try:
                await cleaning_rows.insert(uow.connection, request)
            except IntegrityError as error:
                raise taken(error, "a cleaning of this bed is asked for already") from error
            return await self._moved(uow, bed, request, "cleaning.request", Cause.ORDERED)

        return await self._units.execute(principal, command, CleaningOut, work)

    async def claim_cleaning(
        self, principal: Principal, command: Command, cleaning_id: uuid.UUID
    ) -> CleaningOut:
        """Somebody starts; a contaminated bed is being cleaned from then on. Raises ``illegal_move``."""

        async def follow(uow: UnitOfWork, bed: Bed) -> None:
            if bed.status is BedStatus.CONTAMINATED:
                cleaned = bed.change_status(BedStatus.CLEANING, uow.now)
                await self._save(uow, [(bed, cleaned)], Cause.STATUS)

        return await self._move(
            principal,
            command,
            cleaning_id,
            CleaningMove.CLAIM,
            lambda request, uow: request.claim(principal.id, principal.name, uow.now),
            follow,
        )

    async def give_back_cleaning(
        self, principal: Principal, command: Command, cleaning_id: uuid.UUID
    ) -> CleaningOut:
        """Somebody else shall do it; said by who claimed it, or by the ward. Raises ``illegal_move``."""
        return await self._move(
            principal,
            command,
            cleaning_id,
            CleaningMove.GIVE_BACK,
            lambda request, _: request.give_back(),
        )

    async def finish_cleaning(
        self, principal: Principal, command: Command, cleaning_id: uuid.UUID
    ) -> CleaningOut:
        """It is clean; a bed that waited for that is available. Raises ``illegal_move``."""

        async def follow(uow: UnitOfWork, bed: Bed) -> None:
            if bed.status in TO_CLEAN:
                await self._save(uow, [(bed, bed.made_ready(uow.now))], Cause.STATUS)

        return await self._move(
            principal,
            command,
            cleaning_id,
            CleaningMove.FINISH,
            lambda request, uow: request.finish(principal.id, uow.now),
            follow,
        )

    async def cancel_cleaning(
        self, principal: Principal, command: Command, cleaning_id: uuid.UUID
    ) -> CleaningOut:
        """Not needed after all; ``conflict`` for a bed that waits for it. Raises ``illegal_move``."""

        def cancelled(request: Cleaning, uow: UnitOfWork) -> Cleaning:
            after = request.cancel(principal.id, uow.now)
            if request.kind is not CleaningKind.SPOT:
                raise conflict("the bed waits to be cleaned: finish it, or change the state of the bed")
            return after

        return await self._move(principal, command, cleaning_id, CleaningMove.CANCEL, cancelled)

    async def cleanings(self, principal: Principal, query: CleaningQuery) -> Page[CleaningOut]:
        """Requests of a ward, newest first; ``forbidden`` for another ward."""
        require_ward(principal, Permission.CLEANING_READ, query.ward)
        before = decode_cursor(query.cursor, CleaningCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            rows = await cleaning_rows.page(
                connection, ward=query.ward, state=query.state, before=before, limit=query.limit + 1
            )
        shown, cursor = cut(rows, query.limit, lambda row: CleaningCursor(id=row.id))
        return Page[CleaningOut](items=[reading.cleaning_out(row) for row in shown], next_cursor=cursor)

    async def tell_overdue(self, principal: Principal, command: Command) -> None:
        """The server's timer: tells the charge nurse of beds that wait too long, of each once.

        Where a ward has none, all of its nurses. Processes that run it at the same time take different
        requests; the mark, the message and the change of the board commit together.
        """

        async def work(uow: UnitOfWork) -> None:
            for request in await cleaning_rows.lock_overdue(uow.connection, uow.now, most=50):
                late = replace(request, overdue_at=uow.now, version=request.version + 1)
                await cleaning_rows.save(uow.connection, late)
                uow.record(CleaningChanged(request.id, request.ward, Cause.OVERDUE))
                (row,) = await cleaning_rows.shown(uow.connection, ids=[request.id])
                minutes = int((uow.now - request.requested_at).total_seconds() // 60)
                await self._notifications.notify(
                    uow,
                    await self._in_charge(uow, request.ward),
                    Kind.CLEANING_OVERDUE,
                    say(Phrase.CLEANING_OVERDUE, bed=row.code, ward=request.ward, minutes=minutes),
                    Subject("bed", str(request.bed_id)),
                    priority=Priority.HIGH,
                )
                uow.audit("cleaning.overdue", entity="cleaning", entity_id=request.id)

        await self._units.execute(principal, command, type(None), work)

    async def _in_charge(self, uow: UnitOfWork, ward: str) -> list[uuid.UUID]:
        found = await self._identity.users_with(
            uow.connection, ward=ward, assignment_kind=AssignmentKind.CHARGE_NURSE
        ) or await self._identity.users_with(uow.connection, roles=[Role.NURSE], ward=ward)
        return [user.id for user in found]

    # --- the room of housekeeping

    @staticmethod
    def cleaning_audience(principal: Principal, ward: str) -> Audience:
        """Housekeeping and the staff of the ward; raises ``forbidden`` for everybody else."""
        require_ward(principal, Permission.CLEANING_READ, ward)
        return Audience.STAFF

    @staticmethod
    async def cleaning_state(connection: AsyncConnection, ward: str) -> State | None:
        """The state of stream ``beds/cleaning:<ward>``; None if there is no such ward."""
        if not await places.wards(connection, ward):
            return None
        rows = await cleaning_rows.shown(connection, open_in=ward)
        return {views.cleaning_key(row.id): views.cleaning_value(row) for row in rows}

    # --- inside

    async def _move(
        self,
        principal: Principal,
        command: Command,
        cleaning_id: uuid.UUID,
        move: CleaningMove,
        decide: Callable[[Cleaning, UnitOfWork], Cleaning],
        follow: Callable[[UnitOfWork, Bed], Any] | None = None,
    ) -> CleaningOut:
        async def work(uow: UnitOfWork) -> CleaningOut:
            require(principal, Permission.CLEANING_DO)
            bed_id = await cleaning_rows.bed_of(uow.connection, cleaning_id)
            bed = (await bed_rows.lock_beds(uow.connection, [bed_id]))[bed_id]
            require_ward(principal, Permission.CLEANING_DO, bed.ward)
            request = await cleaning_rows.lock(uow.connection, cleaning_id)
            command.check_version(request.version)
            after = decide(request, uow)
            await cleaning_rows.save(uow.connection, after)
            if follow is not None:
                await follow(uow, bed)
            return await self._moved(uow, bed, after, f"cleaning.{move}", CAUSES[move])

        return await self._units.execute(principal, command, CleaningOut, work)

    async def _moved(
        self, uow: UnitOfWork, bed: Bed, request: Cleaning, action: str, cause: Cause
    ) -> CleaningOut:
        """Records ``CleaningChanged``, shows the bed anew, audits, answers."""
        uow.record(CleaningChanged(request.id, bed.ward, cause))
        self._shown_anew(uow, bed, cause)
        uow.audit(action, entity="cleaning", entity_id=request.id, detail={"kind": request.kind})
        (row,) = await cleaning_rows.shown(uow.connection, ids=[request.id])
        return reading.cleaning_out(row)
