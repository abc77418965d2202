"""What payers owe of a patient's invoice: an invoice to each of them, with a number and payments of its own.

It is issued, voided and credited with the patient's; only what is paid on it is its own. Locks: the patient's
invoice before the payers', these by id.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hms_rt.departments.billing.events import InvoiceChanged
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceState
from hms_rt.departments.billing.model.payment import Payment
from hms_rt.departments.billing.repository import accounts, refusals, rows
from hms_rt.departments.billing.service.desk import Desk, tell
from hms_rt.kernel.errors import conflict
from hms_rt.storage.unit_of_work import UnitOfWork

ZERO = Decimal(0)


class Shares(Desk):
    """Payers' invoices follow the patient's."""

    @staticmethod
    async def _issue_shares(uow: UnitOfWork, issued: Invoice, listed: Sequence[Charge]) -> None:
        """An invoice to every payer who takes a part of what ``issued`` charges."""
        for payer, amount in _parts(listed).items():
            share = Invoice(
                id=uow.ids.new(),
                facility=issued.facility,
                kind=InvoiceKind.PAYER,
                patient_id=issued.patient_id,
                admission_id=issued.admission_id,
                state=InvoiceState.ISSUED,
                created_at=uow.now,
                created_by=uow.principal.id,
                number=await rows.next_number(uow.connection, issued.facility, "invoice"),
                issued_at=uow.now,
                total=amount,
                payer_part=amount,
                owed=amount,
                payer=payer,
                share_of=issued.id,
            )
            await rows.add(uow.connection, share)
            tell(uow, "invoice.issue", share)

    @staticmethod
    async def _void_shares(uow: UnitOfWork, void: Invoice) -> None:
        """Void the payers' invoices with the patient's; raises ``conflict`` if something was paid on one."""
        for share in await accounts.lock_shares(uow.connection, void.id):
            if share.state is not InvoiceState.ISSUED:
                raise conflict("the payer has paid or refused: reverse what was wrong and credit the invoice")
            asked = replace(share, void_requested_by=void.void_requested_by, void_reason=void.void_reason)
            after = asked.voided(uow.principal.id, uow.now)
            await rows.save(uow.connection, after)
            tell(uow, "invoice.void", after)

    async def _credit_shares(
        self, uow: UnitOfWork, shares: Sequence[Invoice], listed: Sequence[Charge], note: Invoice
    ) -> None:
        """Credit the payers' invoices with what ``note`` takes back; each gets a credit note of its own.

        What a payer refused is credited first to who was asked for it since, the newest invoice before all:
        most often it was refused because it was wrong.
        """
        back = _parts(listed)
        for share in shares:
            left = -back.get(share.payer, ZERO)
            if not left:
                continue
            moved = await refusals.lock_moved(uow.connection, share.id)
            for asked in (*reversed(moved), share):
                amount = min(left, asked.owed - asked.credited)
                if amount:
                    await self._credit_share(uow, asked, amount, note)
                    left -= amount

    async def _credit_share(self, uow: UnitOfWork, share: Invoice, amount: Decimal, note: Invoice) -> None:
        after, freed = share.credit(amount)
        await self._free(uow, share, freed)
        await rows.save(uow.connection, after)
        own = replace(
            note,
            id=uow.ids.new(),
            number=await rows.next_number(uow.connection, share.facility, "credit_note"),
            credits=share.id,
            share_of=note.id,
            payer=share.payer,
            total=-amount,
            patient_part=ZERO,
            payer_part=-amount,
            owed=-amount,
        )
        await rows.add(uow.connection, own)
        uow.record(InvoiceChanged(after))
        tell(uow, "invoice.credit", own)

    async def _free(self, uow: UnitOfWork, invoice: Invoice, amount: Decimal) -> None:
        """Take ``amount`` of what pays an invoice back into deposits, the newest payment first."""
        if not amount:
            return
        paying = await accounts.allocations(uow.connection, invoice.id)
        held = await rows.lock(uow.connection, Payment, [payment_id for payment_id, _ in paying])
        for payment_id, part in reversed(paying):
            back = min(part, amount)
            if back:
                await self._allocate(uow, held[payment_id], invoice, -back)
                amount -= back


def _parts(listed: Sequence[Charge]) -> dict[str, Decimal]:
    """What each payer owes of these charges; who owes nothing is left out."""
    parts: dict[str, Decimal] = {}
    for charge in listed:
        if charge.amounts is not None:
            parts[charge.payer] = parts.get(charge.payer, ZERO) + charge.amounts.payer_part
    return {payer: parts[payer] for payer in sorted(parts) if parts[payer]}
