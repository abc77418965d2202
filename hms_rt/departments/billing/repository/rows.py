"""Reading and writing rows of the model's papers. Whoever writes one has locked it."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.discount import Discount, DiscountState
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceState
from hms_rt.departments.billing.model.payment import Means, Payment, PaymentState, Refund, RefundState, Shift

Paper = Invoice | Payment | Refund | Shift | Discount
P = TypeVar("P", Invoice, Payment, Refund, Shift, Discount)

_TABLES: dict[type[Any], sa.Table] = {
    Invoice: tables.invoice,
    Payment: tables.payment,
    Refund: tables.refund,
    Shift: tables.shift,
    Discount: tables.discount,
}
_ENUMS: dict[type[Any], dict[str, Callable[[str], StrEnum]]] = {
    Invoice: {"kind": InvoiceKind, "state": InvoiceState},
    Payment: {"means": Means, "state": PaymentState},
    Refund: {"state": RefundState},
    Shift: {},
    Discount: {"state": DiscountState},
}


def read(kind: type[P], row: Row[Any]) -> P:
    """A row as the model's paper."""
    enums = _ENUMS[kind]
    values: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(kind)}
    values |= {name: made(values[name]) for name, made in enums.items()}
    return kind(**values)


def _values(paper: Paper) -> dict[str, Any]:
    values = asdict(paper)
    return {name: one.value if isinstance(one, StrEnum) else one for name, one in values.items()}


async def add(connection: AsyncConnection, paper: Paper) -> None:
    """Add a paper."""
    await connection.execute(_TABLES[type(paper)].insert().values(_values(paper)))


async def save(connection: AsyncConnection, paper: Paper) -> None:
    """Write a locked paper."""
    table = _TABLES[type(paper)]
    await connection.execute(table.update().where(table.c.id == paper.id).values(_values(paper)))


async def find(connection: AsyncConnection, kind: type[P], paper_id: uuid.UUID) -> P | None:
    """One paper, as last committed."""
    table = _TABLES[kind]
    row = (await connection.execute(sa.select(table).where(table.c.id == paper_id))).one_or_none()
    return read(kind, row) if row is not None else None


async def lock(connection: AsyncConnection, kind: type[P], ids: Collection[uuid.UUID]) -> dict[uuid.UUID, P]:
    """Papers, locked by id; unknown ones are left out."""
    table = _TABLES[kind]
    query = sa.select(table).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update()
    return {row.id: read(kind, row) for row in await connection.execute(query)}


async def page(
    connection: AsyncConnection, kind: type[P], before: uuid.UUID | None, limit: int, **asked: Any
) -> list[P]:
    """At most ``limit`` papers with these values, newest first; None asks for any."""
    table = _TABLES[kind]
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    for name, value in asked.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    if before is not None:
        query = query.where(table.c.id < before)
    return [read(kind, row) for row in await connection.execute(query)]


async def next_number(connection: AsyncConnection, facility: str, series: str) -> int:
    """The next number, without gaps: given back with the transaction, and in the order of asking.

    Call it after all other locks, as late as can be: nobody of the facility gets the next one meanwhile.
    """
    given = await connection.execute(
        sa.text("SELECT billing_next_number(:facility, :series)"), {"facility": facility, "series": series}
    )
    return int(given.scalar_one())
