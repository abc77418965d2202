"""Lots, stock, ledger. Stock is locked by medicine, then lot; the ledger's trigger writes it."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy.model.shelf import ExpiryNotice, StockStanding
from hms_rt.departments.pharmacy.model.stock import (
    Held,
    LedgerKind,
    Lot,
    Movement,
)
from hms_rt.departments.pharmacy.repository import formulary, rows
from hms_rt.departments.pharmacy.repository import stock_tables as tables
from hms_rt.storage.postgres import wait_in_turn

_LOT = tables.lot.c
_STOCK = tables.stock.c
_LEDGER = tables.ledger.c
_NEAR = (
    sa.exists()
    .where(
        tables.expiry_notice.c.store == _STOCK.store,
        tables.expiry_notice.c.lot_id == _STOCK.lot_id,
        tables.expiry_notice.c.kind == ExpiryNotice.NEAR_EXPIRY.value,
    )
    .correlate(tables.stock)
)
_HELD: sa.Select[Any] = sa.select(tables.lot, _STOCK.store, _STOCK.quantity, _NEAR.label("near_expiry")).join(
    tables.stock, _STOCK.lot_id == _LOT.id
)
_STANDS = {
    StockStanding.USABLE: sa.and_(_LOT.recalled_at.is_(None), _LOT.expired_at.is_(None)),
    StockStanding.NEAR_EXPIRY: sa.and_(_LOT.recalled_at.is_(None), _LOT.expired_at.is_(None), _NEAR),
    StockStanding.EXPIRED: _LOT.expired_at.is_not(None),
    StockStanding.RECALLED: _LOT.recalled_at.is_not(None),
}
_NOT_EMPTY = sa.literal_column("pharmacy_stock.quantity > 0", sa.Boolean)
"""As the partial indexes have it: a bound value would hide it from a generic plan."""


async def find_or_add_lot(connection: AsyncConnection, lot: Lot) -> Lot:
    """The lot of this medicine and number: a new one, or the one that is known, locked."""
    await connection.execute(insert(tables.lot).values(asdict(lot)).on_conflict_do_nothing())
    query = sa.select(tables.lot).where(_LOT.medicine == lot.medicine, _LOT.number == lot.number)
    return _lot((await connection.execute(query.with_for_update(key_share=True))).one())


async def lock_lot(connection: AsyncConnection, lot_id: uuid.UUID) -> Lot | None:
    """One lot, locked."""
    query = sa.select(tables.lot).where(_LOT.id == lot_id).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    return _lot(row) if row is not None else None


async def lot(connection: AsyncConnection, lot_id: uuid.UUID) -> Lot | None:
    """One lot, as last committed."""
    row = (await connection.execute(sa.select(tables.lot).where(_LOT.id == lot_id))).one_or_none()
    return _lot(row) if row is not None else None


async def lots(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Lot]:
    """These lots, as last committed."""
    query = sa.select(tables.lot).where(_LOT.id.in_(ids))
    return {row.id: _lot(row) for row in await connection.execute(query)}


async def lot_for_use(connection: AsyncConnection, lot_id: uuid.UUID) -> Lot | None:
    """One lot, which nobody recalls or lets expire until the commit."""
    query = sa.select(tables.lot).where(_LOT.id == lot_id).with_for_update(read=True)
    row = (await connection.execute(query)).one_or_none()
    return _lot(row) if row is not None else None


async def lock_lots(connection: AsyncConnection, lots: Collection[uuid.UUID]) -> list[Lot]:
    """These lots, locked by id; their stock is locked before."""
    query = sa.select(tables.lot).where(_LOT.id.in_(lots)).order_by(_LOT.id).with_for_update()
    return [_lot(row) for row in await connection.execute(query)]


async def save_lot(connection: AsyncConnection, one: Lot) -> None:
    """Write the recall, or the expiry, of a locked lot."""
    await connection.execute(tables.lot.update().where(_LOT.id == one.id).values(asdict(one)))


async def lock_held(connection: AsyncConnection, store: str, medicine: str) -> list[Held]:
    """What a store has of a medicine, locked in the order of asking; first to expire first."""
    await wait_in_turn(connection, f"stock {store} {medicine}")
    query = (
        _HELD.where(_STOCK.store == store, _LOT.medicine == medicine, _STOCK.quantity > 0)
        .order_by(_LOT.expires_on, _LOT.id)
        .with_for_update(of=tables.stock)
    )
    return [_held(row) for row in await connection.execute(query)]


async def wait_for_lot(connection: AsyncConnection, lot_id: uuid.UUID) -> None:
    """Let those who asked before move a lot first; asked for before any of its stock is locked."""
    await wait_in_turn(connection, f"lot {lot_id}")


async def lock_one(connection: AsyncConnection, lot_id: uuid.UUID, stores: Collection[str]) -> list[Held]:
    """What these stores have of one lot, locked by store."""
    query = (
        _HELD.where(_STOCK.lot_id == lot_id, _STOCK.store.in_(stores))
        .order_by(_STOCK.store)
        .with_for_update(of=tables.stock)
    )
    return [_held(row) for row in await connection.execute(query)]


async def lock_everywhere(connection: AsyncConnection, lots: Collection[uuid.UUID]) -> list[Held]:
    """What any store has of these lots, locked by lot and store: before the lots themselves."""
    query = _HELD.where(_STOCK.lot_id.in_(lots)).order_by(_STOCK.lot_id, _STOCK.store)
    return [_held(row) for row in await connection.execute(query.with_for_update(of=tables.stock))]


async def held(
    connection: AsyncConnection,
    *,
    wards: Collection[str] | None = None,
    store: str | None = None,
    medicine: str | None = None,
    lot_id: uuid.UUID | None = None,
    expires_before: date | None = None,
    standing: StockStanding | None = None,
    after: tuple[uuid.UUID, str] | None = None,
    limit: int | None = None,
) -> list[Held]:
    """Stock, by lot and store, of the cupboards of ``wards`` or of all stores; empty shelves are left out."""
    query = _HELD.where(_NOT_EMPTY).order_by(_STOCK.lot_id, _STOCK.store).limit(limit)
    if store is not None:
        query = query.where(_STOCK.store == store)
    if wards is not None:
        query = query.where(_STOCK.store.in_(formulary.cupboards_of(wards)))
    if medicine is not None:
        query = query.where(_LOT.medicine == medicine)
    if lot_id is not None:
        query = query.where(_LOT.id == lot_id)
    if expires_before is not None:
        query = query.where(_LOT.expires_on < expires_before)
    if standing is not None:
        query = query.where(_STANDS[standing])
    if after is not None:
        query = query.where(sa.tuple_(_STOCK.lot_id, _STOCK.store) > after)
    return [_held(row) for row in await connection.execute(query)]


async def add_movements(connection: AsyncConnection, movements: Sequence[Movement]) -> None:
    """Append to the ledger, in order; too little stock violates ``pharmacy_stock_quantity_check``."""
    for one in movements:
        await connection.execute(tables.ledger.insert().values(asdict(one)))


async def movements(
    connection: AsyncConnection, lot_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[Movement]:
    """The ledger of a lot, newest first."""
    query = sa.select(tables.ledger).where(_LEDGER.lot_id == lot_id).order_by(_LEDGER.id.desc())
    if before is not None:
        query = query.where(_LEDGER.id < before)
    found = await connection.execute(query.limit(limit))
    return [Movement(**{**rows.read(Movement, row), "kind": LedgerKind(row.kind)}) for row in found]


async def lock_counted(
    connection: AsyncConnection, store: str, lots: Collection[uuid.UUID]
) -> dict[uuid.UUID, Held]:
    """What a store has of these lots, locked in the order in which dispensing locks."""
    query = (
        _HELD.where(_STOCK.store == store, _STOCK.lot_id.in_(lots))
        .order_by(_LOT.medicine, _LOT.expires_on, _LOT.id)
        .with_for_update(of=tables.stock)
    )
    return {row.id: _held(row) for row in await connection.execute(query)}


def _lot(row: Row[Any]) -> Lot:
    return Lot(**rows.read(Lot, row))


def _held(row: Row[Any]) -> Held:
    return Held(_lot(row), row.store, row.quantity, row.near_expiry)
