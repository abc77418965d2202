"""Discounts, and who may give how much alone."""

import uuid
from collections.abc import Collection
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.discount import Limit
from hms_rt.departments.billing.repository.charges import charge_of

_CHARGE = tables.charge.c
_LIMIT = tables.discount_limit.c


async def limits(connection: AsyncConnection) -> list[Limit]:
    """Who may give how much alone, by role or assignment."""
    query = sa.select(tables.discount_limit).order_by(_LIMIT.holder)
    return [Limit(**row._asdict()) for row in await connection.execute(query)]


async def set_limit(connection: AsyncConnection, limit: Limit) -> Limit:
    """Write a limit, new or another one."""
    values = asdict(limit)
    changed = {"percent": limit.percent, "amount": limit.amount, "version": _LIMIT.version + 1}
    written = insert(tables.discount_limit).values(values)
    row = (
        await connection.execute(
            written.on_conflict_do_update(index_elements=["holder"], set_=changed).returning(
                tables.discount_limit
            )
        )
    ).one()
    return Limit(**row._asdict())


async def lock_reductions(connection: AsyncConnection, charges: Collection[uuid.UUID]) -> list[Charge]:
    """What takes something off these charges now, locked by id."""
    query = (
        sa.select(tables.charge)
        .where(_CHARGE.reduces.in_(charges), _CHARGE.reverses.is_(None), _CHARGE.reversed_by.is_(None))
        .order_by(_CHARGE.id)
        .with_for_update()
    )
    return [charge_of(row) for row in await connection.execute(query)]
