"""Who sends papers, how often they were printed, and what else stands on them."""

import uuid
from dataclasses import asdict
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.views.papers import Issuer

_ISSUER = tables.issuer.c
_CASHIER = tables.cashier.c
_PRINT = tables.print_count.c
_ALLOCATION = tables.allocation.c


async def issuer(connection: AsyncConnection, facility: str, *, lock: bool = False) -> Issuer | None:
    """Who sends a facility's papers."""
    query = sa.select(tables.issuer).where(_ISSUER.facility == facility)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return Issuer(**row._asdict()) if row is not None else None


async def has_facility(connection: AsyncConnection, facility: str) -> bool:
    """Whether an administrator named that facility: at a counter, or as a sender of papers."""
    query = sa.select(
        sa.or_(
            sa.exists().where(_CASHIER.facility == facility), sa.exists().where(_ISSUER.facility == facility)
        )
    )
    return bool((await connection.execute(query)).scalar_one())


async def issuers(connection: AsyncConnection) -> list[Issuer]:
    """Every sender, by facility."""
    query = sa.select(tables.issuer).order_by(_ISSUER.facility)
    return [Issuer(**row._asdict()) for row in await connection.execute(query)]


async def save_issuer(connection: AsyncConnection, one: Issuer) -> None:
    """Write a sender, new or locked."""
    values = asdict(one)
    await connection.execute(
        insert(tables.issuer).values(values).on_conflict_do_update(index_elements=["facility"], set_=values)
    )


async def printed(connection: AsyncConnection, paper: str, paper_id: uuid.UUID) -> int:
    """Count one more print; how many there were before: 0 for the original."""
    counted = insert(tables.print_count).values(paper=paper, paper_id=paper_id, printed=1)
    given = await connection.execute(
        counted.on_conflict_do_update(
            index_elements=["paper", "paper_id"], set_={"printed": _PRINT.printed + 1}
        ).returning(_PRINT.printed)
    )
    return int(given.scalar_one()) - 1


async def paid_by(connection: AsyncConnection, payment_id: uuid.UUID) -> list[tuple[int | None, Decimal]]:
    """The numbers of the invoices that a payment pays now, and how much of each."""
    query = (
        sa.select(tables.invoice.c.number, sa.func.sum(_ALLOCATION.amount).label("amount"))
        .join(tables.invoice, tables.invoice.c.id == _ALLOCATION.invoice_id)
        .where(_ALLOCATION.payment_id == payment_id)
        .group_by(tables.invoice.c.id, tables.invoice.c.number)
        .having(sa.func.sum(_ALLOCATION.amount) > 0)
        .order_by(tables.invoice.c.number)
    )
    return [(row.number, row.amount) for row in await connection.execute(query)]


async def names_of_payers(connection: AsyncConnection, codes: set[str]) -> dict[str, str]:
    """What payers are called."""
    query = sa.select(tables.payer.c.code, tables.payer.c.name).where(tables.payer.c.code.in_(codes))
    return {row.code: row.name for row in await connection.execute(query)}
