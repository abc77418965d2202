"""Clinics and their counters."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd.events import ClinicDefined, CounterChanged
from hms_rt.departments.opd.repository import clinics, lines
from hms_rt.departments.opd.schemas.queue import CategoryOut, ClinicIn, ClinicOut, CounterIn, CounterOut
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import HmsError, conflict, not_found
from hms_rt.kernel.paging import Page, PageQuery, page_by_code
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_counter
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Clinics(Foundation):
    """Defining clinics and counters, opening and closing counters."""

    async def define_clinic(self, principal: Principal, command: Command, clinic: ClinicIn) -> ClinicOut:
        """Define a clinic; its queue begins today. Raises ``conflict`` if the code is taken."""

        async def work(uow: UnitOfWork) -> ClinicOut:
            require(principal, Permission.CLINIC_DEFINE)
            letters = [(category.letter, category.name) for category in clinic.categories]
            try:
                await clinics.insert_clinic(
                    uow.connection, clinic.code, clinic.name, clinic.facility, letters, self._day(uow.now)
                )
            except IntegrityError as error:
                raise _taken(error, f"clinic {clinic.code} exists already") from error
            await lines.insert(uow.connection, clinic.code, clinic.appointments_in_row)
            uow.record(ClinicDefined(clinic.code))
            uow.audit("clinic.define", entity="clinic", entity_id=clinic.code)
            return await find_clinic(uow.connection, clinic.code)

        return await self._units.execute(principal, command, ClinicOut, work)

    async def define_counter(
        self, principal: Principal, command: Command, clinic: str, wanted: CounterIn
    ) -> CounterOut:
        """Define a counter. Raises ``conflict`` if any clinic has a counter of that code, ``not_found``."""

        async def work(uow: UnitOfWork) -> CounterOut:
            require(principal, Permission.CLINIC_DEFINE)
            await find_clinic(uow.connection, clinic)
            try:
                await clinics.insert_counter(
                    uow.connection, clinic, wanted.code, wanted.name, opened=wanted.open
                )
            except IntegrityError as error:
                raise _taken(error, f"a counter {wanted.code} exists already") from error
            uow.record(CounterChanged(clinic, wanted.code, int(wanted.open)))
            uow.audit("counter.define", entity="counter", entity_id=wanted.code)
            return CounterOut(**wanted.model_dump(), clinic=clinic, version=1)

        return await self._units.execute(principal, command, CounterOut, work)

    async def open_counter(self, principal: Principal, command: Command, code: str) -> CounterOut:
        """Open a counter; opening an open one changes nothing. Raises ``not_found``, ``forbidden``."""
        return await self._set_open(principal, command, code, opened=True)

    async def close_counter(self, principal: Principal, command: Command, code: str) -> CounterOut:
        """Close a counter; raises ``conflict`` while a patient is called to it or served there."""
        return await self._set_open(principal, command, code, opened=False)

    async def clinics(self, principal: Principal, query: PageQuery) -> Page[ClinicOut]:
        """Clinics, by code."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            found = await _clinics_out(connection, await clinics.clinics(connection))
        items, next_cursor = page_by_code(found, query)
        return Page[ClinicOut](items=items, next_cursor=next_cursor)

    async def clinic(self, principal: Principal, code: str) -> ClinicOut:
        """One clinic; raises ``not_found``."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            return await find_clinic(connection, code)

    async def _set_open(
        self, principal: Principal, command: Command, code: str, *, opened: bool
    ) -> CounterOut:
        async def work(uow: UnitOfWork) -> CounterOut:
            require(principal, Permission.TOKEN_CALL)
            row = await clinics.lock_counter(uow.connection, code)
            if row is None:
                raise not_found(f"counter {code}")
            require_counter(principal, Permission.TOKEN_CALL, code)
            command.check_version(row.version)
            if row.open is opened:
                return counter_out(row)
            try:
                await clinics.set_open(uow.connection, code, opened=opened)
            except IntegrityError as error:
                raise _taken(error, f"counter {code} has a patient: finish first") from error
            uow.record(CounterChanged(row.clinic_code, code, 1 if opened else -1))
            uow.audit("counter.open" if opened else "counter.close", entity="counter", entity_id=code)
            (after,) = await clinics.counters(uow.connection, code=code)
            return counter_out(after)

        return await self._units.execute(principal, command, CounterOut, work)


def counter_out(row: Row[Any]) -> CounterOut:
    """A counter."""
    return CounterOut(
        code=row.code, name=row.name, clinic=row.clinic_code, open=row.open, version=row.version
    )


async def check_clinic(connection: AsyncConnection, code: str) -> None:
    """Raises ``not_found`` unless there is such a clinic."""
    if not await clinics.clinics(connection, code):
        raise not_found(f"clinic {code}")


async def find_clinic(connection: AsyncConnection, code: str) -> ClinicOut:
    """One clinic; raises ``not_found``."""
    found = await _clinics_out(connection, await clinics.clinics(connection, code))
    if not found:
        raise not_found(f"clinic {code}")
    return found[0]


async def _clinics_out(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[ClinicOut]:
    codes = [row.code for row in rows]
    letters: dict[str, list[CategoryOut]] = defaultdict(list)
    for row in await clinics.categories(connection, codes):
        letters[row.clinic_code].append(CategoryOut(letter=row.letter, name=row.name))
    counters: dict[str, list[CounterOut]] = defaultdict(list)
    for row in await clinics.counters(connection, clinics_of=codes):
        counters[row.clinic_code].append(counter_out(row))
    return [
        ClinicOut(
            code=row.code,
            name=row.name,
            facility=row.facility_code,
            day=row.day,
            categories=letters[row.code],
            counters=counters[row.code],
            version=row.version,
        )
        for row in rows
    ]


def _taken(error: IntegrityError, detail: str) -> HmsError | IntegrityError:
    return conflict(detail) if violated(error) is not None else error
