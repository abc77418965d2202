"""Payments in several means, and deposits; how a patient stands."""

import uuid
from dataclasses import replace
from decimal import Decimal

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.billing.events import AccountChanged, InvoiceChanged
from hms_rt.departments.billing.model.invoice import Invoice
from hms_rt.departments.billing.model.payment import (
    ZERO,
    Means,
    Payment,
    PaymentMove,
    PaymentState,
    Shift,
)
from hms_rt.departments.billing.model.tariff import SELF
from hms_rt.departments.billing.repository import accounts, rows, tariffs
from hms_rt.departments.billing.schemas.accounts import (
    AccountOut,
    PaymentIn,
    PaymentOut,
    PaymentQuery,
)
from hms_rt.departments.billing.schemas.tariffs import CurrencyOut, IdCursor
from hms_rt.departments.billing.service.desk import (
    WHAT_PAYMENT,
    Desk,
    allocation,
    drawer,
    happened,
    payment_out,
    tell,
)
from hms_rt.departments.billing.service.foundation import found, invalid
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_counter
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Payments(Desk):
    """Money is in the shift that is open at a counter; what is left of it is the patient's deposit."""

    async def take_payment(self, principal: Principal, command: Command, wanted: PaymentIn) -> PaymentOut:
        """Take money: for an invoice, or as a deposit.

        Raises ``not_found``, ``forbidden`` at another counter, ``conflict`` without an open shift or for more
        than is due, ``illegal_move`` for an invoice that is not to be paid.
        """

        async def work(uow: UnitOfWork) -> PaymentOut:
            return self._answer(uow, "payment.take", await self._take(uow, wanted))

        return await self._units.execute(principal, command, PaymentOut, work)

    async def _take(self, uow: UnitOfWork, wanted: PaymentIn) -> Payment:
        """Take money in a unit of work; raises as ``take_payment``."""
        require_counter(uow.principal, Permission.PAYMENT_TAKE, wanted.counter)
        if wanted.pending and (wanted.invoice_id is not None or wanted.means is Means.CASH):
            raise invalid("pending", "is for deposits that are not cash")
        await self._patients.lock(uow, wanted.patient_id)
        invoice = await self._invoice(uow, wanted)
        await self._units_only(uow, wanted.amount)
        if wanted.tendered is not None:
            await self._units_only(uow, wanted.tendered, "tendered")
        shift = await self._shift(uow, wanted.counter)
        payment = await self._taken(uow, wanted, shift)
        if invoice is not None:
            await allocation(uow, payment, invoice, wanted.amount)
            settled = invoice.settled(paid=wanted.amount)
            await rows.save(uow.connection, settled)
            uow.record(InvoiceChanged(settled))
        if wanted.pending:
            return payment
        return await self._capture(uow, payment, shift, wanted.amount if invoice is not None else ZERO)

    @staticmethod
    async def _invoice(uow: UnitOfWork, wanted: PaymentIn) -> Invoice | None:
        """What is to be paid, locked, if it can be."""
        if wanted.invoice_id is None:
            return None
        locked = await rows.lock(uow.connection, Invoice, [wanted.invoice_id])
        invoice = found(locked.get(wanted.invoice_id), "that invoice")
        if invoice.patient_id != wanted.patient_id:
            raise invalid("invoice_id", "not an invoice of this patient")
        if invoice.payer not in (SELF, wanted.payer):
            raise invalid("payer", "is another one than the invoice is to")
        invoice.settled(paid=wanted.amount)
        return invoice

    @staticmethod
    async def _taken(uow: UnitOfWork, wanted: PaymentIn, shift: Shift) -> Payment:
        payment = Payment(
            id=uow.ids.new(),
            facility=shift.facility,
            patient_id=wanted.patient_id,
            payer=wanted.payer,
            shift_id=shift.id,
            means=wanted.means,
            amount=wanted.amount,
            reference=wanted.reference,
            tendered=wanted.tendered,
            state=PaymentState.PENDING,
            created_at=uow.now,
            created_by=uow.principal.id,
        )
        try:
            await rows.add(uow.connection, payment)
        except IntegrityError as error:
            if violated(error) == "billing_payment_payer_fkey":
                raise not_found(f"payer {wanted.payer}") from None
            raise
        await happened(uow, None, payment, PaymentMove.TAKE)
        return payment

    @staticmethod
    async def _capture(uow: UnitOfWork, before: Payment, shift: Shift, allotted: Decimal = ZERO) -> Payment:
        """The money is there: the drawer gets the cash, the receipt its number; ``allotted`` pays an invoice.

        The number comes last: until this commits, nobody of the facility gets the next one.
        """
        moved = before.moved(PaymentMove.CAPTURE)
        await drawer(uow, shift.took(before.means, before.amount))
        await happened(uow, before, moved, PaymentMove.CAPTURE)
        number = await rows.next_number(uow.connection, before.facility, "receipt")
        after = before.captured(number, uow.now)
        if allotted:
            after = after.allotted(allotted)
        await rows.save(uow.connection, after)
        return after

    async def capture_payment(
        self, principal: Principal, command: Command, payment_id: uuid.UUID
    ) -> PaymentOut:
        """Announced money came, into the shift that is open now at its counter: one that is over stays as
        it was counted. Raises ``illegal_move``, ``conflict`` while no shift is open there."""

        async def work(uow: UnitOfWork) -> PaymentOut:
            before, counter = await self._pending(uow, principal, command, payment_id)
            before.moved(PaymentMove.CAPTURE)
            shift = await self._open_at(uow, counter)
            here = replace(before, shift_id=shift.id)
            return self._answer(uow, "payment.capture", await self._capture(uow, here, shift))

        return await self._units.execute(principal, command, PaymentOut, work)

    async def fail_payment(self, principal: Principal, command: Command, payment_id: uuid.UUID) -> PaymentOut:
        """Announced money will not come. Raises ``illegal_move``."""

        async def work(uow: UnitOfWork) -> PaymentOut:
            before, _ = await self._pending(uow, principal, command, payment_id)
            after = before.moved(PaymentMove.FAIL)
            await rows.save(uow.connection, after)
            await happened(uow, before, after, PaymentMove.FAIL)
            return self._answer(uow, "payment.fail", after)

        return await self._units.execute(principal, command, PaymentOut, work)

    async def _pending(
        self, uow: UnitOfWork, principal: Principal, command: Command, payment_id: uuid.UUID
    ) -> tuple[Payment, str]:
        """A payment, locked, and its counter; raises ``forbidden`` at another one."""
        require(principal, Permission.PAYMENT_TAKE)
        payment = await self._locked(uow, Payment, payment_id, WHAT_PAYMENT)
        counter = await self._counter_of(uow, payment.shift_id)
        require_counter(principal, Permission.PAYMENT_TAKE, counter)
        command.check_version(payment.version)
        return payment, counter

    @staticmethod
    def _answer(uow: UnitOfWork, action: str, payment: Payment) -> PaymentOut:
        uow.record(AccountChanged(payment.patient_id))
        tell(uow, action, payment)
        return payment_out(payment)

    async def payments(self, principal: Principal, command: Command, query: PaymentQuery) -> Page[PaymentOut]:
        """Payments, newest first; audited."""

        async def work(uow: UnitOfWork) -> Page[PaymentOut]:
            require(principal, Permission.PAYMENT_READ)
            listed = await rows.page(
                uow.connection,
                Payment,
                decode_cursor(query.cursor, IdCursor).id if query.cursor else None,
                query.limit + 1,
                patient_id=query.patient_id,
                shift_id=query.shift_id,
                state=query.state,
            )
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            uow.audit(
                "payment.list",
                entity="payment",
                entity_id=query.patient_id or "list",
                patient_id=query.patient_id,
                detail={"payments": [str(one.id) for one in shown]},
            )
            return Page[PaymentOut](items=[payment_out(one) for one in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[PaymentOut], work)

    async def account(self, principal: Principal, command: Command, patient_id: uuid.UUID) -> AccountOut:
        """How a patient stands: deposit, what is due, what is on no invoice; audited."""

        async def work(uow: UnitOfWork) -> AccountOut:
            require(principal, Permission.PAYMENT_READ)
            found((await self._patients.brief(uow, [patient_id])).get(patient_id), "that patient")
            currency = await tariffs.currency(uow.connection)
            sums = await accounts.balance(uow.connection, patient_id)
            uow.audit("account.read", entity="account", entity_id=patient_id, patient_id=patient_id)
            deposit, due, unbilled = (currency.rounded(each) for each in sums)
            shown = CurrencyOut(code=currency.code, scale=currency.scale)
            return AccountOut(
                patient_id=patient_id, currency=shown, deposit=deposit, due=due, unbilled=unbilled
            )

        return await self._units.execute(principal, replace(command, key=None), AccountOut, work)
