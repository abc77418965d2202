"""What is on invoices, what pays them."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import TO_PAY, Invoice, InvoiceKind, InvoiceState
from hms_rt.departments.billing.model.payment import Payment, PaymentMove, PaymentState
from hms_rt.departments.billing.model.tariff import SELF
from hms_rt.departments.billing.repository import rows
from hms_rt.departments.billing.repository.charges import charge_of

_CHARGE = tables.charge.c
_LINE = tables.line.c
_PAYMENT = tables.payment.c
_EVENT = tables.payment_event.c
_ALLOCATION = tables.allocation.c
_INVOICE = tables.invoice.c
_ON_INVOICE = sa.exists().where(_LINE.charge_id == _CHARGE.id, _LINE.live)
_STANDS = sa.and_(_CHARGE.reverses.is_(None), _CHARGE.reversed_by.is_(None))


async def lock_unbilled(
    connection: AsyncConnection, patient_id: uuid.UUID, admission_id: uuid.UUID | None
) -> list[Charge]:
    """What stands of a locked patient, has a price and is on no invoice, locked by id."""
    query = (
        sa.select(tables.charge)
        .where(_CHARGE.patient_id == patient_id, _STANDS, _CHARGE.gross.is_not(None), sa.not_(_ON_INVOICE))
        .order_by(_CHARGE.id)
        .limit(1000)
        .with_for_update()
    )
    if admission_id is not None:
        query = query.where(_CHARGE.admission_id == admission_id)
    return [charge_of(row) for row in await connection.execute(query)]


async def lock_creditable(connection: AsyncConnection, invoice_id: uuid.UUID) -> list[Charge]:
    """Reversals of what is on an invoice that no credit note has yet, locked by id."""
    original = tables.line.alias()
    query = (
        sa.select(tables.charge)
        .where(
            _CHARGE.reverses.in_(
                sa.select(original.c.charge_id).where(original.c.invoice_id == invoice_id, original.c.live)
            ),
            sa.not_(_ON_INVOICE),
        )
        .order_by(_CHARGE.id)
        .with_for_update()
    )
    return [charge_of(row) for row in await connection.execute(query)]


async def unbilled(
    connection: AsyncConnection, patient_id: uuid.UUID, admission_id: uuid.UUID | None
) -> list[Charge]:
    """What of a patient (of one admission) is on no invoice that was issued, priced or not."""
    on_paper = sa.exists().where(
        _LINE.charge_id == _CHARGE.id,
        _LINE.live,
        _LINE.invoice_id == _INVOICE.id,
        _INVOICE.state != "draft",
    )
    query = (
        sa.select(tables.charge)
        .where(_CHARGE.patient_id == patient_id, _STANDS, sa.not_(on_paper))
        .order_by(_CHARGE.id)
    )
    if admission_id is not None:
        query = query.where(_CHARGE.admission_id == admission_id)
    return [charge_of(row) for row in await connection.execute(query)]


async def to_pay(
    connection: AsyncConnection, patient_id: uuid.UUID, admission_id: uuid.UUID | None
) -> list[Invoice]:
    """Invoices to a patient (of one admission) that are not paid; payers' are not among them."""
    query = sa.select(tables.invoice).where(
        _INVOICE.patient_id == patient_id,
        _INVOICE.state.in_(sorted(TO_PAY)),
        _INVOICE.credits.is_(None),
        _INVOICE.payer == SELF,
    )
    if admission_id is not None:
        query = query.where(_INVOICE.admission_id == admission_id)
    return [rows.read(Invoice, row) for row in await connection.execute(query.order_by(_INVOICE.id))]


async def lock_shares(connection: AsyncConnection, invoice_id: uuid.UUID) -> list[Invoice]:
    """The payers' invoices of a locked one that are not void, locked by id."""
    query = (
        sa.select(tables.invoice)
        .where(_INVOICE.share_of == invoice_id, _INVOICE.state != InvoiceState.VOID.value)
        .order_by(_INVOICE.id)
        .with_for_update()
    )
    return [rows.read(Invoice, row) for row in await connection.execute(query)]


async def is_credited(connection: AsyncConnection, invoice_id: uuid.UUID) -> bool:
    """Whether there is a credit note of an invoice."""
    query = sa.select(sa.exists().where(_INVOICE.credits == invoice_id))
    return bool((await connection.execute(query)).scalar_one())


async def final_invoice(connection: AsyncConnection, admission_id: uuid.UUID) -> InvoiceState | None:
    """How the final invoice of an admission stands; None if there is none but void ones."""
    query = sa.select(_INVOICE.state).where(
        _INVOICE.admission_id == admission_id,
        _INVOICE.kind == InvoiceKind.FINAL.value,
        _INVOICE.state != InvoiceState.VOID.value,
    )
    known = (await connection.execute(query)).scalar_one_or_none()
    return InvoiceState(known) if known is not None else None


async def at_counter(connection: AsyncConnection, counter: str) -> list[Invoice]:
    """Invoices that are to be paid at a counter."""
    query = (
        sa.select(tables.invoice)
        .where(_INVOICE.counter == counter, _INVOICE.state.in_(sorted(TO_PAY)), _INVOICE.credits.is_(None))
        .order_by(_INVOICE.id)
    )
    return [rows.read(Invoice, row) for row in await connection.execute(query)]


