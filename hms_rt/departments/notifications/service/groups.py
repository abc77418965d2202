"""On-call groups and their members."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications.model.notification import Kind, Subject
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.model.wording import Phrase, say
from hms_rt.departments.notifications.repository import on_call as repository
from hms_rt.departments.notifications.schemas.on_call import (
    GroupIn,
    GroupOut,
    GroupQuery,
    GroupUpdate,
    MemberIn,
    MemberOut,
)
from hms_rt.departments.notifications.service.telling import Telling
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import CodeCursor, Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.timers import set_timer
from hms_rt.storage.unit_of_work import UnitOfWork

MOST_MEMBERS = 200


GAPS = "notifications.on_call_gaps"
"""The kind of durable timer that looks for gaps of a group; its callback is in ``warning``."""

FIRST_LOOK = timedelta(hours=1)
"""After a group was defined: until then its rota is still being written."""


class Groups(Telling):
    """Defining groups, and who belongs to them."""

    async def define_group(self, principal: Principal, command: Command, wanted: GroupIn) -> GroupOut:
        """Define an on-call group. Raises ``conflict`` if the code is taken."""

        async def work(uow: UnitOfWork) -> GroupOut:
            require(principal, Permission.ON_CALL_DEFINE)
            try:
                await repository.add_group(
                    uow.connection,
                    code=wanted.code,
                    name=wanted.name,
                    place_kind=wanted.place_kind.value,
                    place=wanted.place or "",
                    exactly_one=wanted.exactly_one,
                    active=True,
                    version=1,
                    created_at=uow.now,
                    updated_at=uow.now,
                )
            except IntegrityError as error:
                if violated(error) != "notifications_group_pkey":
                    raise
                raise conflict(f"on-call group {wanted.code} exists already") from error
            uow.audit("on_call.define_group", entity="on_call_group", entity_id=wanted.code)
            await set_timer(uow, GAPS, wanted.code, uow.now + FIRST_LOOK)
            return await self._group(uow.connection, wanted.code)

        return await self._units.execute(principal, command, GroupOut, work)

    async def change_group(
        self, principal: Principal, command: Command, code: str, change: GroupUpdate
    ) -> GroupOut:
        """Rename, close or reopen a group. Raises ``not_found``, ``stale_version``."""

        async def work(uow: UnitOfWork) -> GroupOut:
            require(principal, Permission.ON_CALL_DEFINE)
            group = await self._locked(uow, code)
            command.check_version(group.version)
            values = change.model_dump(exclude_none=True)
            await repository.save_group(uow.connection, code, **values, updated_at=uow.now)
            if change.active:
                await set_timer(uow, GAPS, code, uow.now)
            detail = {"active": change.active}
            uow.audit("on_call.change_group", entity="on_call_group", entity_id=code, detail=detail)
            return await self._group(uow.connection, code)

        return await self._units.execute(principal, command, GroupOut, work)

    async def add_member(
        self, principal: Principal, command: Command, code: str, joining: MemberIn
    ) -> GroupOut:
        """Let an active user join; repeating it changes nothing. Raises ``not_found``, ``conflict``."""

        async def work(uow: UnitOfWork) -> GroupOut:
            require(principal, Permission.ON_CALL_DEFINE)
            group = await self._locked(uow, code)
            if joining.user_id not in await self._identity.active_names_of(uow.connection, [joining.user_id]):
                raise not_found("an active user of that id")
            known = (await repository.members(uow.connection, [group.number]))[group.number]
            if len(known) >= MOST_MEMBERS:
                raise conflict(f"a group has at most {MOST_MEMBERS} members")
            await repository.add_member(uow.connection, group.number, joining.user_id, principal.id, uow.now)
            detail = {"user": str(joining.user_id)}
            uow.audit("on_call.add_member", entity="on_call_group", entity_id=code, detail=detail)
            return await self._group(uow.connection, code)

        return await self._units.execute(principal, command, GroupOut, work)

    async def remove_member(
        self, principal: Principal, command: Command, code: str, leaving: MemberIn
    ) -> GroupOut:
        """Let somebody leave; what is left of their shifts and covers ends now and shows as gaps.

        Raises ``not_found``.
        """

        async def work(uow: UnitOfWork) -> GroupOut:
            require(principal, Permission.ON_CALL_DEFINE)
            group = await self._locked(uow, code)
            known = (await repository.members(uow.connection, [group.number]))[group.number]
            if leaving.user_id not in known:
                raise not_found("that member")
            ended = await repository.remove_member(uow.connection, known[leaving.user_id], uow.now)
            detail = {"user": str(leaving.user_id), "shifts_ended": ended}
            uow.audit("on_call.remove_member", entity="on_call_group", entity_id=code, detail=detail)
            await self._tell_of(uow, code, {leaving.user_id}, Phrase.GROUP_LEFT)
            return await self._group(uow.connection, code)

        return await self._units.execute(principal, command, GroupOut, work)

    async def groups(self, principal: Principal, query: GroupQuery) -> Page[GroupOut]:
        """Groups by code."""
        require(principal, Permission.ON_CALL_READ)
        after = decode_cursor(query.cursor, CodeCursor).code if query.cursor else None
        async with self._units.reading() as connection:
            rows = await repository.groups(
                connection,
                place_kind=query.place_kind,
                place=query.place,
                after=after,
                limit=query.limit + 1,
            )
            shown, cursor = cut(rows, query.limit, lambda row: CodeCursor(code=row.code))
            return Page[GroupOut](items=await self._groups_out(connection, shown), next_cursor=cursor)

    async def group(self, principal: Principal, code: str) -> GroupOut:
        """One group; raises ``not_found``."""
        require(principal, Permission.ON_CALL_READ)
        async with self._units.reading() as connection:
            return await self._group(connection, code)

    # --- inside

    async def _locked(self, uow: UnitOfWork, code: str) -> Row[Any]:
        """Lock a group, after which nobody else changes its shifts; raises ``not_found``."""
        found = await repository.group(uow.connection, code, lock=True)
        if found is None:
            raise not_found(f"on-call group {code}")
        return found

    async def _group(self, connection: AsyncConnection, code: str) -> GroupOut:
        found = await repository.group(connection, code)
        if found is None:
            raise not_found(f"on-call group {code}")
        return (await self._groups_out(connection, [found]))[0]

    async def _groups_out(self, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[GroupOut]:
        members = await repository.members(connection, [row.number for row in rows])
        ids = {user for known in members.values() for user in known}
        names = await self._identity.names_of(connection, ids)
        return [
            GroupOut(
                code=row.code,
                name=row.name,
                place_kind=PlaceKind(row.place_kind),
                place=row.place or None,
                exactly_one=row.exactly_one,
                active=row.active,
                members=[MemberOut(user_id=user, name=names[user]) for user in members[row.number]],
                version=row.version,
            )
            for row in rows
        ]

    async def _tell_of(self, uow: UnitOfWork, code: str, people: set[uuid.UUID], phrase: Phrase) -> None:
        """Tell those whose duty changed, but not whoever changed it."""
        subject = Subject("on_call_group", code)
        await self.notify(
            uow, people - {uow.principal.id}, Kind.ON_CALL_CHANGED, say(phrase, group=code), subject
        )
