"""What invoices and payments share: in which order things are locked, how they are written and answered.

Locks: the patient, then charges, invoices, payments, refunds and the shift, each kind by id, numbers last.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, TypeVar

from hms_rt.departments.billing.events import ShiftChanged
from hms_rt.departments.billing.model.counting import MeansCount
from hms_rt.departments.billing.model.day import MeansTotal
from hms_rt.departments.billing.model.invoice import Invoice
from hms_rt.departments.billing.model.payment import Payment, PaymentMove, Refund, Shift
from hms_rt.departments.billing.repository import accounts, rows, shifts, tariffs
from hms_rt.departments.billing.schemas.accounts import (
    InvoiceOut,
    MeansCounted,
    MeansOut,
    PaymentOut,
    RefundOut,
    ShiftOut,
)
from hms_rt.departments.billing.service.foundation import Foundation, found, invalid
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.storage.unit_of_work import UnitOfWork

P = TypeVar("P", Invoice, Payment, Refund, Shift)
WHAT_PAYMENT = "that payment"


class Desk(Foundation):
    """Shared by invoicing and payments."""

    async def _locked(self, uow: UnitOfWork, kind: type[P], paper_id: uuid.UUID, what: str) -> P:
        """An invoice or payment, locked after its patient; raises ``not_found``."""
        seen = found(await rows.find(uow.connection, kind, paper_id), what)
        if isinstance(seen, Invoice | Payment):
            await self._patients.lock(uow, seen.patient_id)
        return (await rows.lock(uow.connection, kind, [paper_id]))[paper_id]

    @staticmethod
    async def _shift(uow: UnitOfWork, counter: str) -> Shift:
        """The open shift at a counter, locked, of the caller; an administrator may stand in.

        Raises ``conflict`` if none is open, or it is somebody else's.
        """
        shift = await Desk._open_at(uow, counter)
        require_own(uow.principal, shift)
        return shift

    @staticmethod
    async def _open_at(uow: UnitOfWork, counter: str) -> Shift:
        """The open shift at a counter, locked, whosever it is; raises ``conflict`` if none is open."""
        shift = await shifts.lock_open_shift(uow.connection, counter)
        if shift is None:
            raise conflict(f"no shift is open at {counter}: open one first")
        return shift

    @staticmethod
    async def _counter_of(uow: UnitOfWork, shift_id: uuid.UUID) -> str:
        shift = await rows.find(uow.connection, Shift, shift_id)
        return found(shift, "that shift").counter

    @staticmethod
    async def _allocate(uow: UnitOfWork, payment: Payment, invoice: Invoice, amount: Decimal) -> Payment:
        """Let ``amount`` of a locked payment pay a locked invoice, or free it; writes the payment."""
        after = payment.allotted(amount)
        await rows.save(uow.connection, after)
        await allocation(uow, payment, invoice, amount)
        return after

    async def _units_only(self, uow: UnitOfWork, amount: Decimal, field: str = "amount") -> None:
        """Raises ``invalid`` for an amount that is not in whole units of the currency."""
        currency = await tariffs.currency(uow.connection)
        if not currency.fits(amount):
            raise invalid(field, f"has at most {currency.scale} decimal places in {currency.code}")


def require_own(principal: Principal, shift: Shift) -> None:
    """Raises ``conflict`` for somebody else's shift, but an administrator's."""
    if principal.kind is PrincipalKind.SYSTEM or principal.has(Role.ADMIN):
        return
    if shift.cashier != principal.id:
        raise conflict(f"the shift at {shift.counter} is somebody else's")


async def allocation(uow: UnitOfWork, payment: Payment, invoice: Invoice, amount: Decimal) -> None:
    """Append how much of a payment pays an invoice; whoever does says so in both papers."""
    await accounts.allocate(
        uow.connection,
        id=uow.ids.new(),
        payment_id=payment.id,
        invoice_id=invoice.id,
        amount=amount,
        recorded_at=uow.now,
        recorded_by=uow.principal.id,
    )


async def drawer(uow: UnitOfWork, shift: Shift) -> None:
    """Write a locked shift that took money, or gave it back."""
    await rows.save(uow.connection, shift)
    uow.record(ShiftChanged(shift))


async def happened(
    uow: UnitOfWork, before: Payment | None, after: Payment, move: PaymentMove, refund: Refund | None = None
) -> None:
    """Append what happened to a locked or new payment, now."""
    await accounts.tell(
        uow.connection,
        before.state if before is not None else None,
        after,
        move,
        refund.amount if refund is not None else after.amount,
        occurred_at=uow.now,
        recorded_at=uow.now,
        recorded_by=uow.principal.id,
    )


def invoice_out(invoice: Invoice) -> InvoiceOut:
    """An invoice as it is answered."""
    values = {**asdict(invoice), "due": invoice.due}
    return InvoiceOut(**{name: values[name] for name in InvoiceOut.model_fields})


def payment_out(payment: Payment) -> PaymentOut:
    """A payment as it is answered."""
    values = {**asdict(payment), "free": payment.free, "change": payment.change}
    return PaymentOut(**{name: values[name] for name in PaymentOut.model_fields})


def refund_out(refund: Refund) -> RefundOut:
    """A refund as it is answered."""
    values = asdict(refund)
    return RefundOut(**{name: values[name] for name in RefundOut.model_fields})


def shift_out(shift: Shift, sums: Sequence[MeansCount]) -> ShiftOut:
    """A shift as it is answered, with what it took by each means."""
    return ShiftOut(**asdict(shift), means=[MeansCounted(**means_of(one), reason=one.reason) for one in sums])


def means_of(one: MeansCount | MeansTotal) -> dict[str, Any]:
    """What a shift or day took by one means, as it is answered."""
    return {name: getattr(one, name) for name in MeansOut.model_fields}


def tell(uow: UnitOfWork, action: str, paper: Invoice | Payment) -> None:
    """Account for what was done with a paper."""
    uow.audit(
        action,
        entity=action.split(".")[0],
        entity_id=paper.id,
        patient_id=paper.patient_id,
        detail={"state": paper.state, "number": paper.number},
    )
