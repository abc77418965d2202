"""Invoices: drafted from what is charged, interim, final or supplementary; and numbered."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hms_rt.departments.billing.events import AccountChanged, InvoiceChanged
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceKind, InvoiceMove, InvoiceState
from hms_rt.departments.billing.projector.packages import include
from hms_rt.departments.billing.repository import accounts, charges, rows, shifts, stays
from hms_rt.departments.billing.schemas.accounts import (
    InvoiceIn,
    InvoiceOut,
    IssueIn,
)
from hms_rt.departments.billing.service.desk import invoice_out, tell
from hms_rt.departments.billing.service.foundation import check_facility, found, invalid
from hms_rt.departments.billing.service.shares import Shares
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

ZERO = Decimal(0)
WHAT = "that invoice"


class Drafting(Shares):
    """A charge is on one invoice at most."""

    async def draft_invoice(self, principal: Principal, command: Command, wanted: InvoiceIn) -> InvoiceOut:
        """Put everything of a patient, or of an admission, that is charged and on no invoice on a new one.

        What waits for a price is priced if there is a tariff by now. Raises ``not_found``, ``conflict`` if
        there is nothing, or for the final invoice of an admission while the patient is in a bed.
        """

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            await check_facility(uow, wanted.facility)
            await self._patients.lock(uow, wanted.patient_id)
            await self._price_all(uow, wanted.patient_id)
            kind = await self._kind(uow, wanted)
            listed = await accounts.lock_unbilled(uow.connection, wanted.patient_id, wanted.admission_id)
            if not listed:
                raise conflict("nothing to invoice: no charge with a price is open")
            draft = Invoice(
                id=uow.ids.new(),
                facility=wanted.facility,
                kind=kind,
                patient_id=wanted.patient_id,
                admission_id=wanted.admission_id,
                state=InvoiceState.DRAFT,
                created_at=uow.now,
                created_by=principal.id,
            )
            return invoice_out(await self._written(uow, draft, listed, "invoice.draft"))

        return await self._units.execute(principal, command, InvoiceOut, work)

    @staticmethod
    async def _kind(uow: UnitOfWork, wanted: InvoiceIn) -> InvoiceKind:
        """What the invoice is of: an admission has one final invoice, and supplementary ones after it."""
        if wanted.admission_id is None:
            return InvoiceKind.FINAL
        stay = await stays.lock(uow.connection, wanted.admission_id)
        if stay is not None and stay.patient_id != wanted.patient_id:
            raise invalid("admission_id", "not an admission of this patient")
        last = await accounts.final_invoice(uow.connection, wanted.admission_id)
        if last is not None and last is not InvoiceState.DRAFT:
            return InvoiceKind.SUPPLEMENT
        if not wanted.final:
            return InvoiceKind.INTERIM
        if stay is not None and stay.ward is not None:
            raise conflict("the patient is in a bed: make an interim invoice, or the final one after leaving")
        if last is InvoiceState.DRAFT:
            raise conflict("there is a draft of the final invoice: issue or discard it")
        return InvoiceKind.FINAL

    @staticmethod
    async def _complete(uow: UnitOfWork, invoice: Invoice) -> None:
        """Raises ``conflict`` for a final invoice while anything of the admission is on no invoice."""
        if invoice.kind is not InvoiceKind.FINAL or invoice.admission_id is None:
            return
        stay = await stays.lock(uow.connection, invoice.admission_id)
        if stay is not None and stay.ward is not None:
            raise conflict("the patient is in a bed again: discard this one and make an interim invoice")
        listed = await accounts.unbilled(uow.connection, invoice.patient_id, invoice.admission_id)
        mine = {one.id for one in await accounts.lines(uow.connection, invoice)}
        left = [one.description for one in listed if one.id not in mine]
        if left:
            raise conflict(
                f"{len(left)} services are on no invoice, such as {left[0]}: price them, then discard this"
                " draft and make it again"
            )

    async def _price_all(self, uow: UnitOfWork, patient_id: uuid.UUID) -> None:
        for charge in await charges.lock_unpriced(uow.connection, patient_id):
            priced = await self._ledger.price(uow, charge)
            if priced is not None:
                await charges.save_price(uow.connection, priced)
                await include(uow, priced, self._zone)

    @staticmethod
    async def _written(
        uow: UnitOfWork, paper: Invoice, listed: Sequence[Charge], action: str, *, whole: bool = False
    ) -> Invoice:
        """A new invoice or credit note of these charges; ``whole``: payers' parts are owed on it, too."""
        sums = [one.amounts for one in listed if one.amounts is not None]
        paper = replace(
            paper,
            total=sum((one.gross for one in sums), ZERO),
            patient_part=sum((one.patient_part for one in sums), ZERO),
            payer_part=sum((one.payer_part for one in sums), ZERO),
        )
        paper = replace(paper, owed=paper.total if whole else paper.patient_part)
        await rows.add(uow.connection, paper)
        line_ids = sorted(uow.ids.new() for _ in listed)
        await accounts.add_lines(uow.connection, paper.id, list(zip(line_ids, listed, strict=True)))
        uow.record(AccountChanged(paper.patient_id))
        tell(uow, action, paper)
        return paper

    async def issue_invoice(
        self, principal: Principal, command: Command, invoice_id: uuid.UUID, told: IssueIn
    ) -> InvoiceOut:
        """Give a draft its number, the next of its facility; payers get invoices for their parts.

        Raises ``illegal_move``, ``stale_version``, ``conflict`` for the final invoice of an admission while
        something of it is on no invoice.
        """

        async def work(uow: UnitOfWork) -> InvoiceOut:
            require(principal, Permission.INVOICE_WRITE)
            before = await self._locked(uow, Invoice, invoice_id, WHAT)
            command.check_version(before.version)
            if told.counter is not None:
                known = await shifts.cashiers(uow.connection, [told.counter])
                found(known[0] if known else None, f"counter {told.counter}")
            after = before.moved(InvoiceMove.ISSUE)
            await self._complete(uow, before)
            number = await rows.next_number(uow.connection, before.facility, "invoice")
            after = replace(after, number=number, issued_at=uow.now, counter=told.counter)
            await rows.save(uow.connection, after)
            await self._issue_shares(uow, after, await accounts.lines(uow.connection, after))
            if after.owed == 0:
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
