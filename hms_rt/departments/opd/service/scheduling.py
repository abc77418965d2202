"""Doctors' weekly patterns, and the slots that grow from them."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hms_rt.departments.opd.model.schedule import HORIZON, Schedule, bounds
from hms_rt.departments.opd.repository import schedules, slots
from hms_rt.departments.opd.schemas.scheduling import (
    IdCursor,
    ScheduleEnd,
    ScheduleEnded,
    ScheduleIn,
    ScheduleOut,
    ScheduleQuery,
    ToMove,
)
from hms_rt.departments.opd.service.clinics import check_clinic
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.storage.unit_of_work import UnitOfWork


class Scheduling(Foundation):
    """When doctors see patients. Patterns are never edited: one ends, another begins, so that it stays known
    what a slot was made from."""

    async def define_schedule(
        self, principal: Principal, command: Command, clinic: str, wanted: ScheduleIn
    ) -> ScheduleOut:
        """Define a weekly pattern and make its slots for the next 90 days.

        Raises ``not_found`` for the clinic, ``invalid`` for somebody who is no active doctor or if no slot
        fits, and ``conflict`` where the doctor has another pattern at the same time, in whatever clinic.
        """

        async def work(uow: UnitOfWork) -> ScheduleOut:
            require(principal, Permission.SCHEDULE_DEFINE)
            await check_clinic(uow.connection, clinic)
            require_clinic(principal, Permission.SCHEDULE_DEFINE, clinic)
            await schedules.lock_plans(uow.connection)
            await self._check_doctor(uow, wanted.doctor_id)
            today = self._day(uow.now)
            made = Schedule(
                id=uow.ids.new(),
                clinic=clinic,
                grown_until=max(wanted.first_day, today) - timedelta(days=1),
                **wanted.model_dump(),
            )
            for other in await schedules.of_doctor(uow.connection, made.doctor_id):
                if made.clashes(other):
                    raise conflict(f"the doctor is in clinic {other.clinic} at that time: end that first")
            await schedules.insert(uow.connection, made)
            uow.audit("schedule.define", entity="schedule", entity_id=made.id, detail={"clinic": clinic})
            return schedule_out(await self._grow(uow, made, today + HORIZON))

        return await self._units.execute(principal, command, ScheduleOut, work)

    async def end_schedule(
        self, principal: Principal, command: Command, schedule_id: uuid.UUID, wanted: ScheduleEnd
    ) -> ScheduleEnded:
        """Let a pattern end after a day, yesterday at the earliest. Its later slots are gone; those that
        somebody is booked into stay, blocked, until the appointments are moved. Raises ``not_found``,
        ``stale_version``, ``conflict``."""

        async def work(uow: UnitOfWork) -> ScheduleEnded:
            require(principal, Permission.SCHEDULE_DEFINE)
            await schedules.lock_plans(uow.connection)
            found = await schedules.find(uow.connection, schedule_id)
            if found is None:
                raise not_found("that schedule")
            require_clinic(principal, Permission.SCHEDULE_DEFINE, found.clinic)
            command.check_version(found.version)
            after = found.ended(wanted.last_day, self._day(uow.now))
            await schedules.save(uow.connection, after)
            gone = await slots.withdraw(uow.connection, schedule_id, wanted.last_day, uow.now, wanted.reason)
            left = await slots.appointments_withdrawn(uow.connection, schedule_id)
            uow.audit(
                "schedule.end",
                entity="schedule",
                entity_id=schedule_id,
                detail={"last_day": wanted.last_day.isoformat(), "reason": wanted.reason},
            )
            to_move = ToMove(slots=gone, appointments=left)
            return ScheduleEnded(**schedule_out(after).model_dump(), to_move=to_move)

        return await self._units.execute(principal, command, ScheduleEnded, work)

    async def schedules(self, principal: Principal, clinic: str, query: ScheduleQuery) -> Page[ScheduleOut]:
        """The patterns of a clinic, oldest first, also those that ended. Raises ``not_found``."""
        require(principal, Permission.PLACES_READ)
        after = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            await check_clinic(connection, clinic)
            rows = await schedules.page(
                connection, clinic, doctor=query.doctor, after=after, limit=query.limit + 1
            )
        shown, following = cut(rows, query.limit, lambda row: IdCursor(id=row.id))
        return Page[ScheduleOut](items=[schedule_out(row) for row in shown], next_cursor=following)

    async def grow_slots(self, principal: Principal, command: Command) -> int:
        """The server's timer: make the slots of the days that came into sight; of how many patterns.

        Does nothing that was done before, in whichever process.
        """
        until = self._day(self._units.now()) + HORIZON
        async with self._units.reading() as connection:
            if not await schedules.to_grow(connection, until):
                return 0

        async def work(uow: UnitOfWork) -> None:
            require(uow.principal, Permission.SCHEDULE_DEFINE)
            await schedules.lock_plans(uow.connection)
            grown = await schedules.to_grow(uow.connection, until)
            for schedule in grown:
                await self._grow(uow, schedule, until)
            count[:] = [len(grown)]

        count = [0]
        await self._units.execute(principal, replace(command, key=None), type(None), work)
        return count[0]

    async def _grow(self, uow: UnitOfWork, schedule: Schedule, until: date) -> Schedule:
        """Make the slots that are missing up to a day, blocked where an absence covers them."""
        days = list(schedule.days(until))
        await slots.grow(uow.connection, schedule, self._made(uow, schedule, days))
        if days:
            begin, end = bounds(days[0], days[-1], self._zone)
            await slots.cover(
                uow.connection, begin, end, uow.now, clinic=schedule.clinic, doctor=schedule.doctor_id
            )
        grown = replace(schedule, grown_until=max(until, schedule.grown_until))
        await schedules.save(uow.connection, grown)
        return grown

    def _made(self, uow: UnitOfWork, schedule: Schedule, days: list[date]) -> Iterator[dict[str, Any]]:
        for day in days:
            for begin, end in schedule.slots(day, self._zone):
                yield {"id": uow.ids.new(), "day": day, "starts_at": begin, "ends_at": end}


def schedule_out(schedule: Schedule) -> ScheduleOut:
    """A pattern as it is answered."""
    return ScheduleOut(**{name: getattr(schedule, name) for name in ScheduleOut.model_fields})
