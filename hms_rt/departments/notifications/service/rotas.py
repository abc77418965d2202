"""Rotas and shifts: who is meant to be on call, and when."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications.model.on_call import LONGEST_SHIFT, Shift, Turn, turns
from hms_rt.departments.notifications.model.wording import Phrase
from hms_rt.departments.notifications.repository import on_call as repository
from hms_rt.departments.notifications.schemas.on_call import (
    CoverOut,
    RotaCursor,
    RotaIn,
    RotaLineIn,
    RotaOut,
    ShiftCursor,
    ShiftIn,
    ShiftOut,
    ShiftQuery,
    Withdrawal,
)
from hms_rt.departments.notifications.service.groups import Groups
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, conflict, not_found
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

_OVERLAPS = {
    "notifications_shift_one_at_a_time": (
        "somebody is on call for this group at that time already: "
        "let it be covered, or cancel that shift first"
    ),
    "notifications_shift_same_person": "this person has a shift of the group at that time already",
    "notifications_cover_one_at_a_time": (
        "that part of the shift is covered already: cancel that cover first, or choose another time"
    ),
}


class Rotas(Groups):
    """Making shifts, one by one or by a weekly pattern, and taking them back."""

    async def add_rota(self, principal: Principal, command: Command, code: str, wanted: RotaIn) -> RotaOut:
        """Make the shifts of a pattern, all or none. Raises ``conflict`` if one overlaps, ``not_found``."""

        async def work(uow: UnitOfWork) -> RotaOut:
            require(principal, Permission.ON_CALL_DEFINE)
            group = await self._locked(uow, code)
            made = turns(
                [line.line() for line in wanted.lines],
                weeks=wanted.weeks,
                valid_from=wanted.valid_from,
                valid_until=wanted.valid_until,
                zone=self._zone,
            )
            rota_id = uow.ids.new()
            await repository.add_rota(
                uow.connection,
                id=rota_id,
                group_number=group.number,
                valid_from=wanted.valid_from,
                valid_until=wanted.valid_until,
                weeks=wanted.weeks,
                lines=[line.model_dump(mode="json") for line in wanted.lines],
                version=1,
                created_by=principal.id,
                created_at=uow.now,
            )
            await self._add(uow, group, made, rota_id)
            detail = {"rota": str(rota_id), "shifts": len(made)}
            uow.audit("on_call.add_rota", entity="on_call_group", entity_id=code, detail=detail)
            people = {turn.user_id for turn in made}
            await self._tell_of(uow, code, people, Phrase.ROTA_JOINED)
            return await _rota(uow.connection, rota_id)

        return await self._units.execute(principal, command, RotaOut, work)

    async def end_rota(
        self, principal: Principal, command: Command, rota_id: uuid.UUID, why: Withdrawal
    ) -> RotaOut:
        """Cancel what has not begun of a rota; ending it again changes nothing. Raises ``not_found``."""

        async def work(uow: UnitOfWork) -> RotaOut:
            require(principal, Permission.ON_CALL_DEFINE)
            await self._locked(uow, (await _rota(uow.connection, rota_id)).group)
            before = await _rota(uow.connection, rota_id)
            command.check_version(before.version)
            if before.ended_at is not None:
                return before
            await repository.end_rota(uow.connection, rota_id, uow.now)
            detail = {"rota": str(rota_id), "reason": why.reason}
            uow.audit("on_call.end_rota", entity="on_call_group", entity_id=before.group, detail=detail)
            people = {line.user_id for line in before.lines}
            await self._tell_of(uow, before.group, people, Phrase.ROTA_ENDED)
            return await _rota(uow.connection, rota_id)

        return await self._units.execute(principal, command, RotaOut, work)

    async def rotas(self, principal: Principal, code: str, query: PageQuery) -> Page[RotaOut]:
        """Rotas of a group, newest first; raises ``not_found``."""
        require(principal, Permission.ON_CALL_READ)
        before = decode_cursor(query.cursor, RotaCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            number = await _number(connection, code)
            rows = await repository.rotas(connection, number, before=before, limit=query.limit + 1)
        shown, cursor = cut(rows, query.limit, lambda row: RotaCursor(id=row.id))
        return Page[RotaOut](items=[_rota_out(row) for row in shown], next_cursor=cursor)

    async def add_shift(self, principal: Principal, command: Command, code: str, wanted: ShiftIn) -> ShiftOut:
        """Add one shift of a member. Raises ``conflict`` if it overlaps, ``not_found``, ``invalid``."""

        async def work(uow: UnitOfWork) -> ShiftOut:
            require(principal, Permission.ON_CALL_DEFINE)
            if not timedelta(0) < wanted.ends_at - wanted.starts_at <= LONGEST_SHIFT:
                raise HmsError(Code.INVALID, "ends_at: after starts_at, and at most 31 days later")
            group = await self._locked(uow, code)
            turn = Turn(wanted.user_id, wanted.starts_at, wanted.ends_at)
            (shift_id,) = await self._add(uow, group, [turn], None)
            detail = {"shift": str(shift_id), "user": str(wanted.user_id)}
            uow.audit("on_call.add_shift", entity="on_call_group", entity_id=code, detail=detail)
            await self._tell_of(uow, code, {wanted.user_id}, Phrase.SHIFT_GIVEN)
            return await self._shift_out(uow, shift_id)

        return await self._units.execute(principal, command, ShiftOut, work)

    async def cancel_shift(
        self, principal: Principal, command: Command, shift_id: uuid.UUID, why: Withdrawal
    ) -> None:
        """Cancel a shift that is not over; its time becomes a gap. Raises ``not_found``, ``conflict``."""

        async def work(uow: UnitOfWork) -> None:
            require(principal, Permission.ON_CALL_DEFINE)
            shift = (await self._lock_shifts(uow, [shift_id]))[shift_id]
            command.check_version(shift.version)
            if shift.ends_at <= uow.now:
                raise conflict("that shift is over: it stays as it was")
            await repository.cancel_shift(uow.connection, shift_id, uow.now)
            detail = {"shift": str(shift_id), "reason": why.reason}
            uow.audit("on_call.cancel_shift", entity="on_call_group", entity_id=shift.group, detail=detail)
            people = {shift.user_id, *(cover.user_id for cover in shift.covers)}
            await self._tell_of(uow, shift.group, people, Phrase.SHIFT_CANCELLED)

        await self._units.execute(principal, command, type(None), work)

    async def shifts(self, principal: Principal, code: str, query: ShiftQuery) -> Page[ShiftOut]:
        """Shifts of a group by begin, with covers; those that overlap a time. Raises ``not_found``."""
        require(principal, Permission.ON_CALL_READ)
        at = decode_cursor(query.cursor, ShiftCursor) if query.cursor else None
        since = query.since or self._units.now()
        async with self._units.reading() as connection:
            number = await _number(connection, code)
            found = await repository.shifts(
                connection,
                [number],
                since,
                query.until,
                after=(at.starts_at, at.id) if at else None,
                limit=query.limit + 1,
            )
            shown, cursor = cut(
                found, query.limit, lambda one: ShiftCursor(starts_at=one.starts_at, id=one.id)
            )
            return Page[ShiftOut](items=await self._shifts_out(connection, shown), next_cursor=cursor)

    # --- inside

    async def _add(
        self, uow: UnitOfWork, group: Row[Any], made: Sequence[Turn], rota_id: uuid.UUID | None
    ) -> list[uuid.UUID]:
        if not made:
            raise HmsError(Code.INVALID, "the rota makes no shift: no line falls on a day of its validity")
        members = (await repository.members(uow.connection, [group.number]))[group.number]
        if not {turn.user_id for turn in made} <= members.keys():
            raise HmsError(Code.INVALID, "user_id: only members of the group can have shifts; add them first")
        rows = [
            {
                "id": uow.ids.new(),
                "group_number": group.number,
                "exactly_one": group.exactly_one,
                "member_number": members[turn.user_id],
                "rota_id": rota_id,
                "starts_at": turn.starts_at,
                "ends_at": turn.ends_at,
                "version": 1,
                "created_by": uow.principal.id,
                "created_at": uow.now,
            }
            for turn in made
        ]
        try:
            await repository.add_shifts(uow.connection, rows)
        except IntegrityError as error:
            raise overlap(error) from error
        return [row["id"] for row in rows]

    async def _lock_shifts(self, uow: UnitOfWork, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Shift]:
        """Lock the groups of shifts, then read them; raises ``not_found``."""
        numbers = await repository.group_numbers_of(uow.connection, ids)
        await repository.lock_groups(uow.connection, numbers)
        found = await repository.shifts_by_id(uow.connection, ids)
        if set(found) != set(ids):
            raise not_found("that shift")
        return found

    async def _shift_out(self, uow: UnitOfWork, shift_id: uuid.UUID) -> ShiftOut:
        found = await repository.shifts_by_id(uow.connection, [shift_id])
        return (await self._shifts_out(uow.connection, [found[shift_id]]))[0]

    async def _shifts_out(self, connection: AsyncConnection, found: Sequence[Shift]) -> list[ShiftOut]:
        ids = {one.user_id for one in found} | {cover.user_id for one in found for cover in one.covers}
        names = await self._identity.names_of(connection, ids)
        return [
            ShiftOut(
                id=one.id,
                group=one.group,
                user_id=one.user_id,
                name=names[one.user_id],
                rota_id=one.rota_id,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                covers=[
                    CoverOut(
                        id=cover.id,
                        user_id=cover.user_id,
                        name=names[cover.user_id],
                        starts_at=cover.starts_at,
                        ends_at=cover.ends_at,
                        reason=cover.reason,
                    )
                    for cover in one.covers
                ],
                version=one.version,
            )
            for one in found
        ]


def overlap(error: IntegrityError) -> HmsError | IntegrityError:
    """What to tell of a shift or cover that the database refused."""
    told = _OVERLAPS.get(violated(error) or "")
    return conflict(told) if told is not None else error


async def _number(connection: AsyncConnection, code: str) -> int:
    found = await repository.group(connection, code)
    if found is None:
        raise not_found(f"on-call group {code}")
    return int(found.number)


async def _rota(connection: AsyncConnection, rota_id: uuid.UUID) -> RotaOut:
    row = await repository.rota(connection, rota_id)
    if row is None:
        raise not_found("that rota")
    return _rota_out(row)


def _rota_out(row: Row[Any]) -> RotaOut:
    return RotaOut(
        id=row.id,
        group=row.code,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        weeks=row.weeks,
        lines=[RotaLineIn.model_validate(line) for line in row.lines],
        ended_at=row.ended_at,
        shifts=row.shifts,
        version=row.version,
    )
