"""Reading places and beds; the states of the boards."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import reading, views
from hms_rt.departments.beds.model import Feature, Needs
from hms_rt.departments.beds.repository import board, places
from hms_rt.departments.beds.repository import occupancy as occupancy_rows
from hms_rt.departments.beds.schemas import (
    BedOut,
    BedQuery,
    FreeBeds,
    FreeQuery,
    LocationTree,
    WardOut,
)
from hms_rt.departments.beds.service.foundation import Foundation
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.paging import Page, PageQuery, page_by_code
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

State = dict[str, Mapping[str, Any]]


class Queries(Foundation):
    """Wards, beds, counts. Every answer with a name in it is audited before it is given."""

    async def wards(self, principal: Principal, query: PageQuery) -> Page[WardOut]:
        """Wards, by code."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            found = [reading.ward_out(row) for row in await places.wards(connection)]
        items, next_cursor = page_by_code(found, query)
        return Page[WardOut](items=items, next_cursor=next_cursor)

    async def ward(self, principal: Principal, code: str) -> WardOut:
        """One ward; raises ``not_found``."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            return await self._ward(connection, code)

    async def beds(self, principal: Principal, command: Command, query: BedQuery) -> Page[BedOut]:
        """Beds of a ward by code. Names are shown to the ward's clinical staff, and that is audited."""
        audience = self.audience(principal, query.ward)

        async def work(uow: UnitOfWork) -> Page[BedOut]:
            await self._ward(uow.connection, query.ward)
            page = await reading.beds(uow.connection, query, audience)
            if audience is Audience.CLINICAL:
                uow.audit("ward.read", entity="ward", entity_id=query.ward)
            return page

        return await self._units.execute(principal, replace(command, key=None), Page[BedOut], work)

    async def bed(self, principal: Principal, command: Command, bed_id: uuid.UUID) -> BedOut:
        """One bed; raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> BedOut:
            require(principal, Permission.BED_READ)
            rows = await board.board_rows(uow.connection, ids=[bed_id])
            if not rows:
                raise not_found("that bed")
            audience = self.audience(principal, rows[0].ward_code)
            shown = reading.bed_out(rows[0], audience)
            if shown.occupant is not None:
                uow.audit("bed.read", entity="bed", entity_id=bed_id, patient_id=shown.occupant.patient_id)
            return shown

        return await self._units.execute(principal, replace(command, key=None), BedOut, work)

    async def free(self, principal: Principal, query: FreeQuery | None = None) -> FreeBeds:
        """Beds of the hospital by ward and state, and how many suit what is needed; without names."""
        require(principal, Permission.BEDS_FREE)
        asked = query or FreeQuery()
        features = asked.features.split(",") if asked.features else []
        needs = Needs(frozenset(Feature(one) for one in features), asked.isolation)
        async with self._units.reading() as connection:
            rows = await occupancy_rows.occupancies(connection)
            suitable = await occupancy_rows.suitable(connection, needs)
            cots = await occupancy_rows.cots(connection)
        return FreeBeds(
            wards=[
                reading.free_out(row, suitable.get(row.ward_code, 0), cots.get(row.ward_code, 0))
                for row in rows
            ]
        )

    async def locations(self, principal: Principal) -> LocationTree:
        """The whole tree of places."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            return reading.tree(await places.tree_rows(connection))

    @staticmethod
    async def ward_state(connection: AsyncConnection, code: str) -> State | None:
        """The state of stream ``beds/ward:<code>``; None if there is no such ward."""
        found = await places.wards(connection, code)
        if not found:
            return None
        (counts,) = await occupancy_rows.occupancies(connection, code)
        state: State = {
            "ward": {"code": found[0].code, "name": found[0].name},
            "occupancy": views.occupancy_value(counts),
        }
        for row in await board.board_rows(connection, ward=code):
            state[views.bed_key(row.id)] = views.bed_value(row)
        return state

    @staticmethod
    async def hospital_state(connection: AsyncConnection, _: str) -> State | None:
        """The state of stream ``beds/hospital``."""
        rows = await occupancy_rows.occupancies(connection)
        return {row.ward_code: views.hospital_value(row, row.name) for row in rows}
