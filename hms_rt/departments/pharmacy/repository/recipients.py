"""Who got something of a lot: by a dispense, or by a sale over the counter."""

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy import tables as pharmacy_tables
from hms_rt.departments.pharmacy.repository import sale_tables
from hms_rt.departments.pharmacy.repository import stock_tables as tables

_ITEM = tables.dispense_item.c
_DISPENSE = tables.dispense.c
_RX = pharmacy_tables.prescription.c
_SALE = sale_tables.sale.c
_SOLD = sale_tables.sale_item.c
_OF_LOT = (
    sa.select()
    .select_from(tables.dispense_item)
    .join(tables.dispense, _DISPENSE.id == _ITEM.dispense_id)
    .join(pharmacy_tables.prescription, _RX.id == _DISPENSE.prescription_id)
)
_SOLD_OF_LOT = (
    sa.select().select_from(sale_tables.sale_item).join(sale_tables.sale, _SALE.id == _SOLD.sale_id)
)
_NONE = sa.null


async def page(
    connection: AsyncConnection, lot_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> list[Row[Any]]:
    """At most ``limit`` items of dispenses and sales after this one, oldest first.

    The names of those who bought are not here: their sale does not carry them.
    """
    dispensed = _OF_LOT.add_columns(
        _ITEM.id.label("item_id"),
        _DISPENSE.id.label("dispense_id"),
        sa.cast(_NONE(), sa.Uuid).label("sale_id"),
        _DISPENSE.state,
        _DISPENSE.handed_over_at,
        _ITEM.quantity,
        _ITEM.returned,
        _RX.id.label("prescription_id"),
        _RX.patient_id,
        _RX.patient_name,
        _RX.mrn,
        _RX.restricted,
        _RX.ward,
    ).where(_ITEM.lot_id == lot_id, _DISPENSE.state.in_(["handed_over", "returned", "prepared"]))
    sold = _SOLD_OF_LOT.add_columns(
        _SOLD.id.label("item_id"),
        sa.cast(_NONE(), sa.Uuid).label("dispense_id"),
        _SALE.id.label("sale_id"),
        sa.case((_SOLD.returned < _SOLD.quantity, "handed_over"), else_="returned").label("state"),
        _SALE.sold_at.label("handed_over_at"),
        _SOLD.quantity,
        _SOLD.returned,
        sa.cast(_NONE(), sa.Uuid).label("prescription_id"),
        _SALE.patient_id,
        sa.cast(_NONE(), sa.Text).label("patient_name"),
        sa.cast(_NONE(), sa.Text).label("mrn"),
        sa.cast(_NONE(), sa.Boolean).label("restricted"),
        sa.cast(_NONE(), sa.Text).label("ward"),
    ).where(_SOLD.lot_id == lot_id)
    if after is not None:
        dispensed, sold = dispensed.where(_ITEM.id > after), sold.where(_SOLD.id > after)
    first = (
        dispensed.order_by(_ITEM.id).limit(limit).subquery(),
        sold.order_by(_SOLD.id).limit(limit).subquery(),
    )
    query = sa.union_all(*(sa.select(one) for one in first)).order_by("item_id").limit(limit)
    return list(await connection.execute(query))


async def with_patients(
    connection: AsyncConnection, lot_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> list[Row[Any]]:
    """At most ``limit`` prescriptions whose patients still have some of the lot: how much, who, where."""
    query = (
        _OF_LOT.add_columns(
            _RX.id,
            _RX.patient_id,
            _RX.prescribed_by,
            _RX.ward,
            sa.func.sum(_ITEM.quantity - _ITEM.returned).label("quantity"),
        )
        .where(_ITEM.lot_id == lot_id, _DISPENSE.state == "handed_over", _ITEM.returned < _ITEM.quantity)
        .group_by(_RX.id)
        .order_by(_RX.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(_RX.id > after)
    return list(await connection.execute(query))


async def buyers(
    connection: AsyncConnection, lot_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> list[Row[Any]]:
    """At most ``limit`` sales over the counter whose customers still have some of the lot: how much, who."""
    query = (
        _SOLD_OF_LOT.add_columns(
            _SALE.id,
            _SALE.patient_id,
            _SALE.store,
            sa.func.sum(_SOLD.quantity - _SOLD.returned).label("quantity"),
        )
        .where(_SOLD.lot_id == lot_id, _SOLD.returned < _SOLD.quantity)
        .group_by(_SALE.id)
        .order_by(_SALE.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(_SALE.id > after)
    return list(await connection.execute(query))
