"""Papers: who sends them, and invoices, receipts, refunds and shift reports as PDF.

The first print of a paper is the original, every other says which copy it is; each is audited. A draft is no
paper yet: it says so, and is not counted. A restricted patient's name is not printed for who does not treat.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace

from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceState
from hms_rt.departments.billing.model.payment import Payment, Refund, Shift
from hms_rt.departments.billing.model.tariff import SELF
from hms_rt.departments.billing.repository import accounts, papers, refusals, rows, shifts, tariffs
from hms_rt.departments.billing.schemas.papers import IssuerIn, IssuerOut, Issuers
from hms_rt.departments.billing.service.desk import Desk
from hms_rt.departments.billing.service.foundation import found
from hms_rt.departments.billing.views import papers as drawn
from hms_rt.departments.billing.views import shift_paper
from hms_rt.departments.billing.views.formats import Formats
from hms_rt.kernel.audiences import MASK
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.paper.document import Document, pdf
from hms_rt.security.permissions import Permission, require, require_counter
from hms_rt.storage.unit_of_work import UnitOfWork

Composing = Callable[[UnitOfWork], Awaitable[Document]]


class Printing(Desk):
    """Drawn off the event loop, after the transaction that accounts for it."""

    async def set_issuer(self, principal: Principal, command: Command, wanted: IssuerIn) -> IssuerOut:
        """Say who sends a facility's papers; papers are drawn anew each time, copies too."""

        async def work(uow: UnitOfWork) -> IssuerOut:
            require(principal, Permission.TARIFF_DEFINE)
            known = await papers.issuer(uow.connection, wanted.facility, lock=True)
            after = drawn.Issuer(**wanted.model_dump(), version=known.version + 1 if known else 1)
            await papers.save_issuer(uow.connection, after)
            uow.audit("issuer.set", entity="issuer", entity_id=wanted.facility)
            return IssuerOut(**asdict(after))

        return await self._units.execute(principal, command, IssuerOut, work)

    async def issuers(self, principal: Principal) -> Issuers:
        """Who sends papers, by facility."""
        require(principal, Permission.TARIFF_READ)
        async with self._units.reading() as connection:
            listed = await papers.issuers(connection)
        return Issuers(items=[IssuerOut(**asdict(one)) for one in listed])

    async def invoice_pdf(self, principal: Principal, command: Command, invoice_id: uuid.UUID) -> bytes:
        """An invoice or credit note."""

        async def compose(uow: UnitOfWork) -> Document:
            require(principal, Permission.INVOICE_READ)
            return await self.invoice_paper(uow, invoice_id)

        return await self._printed(principal, command, compose)

    async def invoice_paper(self, uow: UnitOfWork, invoice_id: uuid.UUID) -> Document:
        """An invoice or credit note; the caller has looked whether it may be seen."""
        one = found(await rows.find(uow.connection, Invoice, invoice_id), "that invoice")
        charges = await accounts.lines(uow.connection, one)
        refusal = await refusals.find(uow.connection, one.refusal_id) if one.refusal_id else None
        of = refusal.invoice_id if refusal is not None else one.credits
        about = await rows.find(uow.connection, Invoice, of) if of is not None else None
        press = await self._press(uow, one.facility)
        if one.state is not InvoiceState.DRAFT:
            press = await self._counted(uow, press, "invoice", one.id, one.patient_id)
        else:
            _account(uow, "invoice", one.id, one.patient_id, 0)
        to = await self._to(uow, one.patient_id, charges, None if charges else {one.payer})
        return drawn.invoice(press, one, charges, to, about, refusal.reason if refusal else None)

    async def receipt_pdf(self, principal: Principal, command: Command, payment_id: uuid.UUID) -> bytes:
        """The receipt of a payment; raises ``not_found`` while the money is not there."""

        async def compose(uow: UnitOfWork) -> Document:
            require(principal, Permission.PAYMENT_TAKE)
            return await self.receipt_paper(uow, payment_id)

        return await self._printed(principal, command, compose)

    async def receipt_paper(self, uow: UnitOfWork, payment_id: uuid.UUID) -> Document:
        """The receipt of a payment; the caller has looked whether it may be seen."""
        one = found(await rows.find(uow.connection, Payment, payment_id), "that payment")
        found(one.number, "a receipt: the money is not there;")
        counter = await self._counter_of(uow, one.shift_id)
        press = await self._press(uow, one.facility)
        press = await self._counted(uow, press, "receipt", one.id, one.patient_id)
        people = await self._identity.names_of(uow.connection, [one.created_by])
        paid = await papers.paid_by(uow.connection, one.id)
        to = await self._to(uow, one.patient_id, payers={one.payer})
        return drawn.receipt(press, one, to, paid, people.get(one.created_by, ""), counter)

    async def refund_pdf(self, principal: Principal, command: Command, refund_id: uuid.UUID) -> bytes:
        """The slip of a refund, to be signed by who gets the money."""

        async def compose(uow: UnitOfWork) -> Document:
            require(principal, Permission.PAYMENT_TAKE)
            return await self.refund_paper(uow, refund_id)

        return await self._printed(principal, command, compose)

    async def refund_paper(self, uow: UnitOfWork, refund_id: uuid.UUID) -> Document:
        """The slip of a refund; the caller has looked whether it may be seen."""
        one = found(await rows.find(uow.connection, Refund, refund_id), "that refund")
        payment = found(await rows.find(uow.connection, Payment, one.payment_id), "that payment")
        counter = await self._counter_of(uow, one.shift_id)
        press = await self._press(uow, payment.facility)
        press = await self._counted(uow, press, "refund", one.id, payment.patient_id)
        asked = [one.requested_by, *([one.decided_by] if one.decided_by else [])]
        people = await self._identity.names_of(uow.connection, asked)
        to = await self._to(uow, payment.patient_id, payers={payment.payer})
        return drawn.refund(press, one, payment, to, people, counter)

    async def shift_pdf(self, principal: Principal, command: Command, shift_id: uuid.UUID) -> bytes:
        """The report of a shift; of an open one what there is so far, which is not counted as a print."""

        async def compose(uow: UnitOfWork) -> Document:
            require(principal, Permission.SHIFT_WORK)
            one = found(await rows.find(uow.connection, Shift, shift_id), "that shift")
            require_counter(principal, Permission.SHIFT_WORK, one.counter)
            press = await self._press(uow, one.facility)
            if one.closed_at is not None:
                press = await self._counted(uow, press, "shift", one.id)
            else:
                _account(uow, "shift", one.id, None, 0)
            people = await self._identity.names_of(uow.connection, [one.cashier])
            totals = (await shifts.means_of(uow.connection, [one.id]))[one.id]
            return shift_paper.shift(press, one, totals, people.get(one.cashier, ""))

        return await self._printed(principal, command, compose)

    async def _printed(self, principal: Principal, command: Command, compose: Composing) -> bytes:
        made: list[Document] = []

        async def work(uow: UnitOfWork) -> None:
            made[:] = [await compose(uow)]

        await self._units.execute(principal, replace(command, key=None), type(None), work)
        return await asyncio.to_thread(pdf, made[0])

    async def _press(self, uow: UnitOfWork, facility: str) -> drawn.Press:
        """How a facility's papers look and speak."""
        known = await papers.issuer(uow.connection, facility)
        issuer = known or drawn.Issuer(facility=facility, name=facility)
        currency = await tariffs.currency(uow.connection)
        return drawn.Press(issuer, Formats(issuer.language or self._language, self._zone, currency))

    @staticmethod
    async def _counted(
        uow: UnitOfWork,
        press: drawn.Press,
        paper: str,
        paper_id: uuid.UUID,
        patient_id: uuid.UUID | None = None,
    ) -> drawn.Press:
        """``press`` for one more print of a paper."""
        copy = await papers.printed(uow.connection, paper, paper_id)
        _account(uow, paper, paper_id, patient_id, copy)
        return replace(press, copy=copy)

    async def _to(
        self,
        uow: UnitOfWork,
        patient_id: uuid.UUID,
        charges: Sequence[Charge] = (),
        payers: set[str] | None = None,
    ) -> drawn.Addressee:
        """Whom a paper is about: without the name of a restricted patient."""
        known = (await self._patients.brief(uow, [patient_id]))[patient_id]
        hidden = known.restricted and uow.principal.kind is not PrincipalKind.SYSTEM
        codes = (payers if payers is not None else {charge.payer for charge in charges}) - {SELF}
        names = await papers.names_of_payers(uow.connection, codes)
        policy = None
        if codes and not hidden:
            of_whom = await tariffs.coverages(uow.connection, patient_id)
            policy = next((row.policy for row in of_whom if row.payer in codes and row.policy), None)
        return drawn.Addressee(
            MASK if hidden else known.name,
            known.mrn,
            None if hidden else known.birth_date,
            sorted(names.values()),
            policy,
        )


def _account(
    uow: UnitOfWork, paper: str, paper_id: uuid.UUID, patient_id: uuid.UUID | None, copy: int
) -> None:
    uow.audit(
        f"{paper}.print" if copy == 0 else f"{paper}.reprint",
        entity=paper,
        entity_id=paper_id,
        patient_id=patient_id,
        detail={"copy": copy},
    )
