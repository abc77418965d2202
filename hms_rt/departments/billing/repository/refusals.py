"""What payers refused, and the invoices that ask others for it."""

import uuid
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind
from hms_rt.departments.billing.model.refusal import Refusal
from hms_rt.departments.billing.repository import rows

_REFUSAL = tables.refusal.c
_INVOICE = tables.invoice.c


async def add(connection: AsyncConnection, one: Refusal) -> None:
    """Add a refusal; the same transaction adds its two papers."""
    await connection.execute(tables.refusal.insert().values(asdict(one)))


async def find(connection: AsyncConnection, refusal_id: uuid.UUID) -> Refusal | None:
    """One refusal."""
    query = sa.select(tables.refusal).where(_REFUSAL.id == refusal_id)
    row = (await connection.execute(query)).one_or_none()
    return Refusal(**row._asdict()) if row is not None else None


async def lock_moved(connection: AsyncConnection, invoice_id: uuid.UUID) -> list[Invoice]:
    """The invoices that ask for what was refused of a locked one, however often it moved on; locked by id."""
    moved = sa.select(_INVOICE.id).where(_INVOICE.id == invoice_id).cte(recursive=True)
    moved = moved.union_all(
        sa.select(_INVOICE.id)
        .join(tables.refusal, _REFUSAL.id == _INVOICE.refusal_id)
        .where(_REFUSAL.invoice_id == moved.c.id, _INVOICE.kind == InvoiceKind.REFUSED.value)
    )
    query = (
        sa.select(tables.invoice)
        .where(_INVOICE.id.in_(sa.select(moved.c.id)), _INVOICE.id != invoice_id)
        .order_by(_INVOICE.id)
        .with_for_update()
    )
    return [rows.read(Invoice, row) for row in await connection.execute(query)]
