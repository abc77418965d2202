"""What is sold at a department's own counter: its charges, invoices and payments, locked by id."""

import uuid
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.payment import Payment, Refund, RefundState
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.repository import rows
from hms_rt.departments.billing.repository.charges import charge_of

_CHARGE = tables.charge.c
_LINE = tables.line.c
_PAYMENT = tables.payment.c
_ALLOCATION = tables.allocation.c
_REFUND = tables.refund.c


async def lock_charged(connection: AsyncConnection, causes: Collection[str]) -> list[Charge]:
    """What stands charged of these supplies of medicines, with what is taken off it, locked by id."""
    stands = sa.and_(_CHARGE.reverses.is_(None), _CHARGE.reversed_by.is_(None))
    mine = sa.select(_CHARGE.id).where(
        _CHARGE.kind == ServiceKind.MEDICINE.value, _CHARGE.cause.in_(causes), stands
    )
    query = sa.select(tables.charge).where(
        stands, sa.or_(_CHARGE.id.in_(mine), _CHARGE.reduces.in_(mine.scalar_subquery()))
    )
    listed = await connection.execute(query.order_by(_CHARGE.id).with_for_update())
    return [charge_of(row) for row in listed]


async def on_paper(connection: AsyncConnection, charges: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these charges are on an invoice."""
    query = sa.select(_LINE.charge_id).where(_LINE.charge_id.in_(charges), _LINE.live)
    return set((await connection.execute(query)).scalars())


async def paying(connection: AsyncConnection, invoices: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """The payments that pay, or paid, these invoices."""
    query = sa.select(_ALLOCATION.payment_id).where(_ALLOCATION.invoice_id.in_(invoices)).distinct()
    return sorted((await connection.execute(query)).scalars())


async def lock_payments(connection: AsyncConnection, payments: Collection[uuid.UUID]) -> list[Payment]:
    """These payments, locked by id."""
    locked = await rows.lock(connection, Payment, payments)
    return [locked[payment_id] for payment_id in sorted(locked)]


async def refunds(connection: AsyncConnection, payments: Collection[uuid.UUID]) -> list[Refund]:
    """Every refund of these payments, oldest first."""
    query = sa.select(tables.refund).where(_REFUND.payment_id.in_(payments)).order_by(_REFUND.id)
    return [rows.read(Refund, row) for row in await connection.execute(query)]


def waiting(listed: Collection[Refund], payment_id: uuid.UUID) -> list[Refund]:
    """Those of a payment that nobody decided on yet."""
    return [one for one in listed if one.payment_id == payment_id and one.state is RefundState.REQUESTED]
