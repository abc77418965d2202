"""Who owes, and for how long: what an office that reminds debtors begins with."""

from dataclasses import replace

from hms_rt.departments.billing.repository import debtors
from hms_rt.departments.billing.schemas.debtors import DebtorCursor, DebtorOut, DebtorQuery
from hms_rt.departments.billing.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Dunning(Foundation):
    """Debts are those of invoices that were issued: a draft asks nobody for money."""

    async def debtors(self, principal: Principal, command: Command, query: DebtorQuery) -> Page[DebtorOut]:
        """Who owes what since when, by payer and patient, without names; audited."""

        async def work(uow: UnitOfWork) -> Page[DebtorOut]:
            require(principal, Permission.INVOICE_READ)
            last = decode_cursor(query.cursor, DebtorCursor) if query.cursor else None
            listed = await debtors.page(
                uow.connection,
                uow.now,
                payer=query.payer,
                facility=query.facility,
                after=(last.payer, last.patient_id) if last is not None else None,
                limit=query.limit + 1,
            )
            items = [DebtorOut(**row._asdict()) for row in listed]
            shown, cursor = cut(
                items, query.limit, lambda one: DebtorCursor(payer=one.payer, patient_id=one.patient_id)
            )
            uow.audit(
                "debtor.list",
                entity="debtor",
                entity_id=query.payer or "list",
                detail={"patients": [str(one.patient_id) for one in shown]},
            )
            return Page[DebtorOut](items=shown, next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[DebtorOut], work)
