"""Invoices that were issued: settled, voided by two people, credited; and reading them."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace

from hms_rt.departments.billing.events import InvoiceChanged
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceMove, InvoiceState
from hms_rt.departments.billing.repository import accounts, refusals, rows
from hms_rt.departments.billing.schemas.accounts import (
    InvoiceOut,
    InvoiceQuery,
    SettleIn,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.refusals import InvoiceDetail, RefusalOut
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.desk import invoice_out, tell
from hms_rt.departments.billing.service.drafting import WHAT, ZERO, Drafting
from hms_rt.departments.billing.service.foundation import charge_out, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Invoicing(Drafting):
    """After an invoice is issued, only credit notes change what is owed."""

    async def settle_invoice(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID, wanted: SettleIn
    ) -> InvoiceOut:
        """Pay an invoice from the patient's deposits, oldest first.

        Raises ``illegal_move``, ``conflict`` if there is no deposit, less than asked, or less is due.
        """

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            before.moved(InvoiceMove.SETTLE_REST)
            deposits = await accounts.lock_deposits(uow.connection, before.patient_id, before.payer)
            there = sum((one.free for one in deposits), ZERO)
            amount = min(before.due, there) if wanted.amount is None else wanted.amount
            await self._units_only(uow, amount)
            if amount > there or amount == 0:
                raise conflict("the patient has no deposit of as much")
            after, left = before.settled(paid=amount), amount
            for payment in deposits:
                part = min(left, payment.free)
                if part:
                    await self._allocate(uow, payment, before, part)
                    left -= part
            await rows.save(uow.connection, after)
            return self._changed(uow, "invoice.settle", after)

        return await self._units.execute(principal, command, InvoiceOut, work)

    async def discard_invoice(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID
    ) -> InvoiceOut:
        """Void a draft: what it charges is open again. Raises ``illegal_move``, ``conflict`` once issued."""

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            before.moved(InvoiceMove.VOID)
            if before.state is not InvoiceState.DRAFT:
                raise conflict("it is issued: request the void, another person approves it")
            return await self._void(uow, before)

        return await self._units.execute(principal, command, InvoiceOut, work)

    async def request_void(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID, why: WhyVoid
    ) -> InvoiceOut:
        """Ask that an unpaid invoice be void; another person approves it.

        What a payer owes alone counts as paid by the patient, and can be void while the payer has not paid.
        """

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            _require_patients(before)
            if before.kind is InvoiceKind.SALE:
                raise conflict("it was sold at a counter: what comes back is brought back there")
            after = before.asked_to_void(principal.id, why.reason)
            await rows.save(uow.connection, after)
            return self._changed(uow, "invoice.request_void", after)

        return await self._units.execute(principal, command, InvoiceOut, work)

    async def void_invoice(self, principal: Principal, command: Command, invoice_id: uuid.UUID) -> InvoiceOut:
        """Void an unpaid invoice that another person asked to void; its number stays taken."""

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.VOID_APPROVE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            return await self._void(uow, before)

        return await self._units.execute(principal, command, InvoiceOut, work)

    async def _void(self, uow: UnitOfWork, before: Invoice) -> InvoiceOut:
        after = before.voided(uow.principal.id, uow.now)
        if await accounts.is_credited(uow.connection, before.id):
            raise conflict("it was credited: it stays, and owes what is left")
        await self._void_shares(uow, after)
        await accounts.take_off(uow.connection, before.id)
        await rows.save(uow.connection, after)
        return self._changed(uow, "invoice.void", after)

    async def credit_invoice(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID
    ) -> InvoiceOut:
        """Make a credit note of the charges of an issued invoice that were reversed since.

        What was paid for them becomes the patient's deposit again. Answers the credit note; raises
        ``conflict`` if nothing was reversed, ``illegal_move`` for a draft or void invoice.
        """

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            _require_patients(before)
            listed = await accounts.lock_creditable(uow.connection, invoice_id)
            if not listed:
                raise conflict("nothing to credit: reverse the charges first")
            return invoice_out(await self._credit(uow, before, listed))

        return await self._units.execute(principal, command, InvoiceOut, work)

    async def _credit(self, uow: UnitOfWork, before: Invoice, listed: Sequence[Charge]) -> Invoice:
        """The credit note of a locked invoice for these reversals; raises ``illegal_move``."""
        shares = await accounts.lock_shares(uow.connection, before.id)
        parts = [one.amounts for one in listed if one.amounts is not None]
        amount = -sum((each.patient_part if shares else each.gross for each in parts), ZERO)
        after, freed = before.credit(amount)
        await self._free(uow, before, freed)
        await rows.save(uow.connection, after)
        uow.record(InvoiceChanged(after))
        note = Invoice(
            id=uow.ids.new(),
            facility=before.facility,
            kind=InvoiceKind.CREDIT_NOTE,
            patient_id=before.patient_id,
            admission_id=before.admission_id,
            state=InvoiceState.ISSUED,
            created_at=uow.now,
            created_by=uow.principal.id,
            credits=before.id,
            issued_at=uow.now,
            number=await rows.next_number(uow.connection, before.facility, "credit_note"),
        )
        note = await self._written(uow, note, listed, "invoice.credit", whole=not shares)
        await self._credit_shares(uow, shares, listed, note)
        return note

    async def invoice(self, principal: Principal, command: Command, invoice_id: uuid.UUID) -> InvoiceDetail:
        """One invoice with what it charges; audited."""

        async def work(uow: UnitOfWork) -> InvoiceDetail:
            require(principal, Permission.INVOICE_READ)
            one = found(await rows.find(uow.connection, Invoice, invoice_id), WHAT)
            tell(uow, "invoice.read", one)
            listed = [charge_out(each) for each in await accounts.lines(uow.connection, one)]
            known = await refusals.find(uow.connection, one.refusal_id) if one.refusal_id else None
            refusal = RefusalOut(**asdict(known)) if known is not None else None
            return InvoiceDetail(**dict(invoice_out(one)), charges=listed, refusal=refusal)

        return await self._units.execute(principal, replace(command, key=None), InvoiceDetail, work)

    async def invoices(self, principal: Principal, command: Command, query: InvoiceQuery) -> Page[InvoiceOut]:
        """Invoices and credit notes, newest first; audited."""

        async def work(uow: UnitOfWork) -> Page[InvoiceOut]:
            require(principal, Permission.INVOICE_READ)
            listed = await rows.page(
                uow.connection,
                Invoice,
                decode_cursor(query.cursor, IdCursor).id if query.cursor else None,
                query.limit + 1,
                patient_id=query.patient_id,
                admission_id=query.admission_id,
                state=query.state,
                counter=query.counter,
                payer=query.payer,
            )
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            uow.audit(
                "invoice.list",
                entity="invoice",
                entity_id=query.patient_id or "list",
                patient_id=query.patient_id,
                detail={"invoices": [str(one.id) for one in shown]},
            )
            return Page[InvoiceOut](items=[invoice_out(one) for one in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[InvoiceOut], work)


def _require_patients(invoice: Invoice) -> None:
    """Raises ``conflict`` for a payer's invoice, or what was refused of it: it follows the patient's."""
    if invoice.refusal_id is not None:
        raise conflict("it asks for what a payer refused: credit the patient's invoice, or let it be refused")
    if invoice.share_of is not None:
        raise conflict("it follows the patient's invoice: do it there")
