"""Stock: received, moved, counted, listed."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.pharmacy.events import StockMoved
from hms_rt.departments.pharmacy.model.stock import (
    Held,
    LedgerKind,
    Lot,
    Movement,
)
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import formulary
from hms_rt.departments.pharmacy.repository import stock as rows
from hms_rt.departments.pharmacy.schemas.prescriptions import IdCursor
from hms_rt.departments.pharmacy.schemas.stock import (
    CountIn,
    CountOut,
    LedgerQuery,
    MovementOut,
    ReceiptIn,
    StockCursor,
    StockOut,
    StockQuery,
    TransferIn,
    TransferOut,
)
from hms_rt.departments.pharmacy.schemas.stocktaking import StocktakeIn, StocktakeOut
from hms_rt.departments.pharmacy.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.kernel.schema import Moment
from hms_rt.security.permissions import Permission, require, wards
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

REFUSALS = {
    "pharmacy_stock_quantity_check": "the store has not that much of the lot",
    "pharmacy_ledger_recalled_check": "the lot is recalled: it goes to a quarantine, or is written off",
    "pharmacy_ledger_expired_check": "the lot is expired: it goes to a quarantine, or is written off",
    "pharmacy_ledger_first_check": "another lot expires earlier: say why this one is taken, or try again",
    "pharmacy_ledger_sale_check": "that was not sold, or did not come back",
    "pharmacy_ledger_quarantine_check": "nothing is dispensed from a quarantine: transfer it first",
}
"""What a violated rule of the database means."""


class Stock(Foundation):
    """Whatever moves stock appends to the ledger; the database keeps the stock its sum, and never below 0."""

    async def receive(self, principal: Principal, command: Command, code: str, goods: ReceiptIn) -> StockOut:
        """Goods came in. Raises ``not_found``, ``conflict`` for a known lot with another expiry."""

        async def work(uow: UnitOfWork) -> StockOut:
            require(principal, Permission.STOCK_MOVE)
            store = found(await formulary.store(uow.connection, code), f"store {code}")
            known = await formulary.by_codes(uow.connection, [goods.medicine])
            medicine = found(known.get(goods.medicine), f"medicine {goods.medicine}")
            new = Lot(uow.ids.new(), medicine.code, goods.lot, goods.expires_on)
            lot = await rows.find_or_add_lot(uow.connection, new)
            if lot.expires_on != goods.expires_on:
                raise conflict(f"lot {goods.lot} is known to expire on {lot.expires_on}: read the pack again")
            await book(uow, lot, store.code, LedgerKind.RECEIVE, goods.quantity, at=goods.occurred_at)
            return await _one(uow, lot.id, store.code)

        return await self._units.execute(principal, command, StockOut, work)

    async def transfer(self, principal: Principal, command: Command, wanted: TransferIn) -> TransferOut:
        """From store to store: both rows or none.

        Raises ``conflict`` for too little, and for a lot that is recalled or expired, unless it goes to a
        quarantine.
        """

        async def work(uow: UnitOfWork) -> TransferOut:
            require(principal, Permission.STOCK_MOVE)
            stores = [wanted.from_store, wanted.to_store]
            await rows.wait_for_lot(uow.connection, wanted.lot_id)
            held = await rows.lock_one(uow.connection, wanted.lot_id, stores)
            source = found(next((one for one in held if one.store == stores[0]), None), "that lot there")
            target = found(await formulary.store(uow.connection, stores[1]), f"store {stores[1]}")
            today = uow.now.astimezone(self._zone).date()
            if target.kind is not StoreKind.QUARANTINE and not source.lot.usable(today):
                recalled = "recalled" if source.lot.recalled_at is not None else "expired"
                raise conflict(REFUSALS[f"pharmacy_ledger_{recalled}_check"])
            transfer_id = uow.ids.new()
            kinds = [(stores[0], LedgerKind.TRANSFER_OUT, -1), (stores[1], LedgerKind.TRANSFER_IN, 1)]
            for store, kind, sign in sorted(kinds):
                await book(
                    uow, source.lot, store, kind, wanted.quantity * sign, transfer_id, at=wanted.occurred_at
                )
            left = (await _one(uow, wanted.lot_id, stores[0])).quantity
            arrived = (await _one(uow, wanted.lot_id, stores[1])).quantity
            return TransferOut(
                id=transfer_id,
                lot_id=wanted.lot_id,
                from_store=stores[0],
                to_store=stores[1],
                quantity=wanted.quantity,
                left=left,
                arrived=arrived,
            )

        return await self._units.execute(principal, command, TransferOut, work)

    async def count(self, principal: Principal, command: Command, told: CountIn) -> CountOut:
        """What lies on the shelf is the truth: the difference to the ledger is booked, with its reason."""

        async def work(uow: UnitOfWork) -> CountOut:
            require(principal, Permission.STOCK_MOVE)
            await rows.wait_for_lot(uow.connection, told.lot_id)
            held = await rows.lock_one(uow.connection, told.lot_id, [told.store])
            here = found(held[0] if held else None, "that lot there")
            variance = told.counted - here.quantity
            if variance:
                await book(
                    uow,
                    here.lot,
                    told.store,
                    LedgerKind.COUNT,
                    variance,
                    reason=told.reason,
                    at=told.occurred_at,
                )
            else:
                uow.audit("stock.count", entity="lot", entity_id=told.lot_id, detail={"store": told.store})
            return CountOut(
                lot_id=told.lot_id,
                store=told.store,
                expected=here.quantity,
                counted=told.counted,
                variance=variance,
            )

        return await self._units.execute(principal, command, CountOut, work)

    async def take_stock(
        self, principal: Principal, command: Command, code: str, told: StocktakeIn
    ) -> StocktakeOut:
        """Count many lots of a store at once: all differences are booked, or none.

        A lot that the store should not have is booked, too. Raises ``not_found`` for an unknown one.
        """

        async def work(uow: UnitOfWork) -> StocktakeOut:
            require(principal, Permission.STOCK_MOVE)
            found(await formulary.store(uow.connection, code), f"store {code}")
            ids = [one.lot_id for one in told.lines]
            held = await rows.lock_counted(uow.connection, code, ids)
            known = await rows.lots(uow.connection, ids)
            counts = []
            for one in told.lines:
                lot = found(known.get(one.lot_id), f"lot {one.lot_id}")
                expected = held[lot.id].quantity if lot.id in held else Decimal(0)
                variance = one.counted - expected
                if variance:
                    kind, at = LedgerKind.COUNT, told.occurred_at
                    await book(uow, lot, code, kind, variance, reason=told.reason, at=at)
                counts.append(
                    CountOut(
                        lot_id=lot.id,
                        store=code,
                        expected=expected,
                        counted=one.counted,
                        variance=variance,
                    )
                )
            uow.audit("stock.take", entity="store", entity_id=code, detail={"lots": len(counts)})
            return StocktakeOut(store=code, counts=counts)

        return await self._units.execute(principal, command, StocktakeOut, work)

    async def stock(self, principal: Principal, query: StockQuery) -> Page[StockOut]:
        """What lies where, by lot; for nurses in the cupboards of their wards. Raises ``forbidden``."""
        require(principal, Permission.SHELF_READ)
        cursor = decode_cursor(query.cursor, StockCursor) if query.cursor else None
        async with self._units.reading() as connection:
            held = await rows.held(
                connection,
                wards=wards(principal, Permission.SHELF_READ),
                store=query.store,
                medicine=query.medicine,
                expires_before=query.expires_before,
                standing=query.standing,
                after=(cursor.lot_id, cursor.store) if cursor is not None else None,
                limit=query.limit + 1,
            )
        shown, following = cut(held, query.limit, lambda one: StockCursor(lot_id=one.lot.id, store=one.store))
        return Page[StockOut](items=[stock_out(one) for one in shown], next_cursor=following)

    async def ledger(self, principal: Principal, query: LedgerQuery) -> Page[MovementOut]:
        """Every movement of a lot, newest first; their sum is the stock."""
        require(principal, Permission.STOCK_READ)
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            listed = await rows.movements(connection, query.lot_id, before, query.limit + 1)
        shown, following = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
        items = [MovementOut(**asdict(one)) for one in shown]
        return Page[MovementOut](items=items, next_cursor=following)


async def book(
    uow: UnitOfWork,
    lot: Lot,
    store: str,
    kind: LedgerKind,
    delta: Decimal,
    reference: uuid.UUID | None = None,
    *,
    reason: str | None = None,
    at: Moment | None = None,
) -> None:
    """Append one movement, record ``StockMoved``, audit; raises ``conflict`` for too little, or a recall."""
    movement = Movement(
        id=uow.ids.new(),
        lot_id=lot.id,
        store=store,
        kind=kind,
        delta=delta,
        reference=reference,
        reason=reason,
        occurred_at=occurred(at, uow.now),
        recorded_at=uow.now,
        recorded_by=uow.principal.id,
    )
    try:
        await rows.add_movements(uow.connection, [movement])
    except IntegrityError as error:
        rule = violated(error)
        raise (conflict(REFUSALS[rule]) if rule in REFUSALS else error) from error
    uow.record(StockMoved(lot.id, (store,)))
    uow.audit(f"stock.{kind}", entity="lot", entity_id=lot.id, detail={"store": store})


def stock_out(held: Held) -> StockOut:
    """How much of a lot a store has, as it is answered."""
    return StockOut(
        lot_id=held.lot.id,
        medicine=held.lot.medicine,
        lot=held.lot.number,
        expires_on=held.lot.expires_on,
        recalled=held.lot.recalled_at is not None,
        expired=held.lot.expired_at is not None,
        near_expiry=held.near_expiry and held.lot.expired_at is None,
        store=held.store,
        quantity=held.quantity,
    )


async def _one(uow: UnitOfWork, lot_id: uuid.UUID, store: str) -> StockOut:
    held: Sequence[Held] = await rows.lock_one(uow.connection, lot_id, [store])
    return stock_out(held[0])
