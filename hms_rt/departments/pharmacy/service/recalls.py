"""Lots: where one lies, who got some of it, and that it is called back."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.departments.patients.service import PatientBrief
from hms_rt.departments.pharmacy.events import StockMoved
from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.model.stock import Held, Lot
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import formulary, recipients
from hms_rt.departments.pharmacy.repository import stock as rows
from hms_rt.departments.pharmacy.schemas.lots import LotOut, RecipientOut
from hms_rt.departments.pharmacy.schemas.prescriptions import IdCursor
from hms_rt.departments.pharmacy.schemas.stock import RecallIn
from hms_rt.departments.pharmacy.service.foundation import Foundation, found, named
from hms_rt.departments.pharmacy.service.stock import stock_out
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import Principal, Role
from hms_rt.kernel.quantity import written
from hms_rt.kernel.timers import Timer
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.timers import set_timer
from hms_rt.storage.unit_of_work import UnitOfWork

RECALL = "pharmacy.recall"
"""Kind of the durable timer that tells, a few patients at a time; its key is the lot."""
TOLD_PER_RUN = 50
SHOWN_AT_ONCE = 200
"""Recipients that come with a lot."""


class Recalls(Foundation):
    """What a lot is, and that nothing of it leaves any more."""

    async def recall(
        self, principal: Principal, command: Command, lot_id: uuid.UUID, why: RecallIn
    ) -> LotOut:
        """Call a lot back: from now on nothing of it leaves; answers where it lies and who got some.

        Stores that have it are told at once, then, by a durable timer, the prescriber of everybody who got
        some of it and the nurses of the ward where the patient lies.
        """

        async def work(uow: UnitOfWork) -> LotOut:
            require(principal, Permission.STOCK_MOVE)
            held = await rows.lock_everywhere(uow.connection, [lot_id])
            before = found(await rows.lock_lot(uow.connection, lot_id), "that lot")
            after = before.recall(why.reason, principal.id, uow.now)
            await rows.save_lot(uow.connection, after)
            uow.audit("stock.recall", entity="lot", entity_id=lot_id)
            there = [one for one in held if one.quantity > 0]
            uow.record(StockMoved(lot_id, tuple(one.store for one in there)))
            for one in there:
                await self._tell_where(uow, after, one)
            await set_timer(uow, RECALL, str(lot_id), uow.now)
            return await self._lot_out(uow, after)

        return await self._units.execute(principal, command, LotOut, work)

    async def lot(self, principal: Principal, command: Command, lot_id: uuid.UUID) -> LotOut:
        """A lot, where it lies and who got some of it; audited, because it names patients."""

        async def work(uow: UnitOfWork) -> LotOut:
            require(principal, Permission.STOCK_MOVE)
            return await self._lot_out(uow, found(await rows.lot(uow.connection, lot_id), "that lot"))

        return await self._units.execute(principal, replace(command, key=None), LotOut, work)

    async def recipients(
        self, principal: Principal, command: Command, lot_id: uuid.UUID, query: PageQuery
    ) -> Page[RecipientOut]:
        """Everybody who got some of a lot, oldest first; audited."""
        after = decode_cursor(query.cursor, IdCursor).id if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[RecipientOut]:
            require(principal, Permission.STOCK_MOVE)
            found(await rows.lot(uow.connection, lot_id), "that lot")
            listed = await recipients.page(uow.connection, lot_id, after, query.limit + 1)
            shown, further = cut(listed, query.limit, lambda row: IdCursor(id=row.item_id))
            uow.audit("stock.lot_read", entity="lot", entity_id=lot_id)
            return Page[RecipientOut](items=await self._named(uow, shown), next_cursor=further)

        return await self._units.execute(principal, replace(command, key=None), Page[RecipientOut], work)

    async def tell_of_recall(self, uow: UnitOfWork, timer: Timer) -> None:
        """The timer of a recalled lot: tell of :data:`TOLD_PER_RUN` prescriptions, then of the next."""
        lot = await rows.lot(uow.connection, uuid.UUID(timer.key))
        if lot is None:
            return
        so_far = timer.payload.get("after")
        after = uuid.UUID(so_far) if so_far else None
        medicine = (await formulary.by_codes(uow.connection, [lot.medicine]))[lot.medicine]
        sold = timer.payload.get("of") == "sales"
        listed = recipients.buyers if sold else recipients.with_patients
        some = await listed(uow.connection, lot.id, after, TOLD_PER_RUN)
        for row in some:
            await (self._tell_who_sold if sold else self._tell_who_treats)(uow, lot, medicine, row)
        if len(some) == TOLD_PER_RUN:
            further = {"after": str(some[-1].id), **({"of": "sales"} if sold else {})}
            await set_timer(uow, RECALL, timer.key, uow.now, further)
        elif not sold:
            await set_timer(uow, RECALL, timer.key, uow.now, {"of": "sales"})

    async def _tell_who_sold(self, uow: UnitOfWork, lot: Lot, medicine: Medicine, row: Row[Any]) -> None:
        """The dispensary finds the customer: nobody prescribed what was sold over the counter."""
        got = f"{written(row.quantity)} {medicine.dispense_unit}"
        title = say(Phrase.LOT_RECALLED_GOT, lot=lot.number, medicine=medicine.name, quantity=got)
        subject = Subject("sale", str(row.id))
        await self._tell_store(uow, row.store, Kind.LOT_RECALLED, title, subject, Priority.HIGH)

    async def _named(self, uow: UnitOfWork, got: Sequence[Row[Any]]) -> list[RecipientOut]:
        """Recipients, with the names of those who bought."""
        buyers = await self._patients.brief(uow, {row.patient_id for row in got if row.sale_id is not None})
        return [_recipient(uow.principal, row, buyers) for row in got]

    async def _tell_where(self, uow: UnitOfWork, lot: Lot, held: Held) -> None:
        """Who keeps the store takes it off the shelf; in the cupboard of a ward that are its nurses, too."""
        title = say(Phrase.LOT_RECALLED, store=held.store, lot=lot.number, medicine=lot.medicine)
        subject = Subject("lot", str(lot.id))
        await self._tell_store(uow, held.store, Kind.LOT_RECALLED, title, subject, Priority.HIGH)
        store = await formulary.store(uow.connection, held.store)
        if store is not None and store.kind is StoreKind.WARD:
            nurses = await self._identity.users_with(uow.connection, roles=[Role.NURSE], ward=store.ward)
            people = {user.id for user in nurses}
            await self._tell(uow, people, Kind.LOT_RECALLED, title, subject, Priority.HIGH)

    async def _tell_who_treats(self, uow: UnitOfWork, lot: Lot, medicine: Medicine, row: Row[Any]) -> None:
        people = {row.prescribed_by}
        if row.ward is not None:
            nurses = await self._identity.users_with(uow.connection, roles=[Role.NURSE], ward=row.ward)
            people |= {user.id for user in nurses}
        active = await self._identity.active_names_of(uow.connection, people)
        got = f"{written(row.quantity)} {medicine.dispense_unit}"
        title = say(Phrase.LOT_RECALLED_GOT, lot=lot.number, medicine=medicine.name, quantity=got)
        subject = Subject("prescription", str(row.id))
        await self._tell(uow, active, Kind.LOT_RECALLED, title, subject, Priority.HIGH, row.patient_id)

    async def _lot_out(self, uow: UnitOfWork, lot: Lot) -> LotOut:
        uow.audit("stock.lot_read", entity="lot", entity_id=lot.id)
        held = await rows.held(uow.connection, lot_id=lot.id)
        got = await recipients.page(uow.connection, lot.id, None, SHOWN_AT_ONCE + 1)
        return LotOut(
            id=lot.id,
            medicine=lot.medicine,
            lot=lot.number,
            expires_on=lot.expires_on,
            recall_reason=lot.recall_reason,
            recalled_at=lot.recalled_at,
            expired_at=lot.expired_at,
            stock=[stock_out(one) for one in held],
            recipients=await self._named(uow, got[:SHOWN_AT_ONCE]),
            more_recipients=len(got) > SHOWN_AT_ONCE,
            version=lot.version,
        )


def _recipient(principal: Principal, row: Row[Any], buyers: Mapping[uuid.UUID, PatientBrief]) -> RecipientOut:
    known = dict(row._asdict())
    if row.sale_id is not None:
        buyer = buyers[row.patient_id]
        known |= {"patient_name": buyer.name, "mrn": buyer.mrn, "restricted": buyer.restricted}
    values = named(principal, known)
    return RecipientOut(**{name: values[name] for name in RecipientOut.model_fields})
