"""Sales at dispensaries' own counters; whoever changes one has locked it after its patient."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.pharmacy.model.dispense import Returned
from hms_rt.departments.pharmacy.model.sale import CounterWarning, Sale, SaleItem, Till
from hms_rt.departments.pharmacy.repository import rows
from hms_rt.departments.pharmacy.repository import sale_tables as tables

_TILL = tables.till.c
_SALE = tables.sale.c
_ITEM = tables.sale_item.c
_INVOICE = tables.sale_invoice.c


async def set_till(connection: AsyncConnection, counter: str, store: str) -> Till:
    """Say whose a counter is; an unknown one violates ``pharmacy_till_counter_fkey``."""
    written = insert(tables.till).values(counter=counter, store=store, version=1)
    changed = {"store": store, "version": _TILL.version + 1}
    done = await connection.execute(
        written.on_conflict_do_update(index_elements=["counter"], set_=changed).returning(tables.till)
    )
    return Till(**done.one()._asdict())


async def till(connection: AsyncConnection, counter: str) -> Till | None:
    """Whose a counter is, and stays until the commit."""
    query = sa.select(tables.till).where(_TILL.counter == counter).with_for_update(read=True)
    row = (await connection.execute(query)).one_or_none()
    return Till(**row._asdict()) if row is not None else None


async def tills(connection: AsyncConnection, store: str | None = None) -> list[Till]:
    """Every counter that is a dispensary's own, by code."""
    query = sa.select(tables.till).order_by(_TILL.counter)
    if store is not None:
        query = query.where(_TILL.store == store)
    return [Till(**row._asdict()) for row in await connection.execute(query)]


async def add(connection: AsyncConnection, sale: Sale, items: Sequence[SaleItem] = ()) -> Sale:
    """Add a sale; answers it with its number. Of a dispense a second violates its unique key."""
    values = asdict(sale)
    del values["number"]
    made = await connection.execute(tables.sale.insert().values(values).returning(_SALE.number))
    if items:
        await connection.execute(tables.sale_item.insert(), [asdict(item) for item in items])
    return replace(sale, number=made.scalar_one())


async def save(connection: AsyncConnection, sale: Sale) -> None:
    """Write the version of a locked sale."""
    await connection.execute(tables.sale.update().where(_SALE.id == sale.id).values(version=sale.version))


async def find(connection: AsyncConnection, sale_id: uuid.UUID) -> Sale | None:
    """One sale, as last committed."""
    row = (await connection.execute(sa.select(tables.sale).where(_SALE.id == sale_id))).one_or_none()
    return Sale(**rows.read(Sale, row)) if row is not None else None


async def of_dispense(connection: AsyncConnection, dispense_id: uuid.UUID) -> Sale | None:
    """The sale of a dispense, whose patient is locked."""
    query = sa.select(tables.sale).where(_SALE.dispense_id == dispense_id)
    row = (await connection.execute(query)).one_or_none()
    return Sale(**rows.read(Sale, row)) if row is not None else None


async def lock(connection: AsyncConnection, sale_id: uuid.UUID) -> Sale:
    """One sale that is known, locked; its patient is locked before."""
    query = sa.select(tables.sale).where(_SALE.id == sale_id).with_for_update()
    return Sale(**rows.read(Sale, (await connection.execute(query)).one()))


async def items(connection: AsyncConnection, sale_id: uuid.UUID) -> list[SaleItem]:
    """What was sold without a prescription, oldest first."""
    query = sa.select(tables.sale_item).where(_ITEM.sale_id == sale_id).order_by(_ITEM.id)
    return [SaleItem(**rows.read(SaleItem, row)) for row in await connection.execute(query)]


async def page(
    connection: AsyncConnection,
    *,
    counters: Collection[str] | None,
    counter: str | None,
    patient_id: uuid.UUID | None,
    before: uuid.UUID | None,
    limit: int,
) -> list[Sale]:
    """At most ``limit`` sales at these counters (None: any) before this one, newest first."""
    query = sa.select(tables.sale).order_by(_SALE.id.desc()).limit(limit)
    if counters is not None:
        query = query.where(_SALE.counter.in_(sorted(counters)))
    if counter is not None:
        query = query.where(_SALE.counter == counter)
    if patient_id is not None:
        query = query.where(_SALE.patient_id == patient_id)
    if before is not None:
        query = query.where(_SALE.id < before)
    return [Sale(**rows.read(Sale, row)) for row in await connection.execute(query)]


async def add_invoice(connection: AsyncConnection, sale_id: uuid.UUID, invoice_id: uuid.UUID) -> None:
    """Say which sale an invoice is of."""
    await connection.execute(tables.sale_invoice.insert().values(sale_id=sale_id, invoice_id=invoice_id))


async def invoices(connection: AsyncConnection, sale_id: uuid.UUID) -> list[uuid.UUID]:
    """The invoices of a sale, oldest first."""
    query = sa.select(_INVOICE.invoice_id).where(_INVOICE.sale_id == sale_id)
    return list((await connection.execute(query.order_by(_INVOICE.invoice_id))).scalars())


async def add_returns(connection: AsyncConnection, returned: Sequence[Returned]) -> None:
    """Append what came back; the database moves the sums of the items."""
    await connection.execute(tables.sale_return.insert(), [asdict(one) for one in returned])


async def add_overrides(
    connection: AsyncConnection,
    sale_id: uuid.UUID,
    overridden: Sequence[tuple[CounterWarning, str]],
    by: uuid.UUID,
    at: datetime,
) -> None:
    """Append the warnings that the seller went past."""
    values = [
        {
            "sale_id": sale_id,
            "medicine": one.medicine,
            "kind": one.kind.value,
            "warned": one.text,
            "reason": reason,
            "overridden_by": by,
            "recorded_at": at,
        }
        for one, reason in overridden
    ]
    if values:
        await connection.execute(tables.sale_override.insert(), values)


async def overrides(connection: AsyncConnection, sale_id: uuid.UUID) -> list[Row[Any]]:
    """The warnings that the seller of a sale went past."""
    column = tables.sale_override.c
    query = sa.select(tables.sale_override).where(column.sale_id == sale_id)
    return list(await connection.execute(query.order_by(column.medicine, column.kind)))
