"""Counters at which money is taken, and the cashiers' shifts there."""

import uuid
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.billing.events import ShiftChanged
from hms_rt.departments.billing.model.counting import Told, counts
from hms_rt.departments.billing.model.days import ONE_DAY, day_of
from hms_rt.departments.billing.model.payment import Means, Shift
from hms_rt.departments.billing.repository import days, rows, shifts
from hms_rt.departments.billing.schemas.accounts import (
    CashierIn,
    CashierOut,
    ShiftClose,
    ShiftIn,
    ShiftOut,
    ShiftQuery,
)
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.desk import Desk, require_own, shift_out
from hms_rt.departments.billing.service.foundation import found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor, page_by_code
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_counter
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Shifts(Desk):
    """One shift is open at a counter, and one of a cashier. The drawer is counted when it closes."""

    async def define_cashier(self, principal: Principal, command: Command, new: CashierIn) -> CashierOut:
        """A counter; ``conflict`` for a taken code."""

        async def work(uow: UnitOfWork) -> CashierOut:
            require(principal, Permission.TARIFF_DEFINE)
            try:
                await shifts.add_cashier(uow.connection, **new.model_dump())
            except IntegrityError as error:
                if violated(error) == "billing_cashier_pkey":
                    raise conflict(f"counter {new.code} exists already") from None
                raise
            uow.audit("cashier.define", entity="cashier", entity_id=new.code)
            return CashierOut(**new.model_dump())

        return await self._units.execute(principal, command, CashierOut, work)

    async def cashiers(self, principal: Principal, query: PageQuery) -> Page[CashierOut]:
        """Counters at which money is taken, by code."""
        require(principal, Permission.TARIFF_READ)
        async with self._units.reading() as connection:
            shown, cursor = page_by_code(await shifts.cashiers(connection), query)
        items = [CashierOut(**row._asdict()) for row in shown]
        return Page[CashierOut](items=items, next_cursor=cursor)

    async def open_cashier_shift(
        self, principal: Principal, command: Command, counter: str, told: ShiftIn
    ) -> ShiftOut:
        """Begin to take money at a counter. Raises ``conflict`` while a shift is open there, or elsewhere of
        the same cashier."""

        async def work(uow: UnitOfWork) -> ShiftOut:
            require_counter(principal, Permission.SHIFT_WORK, counter)
            known = await shifts.cashiers(uow.connection, [counter])
            place = found(known[0] if known else None, f"counter {counter}")
            await self._units_only(uow, told.opening_cash)
            until = await days.closed_until(uow.connection, place.facility)
            today = day_of(uow.now, self._zone)
            shift = Shift(
                id=uow.ids.new(),
                facility=place.facility,
                counter=counter,
                cashier=principal.id,
                opened_at=uow.now,
                day=max(today, until + ONE_DAY) if until is not None else today,
                opening_cash=told.opening_cash,
                cash=told.opening_cash,
            )
            try:
                await rows.add(uow.connection, shift)
            except IntegrityError as error:
                match violated(error):
                    case "billing_shift_counter_key":
                        raise conflict(f"a shift is open at {counter}: close it first") from None
                    case "billing_shift_day_open_check":
                        raise conflict("the day was closed just now: open the shift again") from None
                    case "billing_shift_cashier_key":
                        raise conflict("you have an open shift at another counter: close it") from None
                raise
            uow.record(ShiftChanged(shift))
            uow.audit("shift.open", entity="shift", entity_id=shift.id, detail={"counter": counter})
            return shift_out(shift, (await shifts.means_of(uow.connection, [shift.id]))[shift.id])

        return await self._units.execute(principal, command, ShiftOut, work)

    async def close_cashier_shift(
        self, principal: Principal, command: Command, shift_id: uuid.UUID, told: ShiftClose
    ) -> ShiftOut:
        """Count the drawer and every means that was used, and stop. By its cashier or an administrator.

        Raises ``conflict`` that names the means nobody counted, and for a difference without a reason.
        """

        async def work(uow: UnitOfWork) -> ShiftOut:
            require(principal, Permission.SHIFT_WORK)
            locked = await rows.lock(uow.connection, Shift, [shift_id])
            before = found(locked.get(shift_id), "that shift")
            require_counter(principal, Permission.SHIFT_WORK, before.counter)
            require_own(principal, before)
            command.check_version(before.version)
            for amount in (told.counted, *(one.counted for one in told.means)):
                await self._units_only(uow, amount)
            after = before.closed(uow.now, told.counted, told.reason)
            sums = (await shifts.means_of(uow.connection, [shift_id]))[shift_id]
            counted = counts(shift_id, sums, _counted(told))
            await shifts.save_counts(uow.connection, counted)
            await rows.save(uow.connection, after)
            uow.record(ShiftChanged(after))
            uow.audit(
                "shift.close",
                entity="shift",
                entity_id=shift_id,
                detail={"differences": {one.means.value: str(one.difference) for one in counted}},
            )
            return shift_out(after, counted)

        return await self._units.execute(principal, command, ShiftOut, work)

    async def shifts(self, principal: Principal, command: Command, query: ShiftQuery) -> Page[ShiftOut]:
        """Shifts, newest first; audited."""

        async def work(uow: UnitOfWork) -> Page[ShiftOut]:
            require(principal, Permission.PAYMENT_READ)
            before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
            listed = await rows.page(uow.connection, Shift, before, query.limit + 1, counter=query.counter)
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            uow.audit("shift.list", entity="shift", entity_id=query.counter or "list")
            sums = await shifts.means_of(uow.connection, [one.id for one in shown])
            items = [shift_out(one, sums[one.id]) for one in shown]
            return Page[ShiftOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[ShiftOut], work)


def _counted(told: ShiftClose) -> dict[Means, Told]:
    others = {one.means: Told(one.counted, one.reason) for one in told.means}
    return {Means.CASH: Told(told.counted, told.reason), **others}
