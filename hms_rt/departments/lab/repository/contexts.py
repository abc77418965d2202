"""Why orders were made."""

import uuid
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.order import OrderContext

_CONTEXT = tables.order_context.c


async def add(connection: AsyncConnection, context: OrderContext) -> None:
    """With a new order."""
    await connection.execute(tables.order_context.insert().values(asdict(context)))


async def of_order(connection: AsyncConnection, order_id: uuid.UUID) -> OrderContext:
    """Why an order was made; nothing is known of those that are older than this table."""
    query = sa.select(tables.order_context).where(_CONTEXT.order_id == order_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return OrderContext(order_id)
    return OrderContext(**{**row._asdict(), "diagnoses": tuple(row.diagnoses)})