async def add_lines(
    connection: AsyncConnection, invoice_id: uuid.UUID, listed: Sequence[tuple[uuid.UUID, Charge]]
) -> None:
    """Put priced charges on an invoice, each under the id of its line."""
    values = []
    for line_id, charge in listed:
        amounts = charge.amounts
        if amounts is None:
            raise ValueError("a charge without a price is on no invoice")
        parts = {
            "gross": amounts.gross,
            "payer_part": amounts.payer_part,
            "patient_part": amounts.patient_part,
        }
        values.append(
            {"id": line_id, "invoice_id": invoice_id, "charge_id": charge.id, "live": True, **parts}
        )
    if values:
        await connection.execute(tables.line.insert(), values)


async def lines(connection: AsyncConnection, invoice: Invoice) -> list[Charge]:
    """What an invoice charges; of a void one, what it did; of a payer's, what the payer takes a part of."""
    query = (
        sa.select(tables.charge)
        .join(tables.line, _LINE.charge_id == _CHARGE.id)
        .where(_LINE.invoice_id == (invoice.share_of or invoice.id))
        .order_by(sa.func.coalesce(_CHARGE.reduces, _CHARGE.id), _CHARGE.id)
    )
    if invoice.share_of is not None:
        query = query.where(_CHARGE.payer == invoice.payer, _CHARGE.payer_part != 0)
    return [charge_of(row) for row in await connection.execute(query)]


async def live_lines(connection: AsyncConnection, invoice_id: uuid.UUID) -> list[Charge]:
    """What an invoice charges now, locked by id."""
    query = (
        sa.select(tables.charge)
        .where(_CHARGE.id.in_(sa.select(_LINE.charge_id).where(_LINE.invoice_id == invoice_id, _LINE.live)))
        .order_by(_CHARGE.id)
        .with_for_update()
    )
    return [charge_of(row) for row in await connection.execute(query)]


async def live_line(connection: AsyncConnection, charge_id: uuid.UUID) -> uuid.UUID | None:
    """The invoice that a charge is on."""
    query = sa.select(_LINE.invoice_id).where(_LINE.charge_id == charge_id, _LINE.live)
    return (await connection.execute(query)).scalar_one_or_none()


async def take_off(
    connection: AsyncConnection, invoice_id: uuid.UUID, charge_id: uuid.UUID | None = None
) -> None:
    """Take a charge off a locked invoice; all of them if none is named."""
    mine = [_LINE.invoice_id == invoice_id, _LINE.live]
    if charge_id is not None:
        mine.append(_LINE.charge_id == charge_id)
    await connection.execute(tables.line.update().where(*mine).values(live=False))


async def lock_deposits(connection: AsyncConnection, patient_id: uuid.UUID, payer: str) -> list[Payment]:
    """Captured payments by a payer for a locked patient of which something is left, oldest first, locked."""
    query = (
        sa.select(tables.payment)
        .where(
            _PAYMENT.patient_id == patient_id,
            _PAYMENT.payer == payer,
            _PAYMENT.state == PaymentState.CAPTURED.value,
            _PAYMENT.amount > _PAYMENT.allocated + _PAYMENT.refunded,
        )
        .order_by(_PAYMENT.id)
        .with_for_update()
    )
    return [rows.read(Payment, row) for row in await connection.execute(query)]


async def balance(connection: AsyncConnection, patient_id: uuid.UUID) -> tuple[Decimal, Decimal, Decimal]:
    """A patient's deposit, what is due on invoices, and what is charged and on no invoice."""
    left = sa.select(
        sa.func.coalesce(sa.func.sum(_PAYMENT.amount - _PAYMENT.allocated - _PAYMENT.refunded), 0)
    ).where(_PAYMENT.patient_id == patient_id, _PAYMENT.state == PaymentState.CAPTURED.value)
    deposit = (await connection.execute(left)).scalar_one()
    due = sum((one.due for one in await to_pay(connection, patient_id, None)), Decimal(0))
    open_charges = await unbilled(connection, patient_id, None)
    charged = sum((one.amounts.gross for one in open_charges if one.amounts is not None), Decimal(0))
    return Decimal(deposit), due, charged


async def allocations(connection: AsyncConnection, invoice_id: uuid.UUID) -> list[tuple[uuid.UUID, Decimal]]:
    """What of which payment pays an invoice now."""
    query = (
        sa.select(_ALLOCATION.payment_id, sa.func.sum(_ALLOCATION.amount).label("amount"))
        .where(_ALLOCATION.invoice_id == invoice_id)
        .group_by(_ALLOCATION.payment_id)
        .having(sa.func.sum(_ALLOCATION.amount) > 0)
        .order_by(_ALLOCATION.payment_id)
    )
    return [(row.payment_id, row.amount) for row in await connection.execute(query)]


async def allocate(connection: AsyncConnection, **values: Any) -> None:
    """Append an allocation."""
    await connection.execute(tables.allocation.insert().values(**values))


async def tell(
    connection: AsyncConnection,
    before: PaymentState | None,
    payment: Payment,
    move: PaymentMove,
    amount: Decimal,
    **recorded: Any,
) -> None:
    """Append what happened to a locked or new payment."""
    last = sa.select(sa.func.coalesce(sa.func.max(_EVENT.position), 0) + 1).where(
        _EVENT.payment_id == payment.id
    )
    values = {
        "payment_id": payment.id,
        "position": last.scalar_subquery(),
        "move": move.value,
        "state_before": before.value if before is not None else None,
        "state_after": payment.state.value,
        "amount": amount,
        **recorded,
    }
    await connection.execute(tables.payment_event.insert().values(values))


async def events(connection: AsyncConnection, payment_id: uuid.UUID) -> list[Row[Any]]:
    """What happened to a payment, in order."""
    query = sa.select(tables.payment_event).where(_EVENT.payment_id == payment_id).order_by(_EVENT.position)
    return list(await connection.execute(query))
