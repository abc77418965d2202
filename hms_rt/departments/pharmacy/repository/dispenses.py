"""Dispenses; whoever changes one has locked its prescription."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy.model.dispense import Dispense, DispenseItem, DispenseState, Returned
from hms_rt.departments.pharmacy.repository import rows
from hms_rt.departments.pharmacy.repository import stock_tables as tables

_DISPENSE = tables.dispense.c
_ITEM = tables.dispense_item.c


async def add(connection: AsyncConnection, dispense: Dispense, items: Sequence[DispenseItem]) -> None:
    """Add a prepared dispense."""
    await connection.execute(tables.dispense.insert().values(asdict(dispense)))
    await connection.execute(tables.dispense_item.insert(), [asdict(item) for item in items])


async def save(connection: AsyncConnection, dispense: Dispense) -> None:
    """Write a dispense whose prescription is locked."""
    await connection.execute(
        tables.dispense.update().where(_DISPENSE.id == dispense.id).values(asdict(dispense))
    )


async def add_returns(connection: AsyncConnection, returned: Sequence[Returned]) -> None:
    """Append what came back; the database moves the sums of items and lines."""
    await connection.execute(tables.dispense_return.insert(), [asdict(one) for one in returned])


async def returns(connection: AsyncConnection, items: Sequence[uuid.UUID]) -> list[Row[Any]]:
    """What came back of these items, oldest first."""
    column = tables.dispense_return.c
    query = sa.select(tables.dispense_return).where(column.item_id.in_(items)).order_by(column.id)
    return list(await connection.execute(query))


async def prescription_of(connection: AsyncConnection, dispense_id: uuid.UUID) -> uuid.UUID | None:
    """Which prescription a dispense is of, unlocked: that is locked before it."""
    query = sa.select(_DISPENSE.prescription_id).where(_DISPENSE.id == dispense_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def of_prescription(
    connection: AsyncConnection, prescription_id: uuid.UUID
) -> list[tuple[Dispense, list[DispenseItem]]]:
    """Every dispense of a prescription with its items, oldest first."""
    query = sa.select(tables.dispense).where(_DISPENSE.prescription_id == prescription_id)
    found = [_dispense(row) for row in await connection.execute(query.order_by(_DISPENSE.id))]
    items = sa.select(tables.dispense_item).where(_ITEM.dispense_id.in_([one.id for one in found]))
    listed = [
        DispenseItem(**rows.read(DispenseItem, row))
        for row in await connection.execute(items.order_by(_ITEM.id))
    ]
    return [(one, [item for item in listed if item.dispense_id == one.id]) for one in found]


async def items(connection: AsyncConnection, dispense_id: uuid.UUID) -> list[DispenseItem]:
    """What a dispense consists of, oldest first."""
    query = sa.select(tables.dispense_item).where(_ITEM.dispense_id == dispense_id).order_by(_ITEM.id)
    return [DispenseItem(**rows.read(DispenseItem, row)) for row in await connection.execute(query)]


async def ready(connection: AsyncConnection, prescription_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """For which of these prescriptions something lies ready."""
    query = sa.select(_DISPENSE.prescription_id).where(
        _DISPENSE.prescription_id.in_(prescription_ids), _DISPENSE.state == DispenseState.PREPARED.value
    )
    return set((await connection.execute(query)).scalars())


async def prepared(connection: AsyncConnection, prescription_id: uuid.UUID) -> dict[uuid.UUID, Decimal]:
    """How much of each line is prepared and not handed over yet; the prescription is locked."""
    query = (
        sa.select(_ITEM.line_id, sa.func.sum(_ITEM.quantity).label("quantity"))
        .join(tables.dispense, _DISPENSE.id == _ITEM.dispense_id)
        .where(
            _DISPENSE.prescription_id == prescription_id,
            _DISPENSE.state == DispenseState.PREPARED.value,
        )
        .group_by(_ITEM.line_id)
    )
    return {row.line_id: row.quantity for row in await connection.execute(query)}


def _dispense(row: Row[Any]) -> Dispense:
    return Dispense(**{**rows.read(Dispense, row), "state": DispenseState(row.state)})
