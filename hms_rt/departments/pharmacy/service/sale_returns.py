"""What was sold comes back, and then its money: two steps, each whole by itself.

The goods are back, and their charge is reversed, at once; the money waits for another person's word. A return
whose money was not asked for yet is taken up again by asking.
"""

import uuid
from collections.abc import Sequence
from decimal import Decimal

from hms_rt.departments.pharmacy.events import Supply, SupplyChanged
from hms_rt.departments.pharmacy.model.dispense import Returned
from hms_rt.departments.pharmacy.model.sale import Sale, SaleItem
from hms_rt.departments.pharmacy.model.stock import LedgerKind
from hms_rt.departments.pharmacy.repository import dispenses, formulary, sales
from hms_rt.departments.pharmacy.repository import stock as stock_rows
from hms_rt.departments.pharmacy.schemas.sales import GiveBackIn, SaleOut
from hms_rt.departments.pharmacy.schemas.stock import ReturnIn
from hms_rt.departments.pharmacy.service.counter import CounterFoundation, account
from hms_rt.departments.pharmacy.service.foundation import found
from hms_rt.departments.pharmacy.service.returning import brought_back, goes_to
from hms_rt.departments.pharmacy.service.selling import charged_as, dispensed_as
from hms_rt.departments.pharmacy.service.stock import book
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.storage.unit_of_work import UnitOfWork


class SaleReturns(CounterFoundation):
    """The patient is locked first, then the sale, then stock by medicine."""

    async def return_sale(
        self, principal: Principal, command: Command, sale_id: uuid.UUID, told: ReturnIn
    ) -> SaleOut:
        """Something that was sold over the counter came back, or all of it. Records ``SupplyChanged``.

        Raises ``conflict`` for more than the customer has, without a quarantine, or for a dispense, which is
        returned itself; ``invalid`` for an item of another sale.
        """

        async def work(uow: UnitOfWork) -> SaleOut:
            sale = await self._locked_sale(uow, sale_id)
            if sale.dispense_id is not None:
                raise conflict("it is a dispense: return that, then ask for its money here")
            items = await sales.items(uow.connection, sale_id)
            back = brought_back(items, told)
            if not back:
                raise conflict("all of it came back before")
            after = [back.get(item.id, item) for item in items]
            await self._put_back(
                uow, sale, [(item, back[item.id]) for item in items if item.id in back], told
            )
            await self._tell_supply(uow, sale, items, after)
            changed = sale.changed()
            await sales.save(uow.connection, changed)
            account(uow, "return", changed)
            return await self._sale_out(uow, changed)

        return await self._units.execute(principal, command, SaleOut, work)

    async def give_back(
        self, principal: Principal, command: Command, sale_id: uuid.UUID, told: GiveBackIn
    ) -> SaleOut:
        """Ask for the money of what came back since: its charge is credited, what the customer keeps is on an
        invoice of its own, paid from what was paid, and the rest waits for another person's approval.

        Raises ``forbidden`` at another counter, ``conflict`` without an own open shift or if nothing is to be
        paid back.
        """

        async def work(uow: UnitOfWork) -> SaleOut:
            till = await self._till(uow, told.counter)
            sale = await self._locked_sale(uow, sale_id)
            if till.store != sale.store:
                raise conflict(f"{sale.store} sold it: pay it back at a counter of its own")
            again = await self._billing.give_back(
                uow,
                sale.patient_id,
                till.counter,
                await sales.invoices(uow.connection, sale_id),
                await _causes(uow, sale),
                told.reason,
            )
            if again is not None:
                await sales.add_invoice(uow.connection, sale_id, again)
            changed = sale.changed()
            await sales.save(uow.connection, changed)
            account(uow, "give_back", changed)
            return await self._sale_out(uow, changed)

        return await self._units.execute(principal, command, SaleOut, work)

    @staticmethod
    async def _put_back(
        uow: UnitOfWork, sale: Sale, pairs: Sequence[tuple[SaleItem, SaleItem]], told: ReturnIn
    ) -> None:
        """Write the returns, and book what goes to a shelf or a quarantine."""
        store = await goes_to(uow, sale.store, told)
        pairs = sorted(pairs, key=lambda pair: (pair[0].medicine, pair[0].lot_id))
        returned = [
            Returned(
                uow.ids.new(),
                before.id,
                after.returned - before.returned,
                told.disposition,
                store,
                told.reason,
                uow.now,
                uow.principal.id,
            )
            for before, after in pairs
        ]
        await sales.add_returns(uow.connection, returned)
        if store is None:
            return
        for one, (item, _) in zip(returned, pairs, strict=True):
            lot = found(await stock_rows.lot(uow.connection, item.lot_id), "that lot")
            kind = LedgerKind.SALE_RETURN
            await book(uow, lot, store, kind, one.quantity, one.id, reason=told.reason)

    @staticmethod
    async def _tell_supply(
        uow: UnitOfWork, sale: Sale, before: Sequence[SaleItem], after: Sequence[SaleItem]
    ) -> None:
        """Tell what the customer had of each medicine, and has now."""
        known = await formulary.by_codes(uow.connection, {item.medicine for item in before})
        supplies = tuple(
            Supply(sale.id, code, medicine.name, _kept(before, code), _kept(after, code))
            for code, medicine in sorted(known.items())
            if _kept(before, code) != _kept(after, code)
        )
        uow.record(SupplyChanged(sale.id, sale.patient_id, None, sale.sold_at, supplies))


def _kept(items: Sequence[SaleItem], medicine: str) -> Decimal:
    return sum((item.kept for item in items if item.medicine == medicine), Decimal(0))


async def _causes(uow: UnitOfWork, sale: Sale) -> list[str]:
    """What the charges of a sale are for."""
    if sale.dispense_id is None:
        items = await sales.items(uow.connection, sale.id)
        return sorted({charged_as(sale, item.medicine) for item in items})
    handed = await dispenses.items(uow.connection, sale.dispense_id)
    return sorted({dispensed_as(sale.dispense_id, item.line_id, item.medicine) for item in handed})
