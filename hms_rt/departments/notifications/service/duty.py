"""Who is on call: for whoever must be reached, and where nobody can be."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications.model.on_call import Duty, PlaceKind, duties, gaps
from hms_rt.departments.notifications.repository import on_call as repository
from hms_rt.departments.notifications.schemas.on_call import (
    GapOut,
    GapQuery,
    GapsOut,
    OnCallOut,
    OnCallQuery,
    OnDuty,
)
from hms_rt.departments.notifications.service.covers import Covers
from hms_rt.departments.notifications.service.foundation import connection_of
from hms_rt.kernel.errors import Code, HmsError, not_found
from hms_rt.kernel.paging import CodeCursor, Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

GAPS_AHEAD = timedelta(weeks=4)
LONGEST_LOOK = timedelta(days=400)

Asker = AsyncConnection | UnitOfWork


class DutyRoster(Covers):
    """Reading the rota."""

    async def on_call(self, asker: Asker, group: str, at: datetime) -> list[uuid.UUID]:
        """Who is on call for ``group`` at a moment, covers considered; for other departments.

        Empty where there is a gap, no such group, or only people whose accounts are closed: then the caller
        must tell somebody else.
        """
        connection = connection_of(asker)
        found = await repository.group(connection, group)
        if found is None:
            return []
        on_duty = await self._on_duty(connection, [found], at)
        return [duty.user_id for duty, _ in on_duty[group]]

    async def groups_of(
        self,
        asker: Asker,
        *,
        ward: str | None = None,
        clinic: str | None = None,
        speciality: str | None = None,
        hospital: bool = False,
    ) -> list[str]:
        """The active groups of the named places, nearest first: ward, clinic, speciality, whole hospital."""
        wanted: list[tuple[PlaceKind, str | None]] = [
            (PlaceKind.WARD, ward),
            (PlaceKind.CLINIC, clinic),
            (PlaceKind.SPECIALITY, speciality),
            (PlaceKind.HOSPITAL, "" if hospital else None),
        ]
        found: list[str] = []
        for kind, place in wanted:
            if place is not None:
                rows = await repository.groups(
                    connection_of(asker), place_kind=kind, place=place, active=True
                )
                found += [row.code for row in rows]
        return found

    async def recipients(
        self,
        asker: Asker,
        at: datetime,
        *,
        users: Collection[uuid.UUID] = (),
        groups: Collection[str] = (),
        roles: Collection[Role] | None = None,
        ward: str | None = None,
        clinic: str | None = None,
    ) -> set[uuid.UUID]:
        """Everybody meant by users, on-call groups, and roles at a place; for other departments.

        ``roles`` alone means everywhere, a place alone everybody assigned to it.
        """
        connection = connection_of(asker)
        found = set(users)
        for code in groups:
            found.update(await self.on_call(connection, code, at))
        if roles is not None or ward is not None or clinic is not None:
            there = await self._identity.users_with(connection, roles=roles, ward=ward, clinic=clinic)
            found.update(one.id for one in there)
        return found

    async def now_on_call(self, principal: Principal, query: OnCallQuery) -> Page[OnCallOut]:
        """Active groups by code, each with who is on call."""
        require(principal, Permission.ON_CALL_READ)
        at = query.at or self._units.now()
        after = decode_cursor(query.cursor, CodeCursor).code if query.cursor else None
        async with self._units.reading() as connection:
            rows = await repository.groups(
                connection,
                place_kind=query.place_kind,
                place=query.place,
                active=True,
                after=after,
                limit=query.limit + 1,
            )
            shown, cursor = cut(rows, query.limit, lambda row: CodeCursor(code=row.code))
            on_duty = await self._on_duty(connection, shown, at)
        items = [
            OnCallOut(
                group=row.code,
                name=row.name,
                place_kind=PlaceKind(row.place_kind),
                place=row.place or None,
                at=at,
                people=[
                    OnDuty(user_id=duty.user_id, name=name, until=duty.ends_at, instead_of=duty.instead_of)
                    for duty, name in on_duty[row.code]
                ],
            )
            for row in shown
        ]
        return Page[OnCallOut](items=items, next_cursor=cursor)

    async def gaps(self, principal: Principal, code: str, query: GapQuery) -> GapsOut:
        """When nobody is on call for a group. Raises ``not_found``, ``invalid``."""
        require(principal, Permission.ON_CALL_READ)
        since = query.since or self._units.now()
        until = query.until or since + GAPS_AHEAD
        if not since < until <= since + LONGEST_LOOK:
            raise HmsError(Code.INVALID, "until: after since, and at most 400 days later")
        async with self._units.reading() as connection:
            group = await repository.group(connection, code)
            if group is None:
                raise not_found(f"on-call group {code}")
            open_ = await self._open(connection, group.number, since, until)
        shown = [GapOut(starts_at=begins, ends_at=ends) for begins, ends in open_]
        return GapsOut(group=code, since=since, until=until, gaps=shown)

    async def _open(
        self, connection: AsyncConnection, group_number: int, since: datetime, until: datetime
    ) -> list[tuple[datetime, datetime]]:
        """When nobody who works here is on call for a group."""
        shifts = await repository.shifts(connection, [group_number], since, until)
        duty = [one for shift in shifts for one in duties(shift)]
        reachable = await self._identity.active_names_of(connection, {one.user_id for one in duty})
        return gaps([one for one in duty if one.user_id in reachable], since, until)

    async def _on_duty(
        self, connection: AsyncConnection, groups: Sequence[Row[Any]], at: datetime
    ) -> dict[str, list[tuple[Duty, str]]]:
        """Of each group who is on call, and their names; nobody of inactive groups and accounts."""
        numbers = [row.number for row in groups if row.active]
        shifts = await repository.shifts(connection, numbers, at, at) if numbers else []
        duty = [(shift.group, one) for shift in shifts for one in duties(shift)]
        present = [(group, one) for group, one in duty if one.starts_at <= at < one.ends_at]
        names = await self._identity.active_names_of(connection, {one.user_id for _, one in present})
        found: dict[str, list[tuple[Duty, str]]] = {row.code: [] for row in groups}
        for group, one in present:
            if one.user_id in names and one.user_id not in {known.user_id for known, _ in found[group]}:
                found[group].append((one, names[one.user_id]))
        return found
