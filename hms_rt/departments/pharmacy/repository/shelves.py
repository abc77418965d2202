"""Shelves, and what was told of expiry. A shelf's sum is moved by the database alone."""

import uuid
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy.model.shelf import ExpiryNotice, Shelf
from hms_rt.departments.pharmacy.model.stock import Lot
from hms_rt.departments.pharmacy.repository import formulary, rows
from hms_rt.departments.pharmacy.repository import stock_tables as tables

_SHELF = tables.shelf.c
_LOT = tables.lot.c
_STOCK = tables.stock.c
_TOLD = tables.expiry_notice.c
_LOW = sa.literal_column("pharmacy_shelf.low", sa.Boolean)
"""As the partial index has it."""


async def lock(connection: AsyncConnection, store: str, medicine: str) -> Shelf | None:
    """One shelf, locked; None if nothing of the medicine was ever there."""
    query = sa.select(tables.shelf).where(_SHELF.store == store, _SHELF.medicine == medicine)
    row = (await connection.execute(query.with_for_update())).one_or_none()
    return _shelf(row) if row is not None else None


async def lock_or_add(connection: AsyncConnection, store: str, medicine: str) -> Shelf:
    """One shelf, locked; an empty one if nothing of the medicine was ever there."""
    values = {"store": store, "medicine": medicine}
    await connection.execute(insert(tables.shelf).values(values).on_conflict_do_nothing())
    query = sa.select(tables.shelf).where(_SHELF.store == store, _SHELF.medicine == medicine)
    return _shelf((await connection.execute(query.with_for_update())).one())


async def find(connection: AsyncConnection, store: str, medicine: str) -> Shelf | None:
    """One shelf, as last committed."""
    query = sa.select(tables.shelf).where(_SHELF.store == store, _SHELF.medicine == medicine)
    row = (await connection.execute(query)).one_or_none()
    return _shelf(row) if row is not None else None


async def save(connection: AsyncConnection, shelf: Shelf) -> None:
    """Write the level of a locked shelf, and whether its people know that it is low."""
    await connection.execute(
        tables.shelf.update()
        .where(_SHELF.store == shelf.store, _SHELF.medicine == shelf.medicine)
        .values(reorder_level=shelf.reorder_level, told=shelf.told, version=shelf.version)
    )


async def page(
    connection: AsyncConnection,
    *,
    wards: Collection[str] | None,
    store: str | None,
    medicine: str | None,
    low: bool | None,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Shelf]:
    """At most ``limit`` shelves that are shown, by store and medicine; if told, in cupboards of ``wards``."""
    query = sa.select(tables.shelf).order_by(_SHELF.store, _SHELF.medicine).limit(limit)
    query = query.where(sa.or_(_SHELF.usable > 0, _SHELF.reorder_level.is_not(None)))
    if store is not None:
        query = query.where(_SHELF.store == store)
    if wards is not None:
        query = query.where(_SHELF.store.in_(formulary.cupboards_of(wards)))
    if medicine is not None:
        query = query.where(_SHELF.medicine == medicine)
    if low is not None:
        query = query.where(_LOW if low else sa.not_(_LOW))
    if after is not None:
        query = query.where(sa.tuple_(_SHELF.store, _SHELF.medicine) > after)
    return [_shelf(row) for row in await connection.execute(query)]


async def of_store(connection: AsyncConnection, store: str) -> list[Shelf]:
    """Every shelf that a store's room shows."""
    query = sa.select(tables.shelf).where(
        _SHELF.store == store, sa.or_(_SHELF.usable > 0, _SHELF.reorder_level.is_not(None))
    )
    return [_shelf(row) for row in await connection.execute(query)]


async def untold(
    connection: AsyncConnection, store: str, today: date, horizon: date, limit: int
) -> list[Lot]:
    """Lots in a store of whose expiry it was not told yet, by last day of use."""
    due = sa.case((_LOT.expires_on < today, "expired"), else_="near_expiry")
    told = sa.exists().where(_TOLD.store == store, _TOLD.lot_id == _LOT.id, _TOLD.kind == due)
    query = (
        sa.select(tables.lot)
        .join(tables.stock, _STOCK.lot_id == _LOT.id)
        .where(_STOCK.store == store, _STOCK.quantity > 0, _LOT.expires_on <= horizon, ~told)
        .order_by(_LOT.expires_on, _LOT.id)
        .limit(limit)
    )
    return [Lot(**rows.read(Lot, row)) for row in await connection.execute(query)]


async def is_told(connection: AsyncConnection, store: str, lot_id: uuid.UUID, notice: ExpiryNotice) -> bool:
    """Whether a store was told that."""
    query = sa.select(
        sa.exists().where(_TOLD.store == store, _TOLD.lot_id == lot_id, _TOLD.kind == notice.value)
    )
    return bool((await connection.execute(query)).scalar_one())


async def add_told(
    connection: AsyncConnection,
    store: str,
    lots: Collection[uuid.UUID],
    notice: ExpiryNotice,
    at: datetime,
) -> list[uuid.UUID]:
    """Note that a store was told this of these lots; answers those of which it was not before."""
    values = [
        {"store": store, "lot_id": lot_id, "kind": notice.value, "told_at": at} for lot_id in sorted(lots)
    ]
    if not values:
        return []
    adding = insert(tables.expiry_notice).values(values).on_conflict_do_nothing().returning(_TOLD.lot_id)
    return list((await connection.execute(adding)).scalars())


async def forget_beyond(connection: AsyncConnection, store: str, horizon: date) -> list[uuid.UUID]:
    """Take back what was told of lots that are not near their last day: the store looks less far ahead."""
    query = (
        tables.expiry_notice.delete()
        .where(
            _TOLD.store == store,
            _TOLD.kind == ExpiryNotice.NEAR_EXPIRY.value,
            _TOLD.lot_id == _LOT.id,
            _LOT.expires_on > horizon,
        )
        .returning(_TOLD.lot_id)
    )
    return list((await connection.execute(query)).scalars())


def _shelf(row: Row[Any]) -> Shelf:
    return Shelf(**rows.read(Shelf, row))
