"""Expiry: at every midnight each store is told, once, of lots that will not last and of those that are over.

A durable timer per store; its key is the code of the store.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.departments.pharmacy.events import StockMoved
from hms_rt.departments.pharmacy.model.frequency import at_wall_clock
from hms_rt.departments.pharmacy.model.shelf import ExpiryNotice, notice_due
from hms_rt.departments.pharmacy.model.stock import Lot
from hms_rt.departments.pharmacy.model.store import Store
from hms_rt.departments.pharmacy.repository import formulary, shelves
from hms_rt.departments.pharmacy.repository import stock as rows
from hms_rt.departments.pharmacy.service.foundation import Foundation
from hms_rt.kernel.timers import Timer
from hms_rt.storage.timers import set_timer
from hms_rt.storage.unit_of_work import UnitOfWork

EXPIRY = "pharmacy.expiry"
LOTS_AT_ONCE = 200
"""That one run of the timer looks at; another one follows at once."""
_KINDS = {
    ExpiryNotice.NEAR_EXPIRY: (Kind.STOCK_NEAR_EXPIRY, Priority.NORMAL, Phrase.STOCK_NEAR_EXPIRY),
    ExpiryNotice.EXPIRED: (Kind.STOCK_EXPIRED, Priority.HIGH, Phrase.STOCK_EXPIRED),
}


class Expiry(Foundation):
    """What expired is marked so, and leaves the sums of the shelves; the database lets none of it out."""

    async def watch_expiry(self, uow: UnitOfWork, event: StockMoved) -> None:
        """Something came in that the store is to be told of: let its timer look at once."""
        today = self._today(uow)
        for held in await rows.lock_one(uow.connection, event.lot_id, event.stores):
            store = await formulary.store(uow.connection, held.store)
            if store is None or held.quantity <= 0:
                continue
            due = notice_due(held.lot.expires_on, today, self._horizon(store, today))
            if due is not None and not await shelves.is_told(uow.connection, held.store, event.lot_id, due):
                await set_timer(uow, EXPIRY, held.store, uow.now)

    async def look_at_expiry(self, uow: UnitOfWork, timer: Timer) -> None:
        """The timer of a store: tell of its lots, mark what is expired, wait for the next midnight."""
        store = await formulary.store(uow.connection, timer.key)
        if store is None:
            return
        today = self._today(uow)
        horizon = self._horizon(store, today)
        for lot_id in await shelves.forget_beyond(uow.connection, store.code, horizon):
            uow.record(StockMoved(lot_id, (store.code,)))
        lots = await shelves.untold(uow.connection, store.code, today, horizon, LOTS_AT_ONCE)
        over = [lot for lot in lots if lot.expires_on < today]
        near = [lot for lot in lots if lot.expires_on >= today]
        await self._mark(uow, over)
        await self._tell_of(uow, store, ExpiryNotice.EXPIRED, over)
        await self._tell_of(uow, store, ExpiryNotice.NEAR_EXPIRY, near)
        more = len(lots) == LOTS_AT_ONCE
        await set_timer(uow, EXPIRY, store.code, uow.now if more else self._midnight(today))

    async def _mark(self, uow: UnitOfWork, over: Sequence[Lot]) -> None:
        """Lots are over, wherever they lie; stock is locked before the lots."""
        ids = [lot.id for lot in over]
        held = await rows.lock_everywhere(uow.connection, ids)
        for lot in await rows.lock_lots(uow.connection, ids):
            if lot.expired_at is None:
                after = replace(lot, expired_at=uow.now, version=lot.version + 1)
                await rows.save_lot(uow.connection, after)
                uow.audit("stock.expired", entity="lot", entity_id=lot.id)
            where = tuple(one.store for one in held if one.lot.id == lot.id)
            uow.record(StockMoved(lot.id, where))

    async def _tell_of(
        self, uow: UnitOfWork, store: Store, notice: ExpiryNotice, lots: Sequence[Lot]
    ) -> None:
        new = set(
            await shelves.add_told(uow.connection, store.code, [lot.id for lot in lots], notice, uow.now)
        )
        told = [lot for lot in lots if lot.id in new]
        if not told:
            return
        for lot in told:
            uow.record(StockMoved(lot.id, (store.code,)))
        kind, priority, phrase = _KINDS[notice]
        first = told[0]
        title = say(
            phrase,
            store=store.code,
            lot=first.number,
            medicine=first.medicine,
            expires=first.expires_on,
            others=f" (+ {len(told) - 1})" if len(told) > 1 else "",
        )
        await self._tell_store(uow, store.code, kind, title, Subject("store", store.code), priority)

    def _today(self, uow: UnitOfWork) -> date:
        return uow.now.astimezone(self._zone).date()

    def _horizon(self, store: Store, today: date) -> date:
        return today + timedelta(days=store.near_expiry_days or self._facility.near_expiry_days)

    def _midnight(self, today: date) -> datetime:
        return at_wall_clock(today + timedelta(days=1), time(), self._zone)
