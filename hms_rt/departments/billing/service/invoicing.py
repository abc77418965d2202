"""Invoices: drafted from what is charged, numbered, settled, voided by two people, credited."""

import uuid
from dataclasses import replace
from decimal import Decimal

from hms_rt.departments.billing.events import AccountChanged, InvoiceChanged
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceMove, InvoiceState
from hms_rt.departments.billing.model.payment import Payment
from hms_rt.departments.billing.repository import accounts, charges, rows
from hms_rt.departments.billing.schemas.accounts import (
    InvoiceDetail,
    InvoiceIn,
    InvoiceOut,
    InvoiceQuery,
    IssueIn,
    SettleIn,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.desk import Desk, invoice_out, tell
from hms_rt.departments.billing.service.foundation import charge_out, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

ZERO = Decimal(0)
WHAT = "that invoice"


class Invoicing(Desk):
    """A charge is on one invoice at most; after it is issued, only credit notes change what is owed."""

    async def draft_invoice(self, principal: Principal, command: Command, wanted: InvoiceIn) -> InvoiceOut:
        """Put everything of a patient, or of an admission, that is charged and on no invoice on a new one.

        What waits for a price is priced if there is a tariff by now. Raises ``not_found``, ``conflict`` if
        there is nothing, or only what is to be credited.
        """

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            await self._patients.lock(uow, wanted.patient_id)
            await self._price_all(uow, wanted.patient_id)
            listed = await accounts.lock_unbilled(uow.connection, wanted.patient_id, wanted.admission_id)
            if not listed:
                raise conflict("nothing to invoice: no charge with a price is open")
            draft = Invoice(
                id=uow.ids.new(),
                facility=wanted.facility,
                kind=InvoiceKind.FINAL if wanted.final else InvoiceKind.INTERIM,
                patient_id=wanted.patient_id,
                admission_id=wanted.admission_id,
                state=InvoiceState.DRAFT,
                created_at=uow.now,
                created_by=principal.id,
            )
            return invoice_out(await self._written(uow, draft, listed, "invoice.draft"))

        return await self._units.execute(principal, command, InvoiceOut, work)

    async def _price_all(self, uow: UnitOfWork, patient_id: uuid.UUID) -> None:
        for charge in await charges.lock_unpriced(uow.connection, patient_id):
            priced = await self._ledger.price(uow, charge)
            if priced is not None:
                await charges.save_price(uow.connection, priced)

    @staticmethod
    async def _written(uow: UnitOfWork, paper: Invoice, listed: list[Charge], action: str) -> Invoice:
        """A new invoice or credit note of these charges."""
        sums = [one.amounts for one in listed if one.amounts is not None]
        paper = replace(
            paper,
            total=sum((one.gross for one in sums), ZERO),
            patient_part=sum((one.patient_part for one in sums), ZERO),
            payer_part=sum((one.payer_part for one in sums), ZERO),
        )
        await rows.add(uow.connection, paper)
        line_ids = sorted(uow.ids.new() for _ in listed)
        await accounts.add_lines(uow.connection, paper.id, list(zip(line_ids, listed, strict=True)))
        uow.record(AccountChanged(paper.patient_id))
        tell(uow, action, paper)
        return paper

    async def issue_invoice(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID, told: IssueIn
    ) -> InvoiceOut:
        """Give a draft its number, the next of its facility. Raises ``illegal_move``, ``stale_version``."""

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            if told.counter is not None:
                known = await accounts.cashiers(uow.connection, [told.counter])
                found(known[0] if known else None, f"counter {told.counter}")
            after = before.moved(InvoiceMove.ISSUE)
            number = await rows.next_number(uow.connection, before.facility, "invoice")
            after = replace(after, number=number, issued_at=uow.now, counter=told.counter)
            await rows.save(uow.connection, after)
            if after.total == 0:
                after = replace(after.settled(), version=after.version)
                await rows.save(uow.connection, after)
            return self._changed(uow, "invoice.issue", after)

        return await self._units.execute(principal, command, InvoiceOut, work)

    @staticmethod
    def _changed(uow: UnitOfWork, action: str, invoice: Invoice) -> InvoiceOut:
        uow.record(AccountChanged(invoice.patient_id))
        uow.record(InvoiceChanged(invoice))
        tell(uow, action, invoice)
        return invoice_out(invoice)

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
            deposits = await accounts.lock_deposits(uow.connection, before.patient_id)
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
            if before.state is InvoiceState.ISSUED:
                raise conflict("it is issued: request the void, another person approves it")
            return await self._void(uow, before)

        return await self._units.execute(principal, command, InvoiceOut, work)

    async def request_void(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID, why: WhyVoid
    ) -> InvoiceOut:
        """Ask that an unpaid invoice be void; another person approves it."""

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
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
            listed = await accounts.lock_creditable(uow.connection, invoice_id)
            if not listed:
                raise conflict("nothing to credit: reverse the charges first")
            amount = -sum((one.amounts.gross for one in listed if one.amounts is not None), ZERO)
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
                created_by=principal.id,
                credits=before.id,
                issued_at=uow.now,
                number=await rows.next_number(uow.connection, before.facility, "credit_note"),
            )
            return invoice_out(await self._written(uow, note, listed, "invoice.credit"))

        return await self._units.execute(principal, command, InvoiceOut, work)

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

    async def invoice(self, principal: Principal, command: Command, invoice_id: uuid.UUID) -> InvoiceDetail:
        """One invoice with what it charges; audited."""

        async def work(uow: UnitOfWork) -> InvoiceDetail:
            require(principal, Permission.INVOICE_READ)
            one = found(await rows.find(uow.connection, Invoice, invoice_id), WHAT)
            tell(uow, "invoice.read", one)
            listed = [charge_out(each) for each in await accounts.lines(uow.connection, invoice_id)]
            return InvoiceDetail(**dict(invoice_out(one)), charges=listed)

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
