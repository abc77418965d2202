"""Covers and swaps: somebody else stands in."""

import uuid

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.notifications.model.on_call import Shift, part_of
from hms_rt.departments.notifications.model.wording import Phrase
from hms_rt.departments.notifications.repository import on_call as repository
from hms_rt.departments.notifications.schemas.on_call import CoverIn, ShiftOut, SwapIn, SwapOut, Withdrawal
from hms_rt.departments.notifications.service.rotas import Rotas, overlap
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, conflict, forbidden, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, Scope, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Covers(Rotas):
    """Whoever has a shift, whoever stands in, or an administrator arranges it; both are told."""

    async def cover(
        self, principal: Principal, command: Command, shift_id: uuid.UUID, wanted: CoverIn
    ) -> ShiftOut:
        """Let another member stand in for all or a part of a shift that is not over.

        Raises ``conflict`` if that part is covered already, ``forbidden``, ``not_found``, ``invalid``.
        """

        async def work(uow: UnitOfWork) -> ShiftOut:
            scope = require(principal, Permission.ON_CALL_COVER)
            shift = (await self._lock_shifts(uow, [shift_id]))[shift_id]
            if scope is Scope.OWN and principal.id not in {shift.user_id, wanted.user_id}:
                raise forbidden("only your own shift, or somebody's for whom you stand in")
            command.check_version(shift.version)
            await self._stand_in(uow, shift, wanted, None)
            return await self._shift_out(uow, shift_id)

        return await self._units.execute(principal, command, ShiftOut, work)

    async def swap(self, principal: Principal, command: Command, wanted: SwapIn) -> SwapOut:
        """Two people of a group take each other's shift, as one change.

        Raises ``conflict`` if one is covered already, ``forbidden``, ``not_found``, ``invalid``.
        """

        async def work(uow: UnitOfWork) -> SwapOut:
            scope = require(principal, Permission.ON_CALL_COVER)
            ids = [wanted.shift_id, wanted.other_id]
            shifts = await self._lock_shifts(uow, ids)
            mine, other = shifts[wanted.shift_id], shifts[wanted.other_id]
            if mine.group != other.group or mine.user_id == other.user_id:
                raise HmsError(Code.INVALID, "other_id: a shift of somebody else in the same group")
            if scope is Scope.OWN and principal.id not in {mine.user_id, other.user_id}:
                raise forbidden("only your own shift")
            swap_id = uow.ids.new()
            for one, by in ((mine, other.user_id), (other, mine.user_id)):
                await self._stand_in(uow, one, CoverIn(user_id=by, reason=wanted.reason), swap_id)
            return SwapOut(shifts=[await self._shift_out(uow, shift_id) for shift_id in ids])

        return await self._units.execute(principal, command, SwapOut, work)

    async def cancel_cover(
        self, principal: Principal, command: Command, cover_id: uuid.UUID, why: Withdrawal
    ) -> ShiftOut:
        """Whoever has the shift takes it back. Raises ``not_found``, ``forbidden``, ``conflict``."""

        async def work(uow: UnitOfWork) -> ShiftOut:
            scope = require(principal, Permission.ON_CALL_COVER)
            shift_id = await repository.shift_of_cover(uow.connection, cover_id)
            if shift_id is None:
                raise not_found("that cover")
            shift = (await self._lock_shifts(uow, [shift_id]))[shift_id]
            cover = next((one for one in shift.covers if one.id == cover_id), None)
            if cover is None:
                raise not_found("that cover")
            if scope is Scope.OWN and principal.id not in {shift.user_id, cover.user_id}:
                raise forbidden("only a cover of your own shift, or your own cover")
            if cover.ends_at <= uow.now:
                raise conflict("that cover is over: it stays as it was")
            await repository.cancel_cover(uow.connection, cover_id, uow.now)
            await repository.touch_shift(uow.connection, shift_id)
            detail = {"shift": str(shift_id), "cover": str(cover_id), "reason": why.reason}
            uow.audit("on_call.cancel_cover", entity="on_call_group", entity_id=shift.group, detail=detail)
            people = {shift.user_id, cover.user_id}
            await self._tell_of(uow, shift.group, people, Phrase.COVER_CANCELLED)
            return await self._shift_out(uow, shift_id)

        return await self._units.execute(principal, command, ShiftOut, work)

    async def _stand_in(
        self, uow: UnitOfWork, shift: Shift, wanted: CoverIn, swap_id: uuid.UUID | None
    ) -> None:
        begins, ends = part_of(shift, wanted.since, wanted.until)
        if ends <= uow.now:
            raise conflict("that time is over: it stays as it was")
        if wanted.user_id == shift.user_id:
            raise HmsError(Code.INVALID, "user_id: somebody else than whose shift it is")
        (number,) = await repository.group_numbers_of(uow.connection, [shift.id])
        members = (await repository.members(uow.connection, [number]))[number]
        if wanted.user_id not in members:
            raise HmsError(Code.INVALID, "user_id: only members of the group can stand in; add them first")
        try:
            await repository.add_cover(
                uow.connection,
                id=uow.ids.new(),
                shift_number=shift.number,
                group_number=number,
                member_number=members[wanted.user_id],
                starts_at=begins,
                ends_at=ends,
                reason=wanted.reason,
                swap_id=swap_id,
                version=1,
                created_by=uow.principal.id,
                created_at=uow.now,
            )
        except IntegrityError as error:
            raise overlap(error) from error
        await repository.touch_shift(uow.connection, shift.id)
        detail = {"shift": str(shift.id), "by": str(wanted.user_id), "reason": wanted.reason}
        uow.audit("on_call.cover", entity="on_call_group", entity_id=shift.group, detail=detail)
        people = {shift.user_id, wanted.user_id}
        await self._tell_of(uow, shift.group, people, Phrase.SHIFT_COVERED)
