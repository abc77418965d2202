"""Reading sales, their papers, and whose counters are."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.billing.schemas.accounts import InvoiceOut, PaymentOut, RefundOut
from hms_rt.departments.billing.schemas.sales import SaleMoney
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import formulary, sales
from hms_rt.departments.pharmacy.schemas.prescriptions import IdCursor
from hms_rt.departments.pharmacy.schemas.sales import (
    SaleOut,
    SaleQuery,
    SaleSummary,
    TillIn,
    TillOut,
    TillQuery,
)
from hms_rt.departments.pharmacy.service.counter import CounterFoundation, account, own_counters, summary
from hms_rt.departments.pharmacy.service.foundation import found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import CodeCursor, Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.paper.document import Document, pdf
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

Numbered = InvoiceOut | PaymentOut | RefundOut
Paper = Callable[[UnitOfWork, uuid.UUID], Awaitable[Document]]


class SaleReading(CounterFoundation):
    """Sales are read by those who sell at a counter of the same dispensary."""

    async def set_till(self, principal: Principal, command: Command, counter: str, wanted: TillIn) -> TillOut:
        """Say that a counter of the cashiers is a dispensary's own.

        Raises ``not_found``, ``conflict`` for a store that hands over to nobody.
        """

        async def work(uow: UnitOfWork) -> TillOut:
            require(principal, Permission.STORE_DEFINE)
            store = found(await formulary.store(uow.connection, wanted.store), f"store {wanted.store}")
            if store.kind is not StoreKind.DISPENSARY:
                raise conflict(f"{store.code} is no dispensary: nothing is sold there")
            try:
                till = await sales.set_till(uow.connection, counter, store.code)
            except IntegrityError as error:
                if violated(error) == "pharmacy_till_counter_fkey":
                    raise not_found(f"counter {counter}") from None
                raise
            uow.audit("till.set", entity="till", entity_id=counter, detail={"store": store.code})
            return TillOut(**asdict(till))

        return await self._units.execute(principal, command, TillOut, work)

    async def tills(self, principal: Principal, query: TillQuery) -> Page[TillOut]:
        """Counters that are a dispensary's own, by code."""
        require(principal, Permission.STORE_READ)
        async with self._units.reading() as connection:
            listed = await sales.tills(connection, query.store)
        after = decode_cursor(query.cursor, CodeCursor).code if query.cursor else ""
        rest = [one for one in listed if one.counter > after]
        shown, cursor = cut(rest, query.limit, lambda one: CodeCursor(code=one.counter))
        return Page[TillOut](items=[TillOut(**asdict(one)) for one in shown], next_cursor=cursor)

    async def sale(self, principal: Principal, command: Command, sale_id: uuid.UUID) -> SaleOut:
        """One sale with its money; audited."""

        async def work(uow: UnitOfWork) -> SaleOut:
            sale = await self._sale(uow, sale_id)
            account(uow, "read", sale)
            return await self._sale_out(uow, sale)

        return await self._units.execute(principal, replace(command, key=None), SaleOut, work)

    async def sales(self, principal: Principal, command: Command, query: SaleQuery) -> Page[SaleSummary]:
        """Sales at the own counters, newest first; audited."""

        async def work(uow: UnitOfWork) -> Page[SaleSummary]:
            listed = await sales.page(
                uow.connection,
                counters=own_counters(principal),
                counter=query.counter,
                patient_id=query.patient_id,
                before=decode_cursor(query.cursor, IdCursor).id if query.cursor else None,
                limit=query.limit + 1,
            )
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            uow.audit(
                "sale.list",
                entity="sale",
                entity_id=query.patient_id or query.counter or "list",
                patient_id=query.patient_id,
                detail={"sales": [str(one.id) for one in shown]},
            )
            return Page[SaleSummary](items=[summary(one) for one in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[SaleSummary], work)

    async def sale_invoice_pdf(
        self, principal: Principal, command: Command, sale_id: uuid.UUID, invoice_id: uuid.UUID
    ) -> bytes:
        """An invoice of a sale; raises ``not_found`` for another's."""
        return await self._paper(
            principal, command, sale_id, invoice_id, lambda money: money.invoices, self._billing.invoice_paper
        )

    async def sale_receipt_pdf(
        self, principal: Principal, command: Command, sale_id: uuid.UUID, payment_id: uuid.UUID
    ) -> bytes:
        """The receipt of a payment of a sale; raises ``not_found`` for another's."""
        return await self._paper(
            principal, command, sale_id, payment_id, lambda money: money.payments, self._billing.receipt_paper
        )

    async def sale_refund_pdf(
        self, principal: Principal, command: Command, sale_id: uuid.UUID, refund_id: uuid.UUID
    ) -> bytes:
        """The slip of what is paid back of a sale; raises ``not_found`` for another's."""
        return await self._paper(
            principal, command, sale_id, refund_id, lambda money: money.refunds, self._billing.refund_paper
        )

    async def _paper(
        self,
        principal: Principal,
        command: Command,
        sale_id: uuid.UUID,
        paper_id: uuid.UUID,
        among: Callable[[SaleMoney], Sequence[Numbered]],
        drawn: Paper,
    ) -> bytes:
        made: list[Document] = []

        async def work(uow: UnitOfWork) -> None:
            sale = await self._sale(uow, sale_id)
            money = await self._billing.sale_money(uow, await sales.invoices(uow.connection, sale.id))
            if paper_id not in {one.id for one in among(money)}:
                raise not_found("that paper of the sale")
            made[:] = [await drawn(uow, paper_id)]

        await self._units.execute(principal, replace(command, key=None), type(None), work)
        return await asyncio.to_thread(pdf, made[0])
