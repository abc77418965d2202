"""Reorder levels: the pharmacists of a store are told once, when a medicine comes down to its level."""

from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.departments.pharmacy.events import ShelfChanged, StockMoved
from hms_rt.departments.pharmacy.model.shelf import Shelf
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import formulary, shelves
from hms_rt.departments.pharmacy.repository import stock as rows
from hms_rt.departments.pharmacy.schemas.levels import LevelCursor, LevelIn, LevelOut, LevelQuery
from hms_rt.departments.pharmacy.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.kernel.quantity import written
from hms_rt.security.permissions import Permission, require, wards
from hms_rt.storage.unit_of_work import UnitOfWork


class Levels(Foundation):
    """What a store should have of a medicine. What counts is neither recalled nor expired."""

    async def set_level(
        self, principal: Principal, command: Command, code: str, medicine: str, wanted: LevelIn
    ) -> LevelOut:
        """From which quantity on to order, or no more; who works there is told if it is low already.

        Records ``ShelfChanged``. Raises ``not_found``, ``stale_version``, ``conflict`` for a quarantine.
        """

        async def work(uow: UnitOfWork) -> LevelOut:
            require(principal, Permission.STOCK_LEVEL)
            store = found(await formulary.store(uow.connection, code), f"store {code}")
            if store.kind is StoreKind.QUARANTINE:
                raise conflict("nothing is ordered for a quarantine")
            known = await formulary.by_codes(uow.connection, [medicine])
            found(known.get(medicine), f"medicine {medicine}")
            before = await shelves.lock_or_add(uow.connection, code, medicine)
            command.check_version(before.version)
            after = before.reorder_at(wanted.reorder_level)
            await shelves.save(uow.connection, after)
            uow.record(ShelfChanged(code, medicine))
            uow.audit("stock.set_level", entity="store", entity_id=code, detail={"medicine": medicine})
            return _out(after)

        return await self._units.execute(principal, command, LevelOut, work)

    async def level(self, principal: Principal, code: str, medicine: str) -> LevelOut:
        """What a store has of a medicine, and its level; raises ``not_found``."""
        require(principal, Permission.STOCK_READ)
        async with self._units.reading() as connection:
            found(await formulary.store(connection, code), f"store {code}")
            known = await formulary.by_codes(connection, [medicine])
            found(known.get(medicine), f"medicine {medicine}")
            shelf = await shelves.find(connection, code, medicine)
        return _out(shelf or Shelf(code, medicine))

    async def levels(self, principal: Principal, query: LevelQuery) -> Page[LevelOut]:
        """What stores have of medicines, by store and medicine; ``low`` for what is to be ordered.

        For nurses those of the cupboards of their wards. Raises ``forbidden``.
        """
        require(principal, Permission.SHELF_READ)
        cursor = decode_cursor(query.cursor, LevelCursor) if query.cursor else None
        async with self._units.reading() as connection:
            listed = await shelves.page(
                connection,
                wards=wards(principal, Permission.SHELF_READ),
                store=query.store,
                medicine=query.medicine,
                low=query.low,
                after=(cursor.store, cursor.medicine) if cursor is not None else None,
                limit=query.limit + 1,
            )
        shown, further = cut(
            listed, query.limit, lambda one: LevelCursor(store=one.store, medicine=one.medicine)
        )
        return Page[LevelOut](items=[_out(one) for one in shown], next_cursor=further)

    async def watch_levels(self, uow: UnitOfWork, event: StockMoved) -> None:
        """Stock moved: tell of what came down to its level, once until it has risen above."""
        lot = found(await rows.lot(uow.connection, event.lot_id), "that lot")
        for store in sorted(event.stores):
            await self.watch_shelf(uow, ShelfChanged(store, lot.medicine))

    async def watch_shelf(self, uow: UnitOfWork, event: ShelfChanged) -> None:
        """Tell of one shelf; the lock on it makes that once, however many move stock at the same time."""
        shelf = await shelves.lock(uow.connection, event.store, event.medicine)
        crossed = shelf.crossed() if shelf is not None else None
        if crossed is None:
            return
        await shelves.save(uow.connection, crossed)
        if crossed.low and crossed.reorder_level is not None:
            medicine = (await formulary.by_codes(uow.connection, [crossed.medicine]))[crossed.medicine]
            left, level = written(crossed.usable), written(crossed.reorder_level)
            await self._tell_store(
                uow,
                crossed.store,
                Kind.STOCK_LOW,
                say(
                    Phrase.STOCK_LOW,
                    store=crossed.store,
                    left=f"{left} {medicine.dispense_unit}",
                    medicine=medicine.name,
                    level=level,
                ),
                Subject("medicine", crossed.medicine),
                Priority.NORMAL if crossed.usable else Priority.HIGH,
            )


def _out(shelf: Shelf) -> LevelOut:
    return LevelOut(
        store=shelf.store,
        medicine=shelf.medicine,
        usable=shelf.usable,
        reorder_level=shelf.reorder_level,
        low=shelf.low,
        version=shelf.version,
    )
