"""Money of what a department sells at its own counter: charged, invoiced and paid in the department's unit of
work, so that a sale is there as a whole or not at all.

Only charges of the medicines told are touched, only at a counter where the seller has the open shift. Locks:
the patient (by the caller), charges, invoices, payments, the shift, then numbers: of credit notes, invoices,
receipts.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from hms_rt.departments.billing.events import InvoiceChanged
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceMove, InvoiceState
from hms_rt.departments.billing.model.payment import Refund, RefundState, Shift
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.projector.ledger import Deed
from hms_rt.departments.billing.repository import accounts, charges, rows, sales
from hms_rt.departments.billing.schemas.accounts import PaymentIn
from hms_rt.departments.billing.schemas.sales import SaleMoney, Tender
from hms_rt.departments.billing.service.desk import allocation, invoice_out, payment_out, refund_out, tell
from hms_rt.departments.billing.service.invoicing import Invoicing
from hms_rt.departments.billing.service.payments import Payments
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.security.permissions import Permission, require_counter
from hms_rt.storage.unit_of_work import UnitOfWork

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Sold:
    """So much of a medicine that is sold; ``cause`` is that of its charge, as of any supply."""

    cause: str
    medicine: str
    name: str
    quantity: Decimal


class Selling(Invoicing, Payments):
    """For departments that sell, inside their transactions; the patient is locked."""

    async def sell(
        self,
        uow: UnitOfWork,
        patient_id: uuid.UUID,
        counter: str,
        sold: Sequence[Sold],
        tenders: Sequence[Tender],
        at: datetime,
    ) -> uuid.UUID:
        """Charge what is not charged yet, invoice exactly that, and take what the customer owes; answers the
        invoice.

        Raises ``forbidden`` at another counter, ``conflict`` without an own open shift, a price, for what is
        on an invoice already, or for another amount than is owed, which it names.
        """
        require_counter(uow.principal, Permission.SALE, counter)
        listed = await self._charged(uow, patient_id, sold, at)
        shift = await self._shift(uow, counter)
        invoice = await self._sale_invoice(uow, patient_id, shift, listed)
        taken = _taken(invoice.owed, tenders)
        for tender, amount in taken:
            await self._units_only(uow, amount)
            wanted = PaymentIn(
                patient_id=patient_id,
                counter=counter,
                means=tender.means,
                amount=amount,
                invoice_id=invoice.id,
                reference=tender.reference,
            )
            payment = await self._taken(uow, wanted, shift)
            await allocation(uow, payment, invoice, amount)
            payment = await self._capture(uow, payment, shift, amount)
            tell(uow, "payment.take", payment)
        return (await self._settled(uow, invoice, invoice.owed)).id

    async def quote(
        self, uow: UnitOfWork, patient_id: uuid.UUID, sold: Sequence[Sold]
    ) -> dict[str, tuple[Decimal, Decimal] | None]:
        """What these would cost now, by medicine, and what the patient pays of it; None without a price.

        Writes nothing, and knows nothing of packages.
        """
        prices: dict[str, tuple[Decimal, Decimal] | None] = {}
        for one in sold:
            drawn = await self._ledger.drawn(uow, _deed(patient_id, one, uow.now))
            amounts = drawn.amounts if drawn is not None else None
            prices[one.medicine] = (amounts.gross, amounts.patient_part) if amounts is not None else None
        return prices

    async def _charged(
        self, uow: UnitOfWork, patient_id: uuid.UUID, sold: Sequence[Sold], at: datetime
    ) -> list[Charge]:
        """What stands charged of these, priced and on no invoice."""
        for one in sold:
            if not await charges.known(uow.connection, patient_id, ServiceKind.MEDICINE, one.cause):
                await self._ledger.charge(uow, _deed(patient_id, one, at))
        listed = await sales.lock_charged(uow.connection, [one.cause for one in sold])
        if any(one.amounts is None for one in listed):
            missing = ", ".join(sorted({one.source for one in listed if one.amounts is None}))
            raise conflict(f"nothing says what {missing} costs: an administrator defines service and price")
        if not listed:
            raise conflict("it costs nothing: there is nothing to be paid")
        if any(one.admission_id is not None for one in listed):
            raise conflict("it is of an admission: it goes on the admission's invoice")
        if await sales.on_paper(uow.connection, [one.id for one in listed]):
            raise conflict("it is on an invoice already: the cashier takes the money, or discards the draft")
        return listed

    async def _sale_invoice(
        self, uow: UnitOfWork, patient_id: uuid.UUID, shift: Shift, listed: Sequence[Charge]
    ) -> Invoice:
        """Issued with its number, payers' shares with theirs; paid by whoever calls, in the same command."""
        draft = Invoice(
            id=uow.ids.new(),
            facility=shift.facility,
            kind=InvoiceKind.SALE,
            patient_id=patient_id,
            admission_id=None,
            state=InvoiceState.DRAFT,
            created_at=uow.now,
            created_by=uow.principal.id,
            counter=shift.counter,
        )
        draft = await self._written(uow, draft, listed, "invoice.draft")
        number = await rows.next_number(uow.connection, shift.facility, "invoice")
        issued = replace(draft.moved(InvoiceMove.ISSUE), number=number, issued_at=uow.now)
        await rows.save(uow.connection, issued)
        await self._issue_shares(uow, issued, listed)
        tell(uow, "invoice.issue", issued)
        return issued

    @staticmethod
    async def _settled(uow: UnitOfWork, invoice: Invoice, paid: Decimal) -> Invoice:
        settled = replace(invoice.settled(paid=paid), version=invoice.version + 1)
        await rows.save(uow.connection, settled)
        uow.record(InvoiceChanged(settled))
        return settled

    async def give_back(
        self,
        uow: UnitOfWork,
        patient_id: uuid.UUID,
        counter: str,
        sale: Collection[uuid.UUID],
        causes: Collection[str],
        reason: str,
    ) -> uuid.UUID | None:
        """Credit what of a sale's invoices was reversed, invoice what the customer keeps from what was paid
        for it, and ask that the rest be given back; answers the new invoice, if there is one.

        Raises ``forbidden`` at another counter, ``conflict`` without an own open shift, or if nothing came
        back since.
        """
        require_counter(uow.principal, Permission.SALE, counter)
        kept = await sales.lock_charged(uow.connection, causes)
        shift = await self._shift(uow, counter)
        paid_by = await sales.paying(uow.connection, sale)
        for invoice in (await rows.lock(uow.connection, Invoice, sale)).values():
            listed = await accounts.lock_creditable(uow.connection, invoice.id)
            if listed:
                await self._credit(uow, invoice, listed)
        known = await sales.on_paper(uow.connection, [one.id for one in kept])
        kept = [one for one in kept if one.id not in known and one.amounts is not None]
        again = await self._kept(uow, patient_id, shift, kept, paid_by) if kept else None
        asked = await self._ask_back(uow, paid_by, shift, reason)
        if again is None and not asked:
            raise conflict("nothing came back since that is to be paid back")
        return again.id if again is not None else None

    async def _kept(
        self,
        uow: UnitOfWork,
        patient_id: uuid.UUID,
        shift: Shift,
        kept: Sequence[Charge],
        paid_by: Collection[uuid.UUID],
    ) -> Invoice:
        """An invoice of what the customer keeps, paid by what was paid before."""
        invoice = await self._sale_invoice(uow, patient_id, shift, kept)
        left = invoice.owed
        for payment in await sales.lock_payments(uow.connection, paid_by):
            part = min(left, payment.free)
            if part:
                await self._allocate(uow, payment, invoice, part)
                left -= part
        if left:
            raise conflict("what is kept costs more than what was paid: the cashier settles it")
        return await self._settled(uow, invoice, invoice.owed)

    @staticmethod
    async def _ask_back(
        uow: UnitOfWork, paid_by: Collection[uuid.UUID], shift: Shift, reason: str
    ) -> list[Refund]:
        """Ask for what is left of these payments and not asked for yet."""
        before = await sales.refunds(uow.connection, paid_by)
        asked = []
        for payment in await sales.lock_payments(uow.connection, paid_by):
            amount = payment.free - sum((one.amount for one in sales.waiting(before, payment.id)), ZERO)
            if amount <= 0:
                continue
            refund = Refund(
                id=uow.ids.new(),
                payment_id=payment.id,
                shift_id=shift.id,
                amount=amount,
                reason=reason,
                state=RefundState.REQUESTED,
                requested_by=uow.principal.id,
                requested_at=uow.now,
            )
            await rows.add(uow.connection, refund)
            uow.audit(
                "refund.request",
                entity="refund",
                entity_id=refund.id,
                patient_id=payment.patient_id,
                detail={"payment": str(payment.id), "state": refund.state},
            )
            asked.append(refund)
        return asked

    @staticmethod
    async def sale_money(uow: UnitOfWork, sale: Collection[uuid.UUID]) -> SaleMoney:
        """A sale's invoices, what pays or paid them, and what was asked back; the caller is audited."""
        found = await rows.lock(uow.connection, Invoice, sale)
        paid_by = await sales.paying(uow.connection, sale)
        paid = await sales.lock_payments(uow.connection, paid_by)
        asked = await sales.refunds(uow.connection, paid_by)
        return SaleMoney(
            invoices=[invoice_out(found[one]) for one in sorted(found)],
            payments=[payment_out(one) for one in sorted(paid, key=lambda one: one.number or 0)],
            refunds=[refund_out(one) for one in asked],
        )


def _deed(patient_id: uuid.UUID, one: Sold, at: datetime) -> Deed:
    return Deed(ServiceKind.MEDICINE, one.medicine, one.cause, patient_id, at, one.name, one.quantity)


def _taken(owed: Decimal, tenders: Sequence[Tender]) -> list[tuple[Tender, Decimal]]:
    """What each pays; raises ``conflict`` that names what is owed unless that is exactly it."""
    told = sum((one.amount for one in tenders if one.amount is not None), ZERO)
    paid = [(one, owed - told if one.amount is None else one.amount) for one in tenders]
    if sum((amount for _, amount in paid), ZERO) != owed or any(amount <= 0 for _, amount in paid):
        raise HmsError(
            Code.CONFLICT,
            f"the customer owes {owed:f}: take exactly that",
            fields={"owed": format(owed, "f")},
        )
    return paid
