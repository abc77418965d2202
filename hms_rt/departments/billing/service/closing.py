"""The end of a facility's day: every drawer was counted, and what was taken is told once for ever."""

import uuid
from dataclasses import asdict
from decimal import Decimal

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.billing.model.day import DayClose
from hms_rt.departments.billing.model.days import day_of
from hms_rt.departments.billing.repository import days, rows
from hms_rt.departments.billing.schemas.days import DayIn, DayOut, DayQuery
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.desk import means_of
from hms_rt.departments.billing.service.foundation import found, invalid
from hms_rt.departments.billing.service.printing import Printing
from hms_rt.departments.billing.views import shift_paper
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.paper.document import Document
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

ZERO = Decimal(0)


class Days(Printing):
    """Days are closed in order, each once; a shift opened afterwards counts for the next day."""

    async def close_day(self, principal: Principal, command: Command, wanted: DayIn) -> DayOut:
        """Close a day and those before it that are not closed.

        Raises ``conflict`` while a shift is open, if nothing was taken since the last one, or if it is
        closed; ``invalid`` for a day that is not here yet.
        """

        async def work(uow: UnitOfWork) -> DayOut:
            require(principal, Permission.DAY_CLOSE)
            today = day_of(uow.now, self._zone)
            day = wanted.day or max(today, await days.closed_until(uow.connection, wanted.facility) or today)
            if day > today and wanted.day is not None:
                raise invalid("day", "is not here yet")
            shifts = await days.lock_shifts(uow.connection, wanted.facility, day)
            open_at = sorted(shift.counter for shift in shifts if shift.closed_at is None)
            if open_at:
                raise conflict(f"a shift is open at {', '.join(open_at)}: close it first")
            if not shifts:
                raise conflict("no shift is to be closed up to that day")
            made = DayClose(
                id=uow.ids.new(),
                facility=wanted.facility,
                day=day,
                number=await rows.next_number(uow.connection, wanted.facility, "day"),
                shifts=len(shifts),
                opening_cash=sum((shift.opening_cash for shift in shifts), ZERO),
                counted=sum((shift.counted for shift in shifts), ZERO),
                difference=sum((shift.difference for shift in shifts), ZERO),
                closed_at=uow.now,
                closed_by=principal.id,
                means=tuple(await days.by_means(uow.connection, [shift.id for shift in shifts])),
            )
            try:
                await days.add(uow.connection, made)
            except IntegrityError as error:
                if violated(error) in ("billing_day_order_check", "billing_day_day_key"):
                    raise conflict("a shift was opened, or the day is closed") from None
                raise
            detail = {"facility": made.facility, "day": str(made.day), "difference": str(made.difference)}
            uow.audit("day.close", entity="day", entity_id=made.id, detail=detail)
            return _out(made)

        return await self._units.execute(principal, command, DayOut, work)

    async def closed_days(self, principal: Principal, query: DayQuery) -> Page[DayOut]:
        """Closed days, newest first; they name nobody."""
        require(principal, Permission.PAYMENT_READ)
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            listed = await days.page(connection, query.facility, before, query.limit + 1)
        shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
        return Page[DayOut](items=[_out(one) for one in shown], next_cursor=cursor)

    async def day_pdf(self, principal: Principal, command: Command, day_id: uuid.UUID) -> bytes:
        """The report of a closed day."""

        async def compose(uow: UnitOfWork) -> Document:
            require(principal, Permission.PAYMENT_READ)
            one = found(await days.find(uow.connection, day_id), "that day")
            press = await self._press(uow, one.facility)
            press = await self._counted(uow, press, "day", one.id)
            people = await self._identity.names_of(uow.connection, [one.closed_by])
            return shift_paper.day(press, one, people.get(one.closed_by, ""))

        return await self._printed(principal, command, compose)


def _out(one: DayClose) -> DayOut:
    return DayOut(**{**asdict(one), "means": [means_of(each) for each in one.means]})
