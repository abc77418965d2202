"""What every command at a dispensary's own counter works with: whose it is, and what a sale looks like."""

import uuid
from dataclasses import asdict

from hms_rt.departments.pharmacy.model.sale import Sale, SaleItem, Till
from hms_rt.departments.pharmacy.repository import sales
from hms_rt.departments.pharmacy.schemas.sales import (
    CounterOverrideOut,
    SaleItemOut,
    SaleOut,
    SaleSummary,
)
from hms_rt.departments.pharmacy.service.dispensing import Dispensing
from hms_rt.departments.pharmacy.service.foundation import found
from hms_rt.kernel.errors import conflict, forbidden
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, counters, require, require_counter
from hms_rt.storage.unit_of_work import UnitOfWork


class CounterFoundation(Dispensing):
    """A sale is for those who sell at a counter of its dispensary."""

    @staticmethod
    async def _till(uow: UnitOfWork, counter: str) -> Till:
        """A counter where the caller sells; raises ``forbidden`` elsewhere, ``conflict`` for a cashier's."""
        require(uow.principal, Permission.SALE)
        require_counter(uow.principal, Permission.SALE, counter)
        till = await sales.till(uow.connection, counter)
        if till is None:
            raise conflict(f"{counter} is no dispensary's own counter: an administrator says whose it is")
        return till

    @staticmethod
    async def _sale(uow: UnitOfWork, sale_id: uuid.UUID) -> Sale:
        """A sale of a dispensary where the caller sells; raises ``not_found``, ``forbidden``."""
        require(uow.principal, Permission.SALE)
        sale = found(await sales.find(uow.connection, sale_id), "that sale")
        own = counters(uow.principal, Permission.SALE)
        if own is not None and own.isdisjoint(
            till.counter for till in await sales.tills(uow.connection, sale.store)
        ):
            raise forbidden()
        return sale

    async def _locked_sale(self, uow: UnitOfWork, sale_id: uuid.UUID) -> Sale:
        """As :meth:`_sale`, locked after its patient, in its version."""
        seen = await self._sale(uow, sale_id)
        await self._patients.lock(uow, seen.patient_id)
        locked = await sales.lock(uow.connection, sale_id)
        uow.command.check_version(locked.version)
        return locked

    async def _sale_out(self, uow: UnitOfWork, sale: Sale) -> SaleOut:
        items = await sales.items(uow.connection, sale.id)
        past = await sales.overrides(uow.connection, sale.id)
        named = CounterOverrideOut.model_fields
        return SaleOut(
            **dict(summary(sale)),
            items=[_item_out(item) for item in items],
            overrides=[CounterOverrideOut(**{name: getattr(row, name) for name in named}) for row in past],
            money=await self._billing.sale_money(uow, await sales.invoices(uow.connection, sale.id)),
        )


def own_counters(principal: Principal) -> frozenset[str] | None:
    """At which counters somebody sells; None for all of them. Raises ``forbidden`` for who does not."""
    require(principal, Permission.SALE)
    return counters(principal, Permission.SALE)


def summary(sale: Sale) -> SaleSummary:
    """A sale as lists tell it."""
    return SaleSummary(**asdict(sale))


def account(uow: UnitOfWork, action: str, sale: Sale) -> None:
    """Account for what was done with a sale."""
    uow.audit(
        f"sale.{action}",
        entity="sale",
        entity_id=sale.id,
        patient_id=sale.patient_id,
        detail={"counter": sale.counter, "dispense": str(sale.dispense_id or "")},
    )


def _item_out(item: SaleItem) -> SaleItemOut:
    return SaleItemOut(**{name: getattr(item, name) for name in SaleItemOut.model_fields})
