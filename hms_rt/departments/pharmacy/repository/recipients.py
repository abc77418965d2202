"""Who got something of a lot."""

import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy import tables as pharmacy_tables
from hms_rt.departments.pharmacy.repository import stock_tables as tables

_ITEM = tables.dispense_item.c
_DISPENSE = tables.dispense.c
_RX = pharmacy_tables.prescription.c
_OF_LOT = (
    sa.select()
    .select_from(tables.dispense_item)
    .join(tables.dispense, _DISPENSE.id == _ITEM.dispense_id)
    .join(pharmacy_tables.prescription, _RX.id == _DISPENSE.prescription_id)
)


async def page(
    connection: AsyncConnection, lot_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> list[Row[Any]]:
    """At most ``limit`` items of dispenses after this one, with prescription and patient, oldest first."""
    query = (
        _OF_LOT.add_columns(
            _ITEM.id.label("item_id"),
            _DISPENSE.id.label("dispense_id"),
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
        )
        .where(_ITEM.lot_id == lot_id, _DISPENSE.state.in_(["handed_over", "returned", "prepared"]))
        .order_by(_ITEM.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(_ITEM.id > after)
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
