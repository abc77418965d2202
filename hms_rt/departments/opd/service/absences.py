"""Leave and holidays, and which slots are free."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.opd.model.schedule import bounds
from hms_rt.departments.opd.repository import schedules, slots
from hms_rt.departments.opd.schemas.scheduling import (
    AbsenceCursor,
    AbsenceIn,
    AbsenceMade,
    AbsenceOut,
    AbsenceQuery,
    AbsenceRevoked,
    SlotCursor,
    SlotOut,
    SlotQuery,
    ToMove,
)
from hms_rt.departments.opd.service.clinics import check_clinic
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, conflict, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

SHOWN = timedelta(days=13)
"""So many days after the first a list of slots shows unless told."""

MOST_DAYS = 92


class Absences(Foundation):
    """When nobody is seen, and when somebody is."""

    async def add_absence(self, principal: Principal, command: Command, wanted: AbsenceIn) -> AbsenceMade:
        """Block the slots that lie in an absence, those that exist and those to come. Appointments in them
        stay: the answer says how many are to be moved. Raises ``not_found`` for the clinic, ``invalid``
        for somebody who is no doctor."""

        async def work(uow: UnitOfWork) -> AbsenceMade:
            require(principal, Permission.SCHEDULE_DEFINE)
            if wanted.clinic is not None:
                await check_clinic(uow.connection, wanted.clinic)
            if wanted.doctor_id is not None:
                await self._check_doctor(uow, wanted.doctor_id)
            await schedules.lock_plans(uow.connection)
            absence_id = uow.ids.new()
            said = wanted.model_dump()
            await schedules.insert_absence(
                uow.connection, id=absence_id, clinic_code=said.pop("clinic"), **said
            )
            await self._cover(uow, wanted)
            count, left = await slots.blocked_by(uow.connection, absence_id)
            uow.audit("absence.add", entity="absence", entity_id=absence_id, detail={"kind": wanted.kind})
            return AbsenceMade(
                **wanted.model_dump(),
                id=absence_id,
                revoked=False,
                version=1,
                to_move=ToMove(slots=count, appointments=left),
            )

        return await self._units.execute(principal, command, AbsenceMade, work)

    async def revoke_absence(
        self, principal: Principal, command: Command, absence_id: uuid.UUID, why: AbsenceRevoked
    ) -> AbsenceOut:
        """It will be worked after all: slots that no other absence covers are open again. Raises
        ``not_found``, ``stale_version``, and ``conflict`` if it was revoked before."""

        async def work(uow: UnitOfWork) -> AbsenceOut:
            require(principal, Permission.SCHEDULE_DEFINE)
            await schedules.lock_plans(uow.connection)
            row = await schedules.find_absence(uow.connection, absence_id)
            if row is None:
                raise not_found("that absence")
            command.check_version(row.version)
            if row.revoked:
                raise conflict("that absence was revoked before")
            await schedules.revoke_absence(uow.connection, absence_id)
            found = _absence_out(row)
            await self._cover(uow, found)
            uow.audit("absence.revoke", entity="absence", entity_id=absence_id, detail={"reason": why.reason})
            return found.model_copy(update={"revoked": True, "version": row.version + 1})

        return await self._units.execute(principal, command, AbsenceOut, work)

    async def absences(self, principal: Principal, query: AbsenceQuery) -> Page[AbsenceOut]:
        """Absences that are not over, by when they end; those of a clinic or doctor include the
        wider ones."""
        require(principal, Permission.PLACES_READ)
        after = decode_cursor(query.cursor, AbsenceCursor) if query.cursor else None
        async with self._units.reading() as connection:
            rows = await schedules.absences(
                connection,
                self._units.now(),
                clinic=query.clinic,
                doctor=query.doctor,
                after=(after.ends_at, after.id) if after else None,
                limit=query.limit + 1,
            )
        shown, following = cut(rows, query.limit, lambda row: AbsenceCursor(ends_at=row.ends_at, id=row.id))
        return Page[AbsenceOut](items=[_absence_out(row) for row in shown], next_cursor=following)

    async def slots(self, principal: Principal, clinic: str, query: SlotQuery) -> Page[SlotOut]:
        """Slots of a clinic by time, without a patient's name. Raises ``not_found``, and ``invalid`` for more
        than 92 days."""
        require(principal, Permission.PLACES_READ)
        after = decode_cursor(query.cursor, SlotCursor) if query.cursor else None
        now = self._units.now()
        first = query.first_day or self._day(now)
        last = query.last_day or first + SHOWN
        if not 0 <= (last - first).days < MOST_DAYS:
            raise HmsError(Code.INVALID, f"last_day: 1 to {MOST_DAYS} days from first_day")
        since, until = bounds(first, last, self._zone)
        async with self._units.reading() as connection:
            await check_clinic(connection, clinic)
            rows = await slots.page(
                connection,
                clinic,
                since,
                until,
                doctor=query.doctor,
                free_at=now if query.free else None,
                after=(after.starts_at, after.id) if after else None,
                limit=query.limit + 1,
            )
            names = await self._identity.names_of(connection, {row.doctor_id for row in rows})
        shown, following = cut(rows, query.limit, lambda row: SlotCursor(starts_at=row.starts_at, id=row.id))
        items = [_slot_out(row, names.get(row.doctor_id, ""), now) for row in shown]
        return Page[SlotOut](items=items, next_cursor=following)

    async def _cover(self, uow: UnitOfWork, absence: AbsenceIn | AbsenceOut) -> None:
        await slots.cover(
            uow.connection,
            absence.starts_at,
            absence.ends_at,
            uow.now,
            clinic=absence.clinic,
            doctor=absence.doctor_id,
        )


def _absence_out(row: Row[Any]) -> AbsenceOut:
    values = row._asdict()
    clinic = values.pop("clinic_code")
    return AbsenceOut(**values, clinic=clinic)


def _slot_out(row: Row[Any], doctor: str, now: datetime) -> SlotOut:
    blocked = row.withdrawn or row.absence
    free = 0 if blocked or row.ends_at <= now else max(0, row.capacity - row.booked)
    return SlotOut(
        id=row.id,
        clinic=row.clinic_code,
        doctor_id=row.doctor_id,
        doctor=doctor,
        day=row.day,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        capacity=row.capacity,
        overbook=row.overbook,
        booked=row.booked,
        free=free,
        blocked=blocked,
    )
