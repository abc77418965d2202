"""What a payer refuses moves to the patient, or to another payer.

It takes one person: what is owed in all stays the same to the cent (the database holds both papers to the
same amount), no money moves but what the payer remits, and the payer's letter is the reason that is kept.
"""

import uuid
from dataclasses import asdict

from hms_rt.departments.billing.events import InvoiceChanged
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceState
from hms_rt.departments.billing.model.payment import Payment
from hms_rt.departments.billing.model.refusal import Refusal
from hms_rt.departments.billing.model.tariff import SELF
from hms_rt.departments.billing.repository import refusals, rows, shifts, tariffs
from hms_rt.departments.billing.schemas.accounts import PaymentIn
from hms_rt.departments.billing.schemas.refusals import RefusalIn, RefusedOut, RemittedIn
from hms_rt.departments.billing.service.desk import invoice_out, payment_out, tell
from hms_rt.departments.billing.service.drafting import WHAT, ZERO
from hms_rt.departments.billing.service.foundation import found, invalid
from hms_rt.departments.billing.service.invoicing import Invoicing
from hms_rt.departments.billing.service.payments import Payments
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Refusing(Invoicing, Payments):
    """A credit note to who refuses, an invoice to who owes it now; after an appeal it moves back likewise."""

    async def refuse_invoice(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID, wanted: RefusalIn
    ) -> RefusedOut:
        """Take what the payer remits, and ask somebody else for what the payer refuses.

        Raises ``illegal_move`` for an invoice of which nothing is due, ``conflict`` for a patient's own or
        more than is due, ``invalid`` for a payer who does not cover the patient; and as ``take_payment``.
        """

        async def work(uow: UnitOfWork) -> RefusedOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            before.require_refusable()
            await self._may_owe(uow, before, wanted)
            paid, left = await self._remitted(uow, before, wanted.remitted)
            amount = left.due if wanted.amount is None else wanted.amount
            await self._units_only(uow, amount)
            after = left.refused(amount)
            await rows.save(uow.connection, after)
            refusal = Refusal(
                uow.ids.new(), before.id, wanted.payer, amount, wanted.reason, uow.now, principal.id
            )
            await refusals.add(uow.connection, refusal)
            note = await self._paper(uow, before, refusal, wanted, InvoiceKind.CREDIT_NOTE)
            made = await self._paper(uow, before, refusal, wanted, InvoiceKind.REFUSED)
            uow.record(InvoiceChanged(made))
            return RefusedOut(
                **asdict(refusal),
                refused=self._changed(uow, "invoice.refuse", after),
                credit_note=invoice_out(note),
                invoice=invoice_out(made),
                payment=payment_out(paid) if paid is not None else None,
                version=after.version,
            )

        return await self._units.execute(principal, command, RefusedOut, work)

    @staticmethod
    async def _may_owe(uow: UnitOfWork, refused: Invoice, wanted: RefusalIn) -> None:
        """Raises ``invalid`` if it cannot be asked of that payer."""
        if wanted.payer == refused.payer:
            raise invalid("payer", "is the one who refuses: name who owes it now")
        if wanted.payer != SELF:
            covered = await tariffs.coverages(uow.connection, refused.patient_id)
            if wanted.payer not in {row.payer for row in covered}:
                raise invalid("payer", "does not cover this patient: tell the coverage first")
        if wanted.counter is not None:
            known = await shifts.cashiers(uow.connection, [wanted.counter])
            found(known[0] if known else None, f"counter {wanted.counter}")

    async def _remitted(
        self, uow: UnitOfWork, before: Invoice, remitted: RemittedIn | None
    ) -> tuple[Payment | None, Invoice]:
        """What the payer paid, taken; and the invoice as it stands then."""
        if remitted is None:
            return None, before
        paying = PaymentIn(
            patient_id=before.patient_id,
            payer=before.payer,
            invoice_id=before.id,
            **remitted.model_dump(),
        )
        payment = await self._take(uow, paying)
        tell(uow, "payment.take", payment)
        after = await rows.find(uow.connection, Invoice, before.id)
        return payment, found(after, WHAT)

    @staticmethod
    async def _paper(
        uow: UnitOfWork, refused: Invoice, refusal: Refusal, wanted: RefusalIn, kind: InvoiceKind
    ) -> Invoice:
        """The credit note to who refuses, or the invoice to who owes it now."""
        crediting = kind is InvoiceKind.CREDIT_NOTE
        amount = -refusal.amount if crediting else refusal.amount
        payer = refused.payer if crediting else refusal.payer
        paper = Invoice(
            id=uow.ids.new(),
            facility=refused.facility,
            kind=kind,
            patient_id=refused.patient_id,
            admission_id=refused.admission_id,
            state=InvoiceState.ISSUED,
            created_at=uow.now,
            created_by=uow.principal.id,
            number=await rows.next_number(
                uow.connection, refused.facility, "credit_note" if crediting else "invoice"
            ),
            counter=None if crediting else wanted.counter,
            total=amount,
            patient_part=amount if payer == SELF else ZERO,
            payer_part=ZERO if payer == SELF else amount,
            owed=amount,
            credits=refused.id if crediting else None,
            issued_at=uow.now,
            payer=payer,
            refusal_id=refusal.id,
        )
        await rows.add(uow.connection, paper)
        tell(uow, "invoice.credit" if crediting else "invoice.issue", paper)
        return paper
