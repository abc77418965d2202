"""Estimates: what something planned would cost whom. They charge nothing."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta

from hms_rt.departments.billing.model.days import day_of
from hms_rt.departments.billing.model.estimate import Estimate, EstimateLine
from hms_rt.departments.billing.model.tariff import applicable, priced
from hms_rt.departments.billing.repository import estimates, rows, tariffs
from hms_rt.departments.billing.schemas.estimates import (
    EstimateIn,
    EstimateLineOut,
    EstimateOut,
    EstimateQuery,
    PlannedIn,
)
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.foundation import check_facility, found
from hms_rt.departments.billing.service.printing import Printing
from hms_rt.departments.billing.views import papers as drawn
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.paper.document import Document
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Estimating(Printing):
    """An estimate has a number of its own series, and never changes."""

    async def estimate(self, principal: Principal, command: Command, wanted: EstimateIn) -> EstimateOut:
        """Say what planned services would cost; writes no charge.

        Raises ``not_found`` for an unknown patient or service, ``conflict`` for one without a tariff.
        """

        async def work(uow: UnitOfWork) -> EstimateOut:
            require(principal, Permission.INVOICE_WRITE)
            await check_facility(uow, wanted.facility)
            await self._patients.lock(uow, wanted.patient_id)
            today = day_of(uow.now, self._zone)
            on = wanted.planned_on or today
            payer, patient_class = await tariffs.covered(uow.connection, wanted.patient_id, on)
            lines = await self._lines(uow, wanted.items, on, payer, patient_class)
            made = Estimate(
                id=uow.ids.new(),
                facility=wanted.facility,
                number=await rows.next_number(uow.connection, wanted.facility, "estimate"),
                patient_id=wanted.patient_id,
                payer=payer,
                patient_class=patient_class,
                planned_on=on,
                valid_until=today + timedelta(days=wanted.valid_days),
                note=wanted.note,
                created_at=uow.now,
                created_by=principal.id,
                lines=lines,
            )
            await estimates.add(uow.connection, made)
            detail = {"number": made.number, "total": str(made.total)}
            uow.audit(
                "estimate.write",
                entity="estimate",
                entity_id=made.id,
                patient_id=made.patient_id,
                detail=detail,
            )
            return _out(made)

        return await self._units.execute(principal, command, EstimateOut, work)

    @staticmethod
    async def _lines(
        uow: UnitOfWork, items: Sequence[PlannedIn], on: date, payer: str, patient_class: str
    ) -> tuple[EstimateLine, ...]:
        currency = await tariffs.currency(uow.connection)
        lines = []
        for item in items:
            service = found(await tariffs.service(uow.connection, item.service), f"service {item.service}")
            valid = await tariffs.valid_prices(uow.connection, [service.code], on)
            price = applicable(valid, payer, patient_class)
            if price is None:
                raise conflict(f"there is no tariff for {service.code} on {on}: set a price first")
            amounts = priced(price, item.quantity, currency)
            lines.append(
                EstimateLine(
                    service.code, service.name, item.quantity, price.unit_price, price.tax_rate, amounts
                )
            )
        return tuple(lines)

    async def estimate_of(
        self, principal: Principal, command: Command, estimate_id: uuid.UUID
    ) -> EstimateOut:
        """One estimate; audited."""

        async def work(uow: UnitOfWork) -> EstimateOut:
            require(principal, Permission.INVOICE_READ)
            one = found(await estimates.find(uow.connection, estimate_id), "that estimate")
            uow.audit("estimate.read", entity="estimate", entity_id=one.id, patient_id=one.patient_id)
            return _out(one)

        return await self._units.execute(principal, replace(command, key=None), EstimateOut, work)

    async def estimates(
        self, principal: Principal, command: Command, query: EstimateQuery
    ) -> Page[EstimateOut]:
        """Estimates, newest first; audited."""

        async def work(uow: UnitOfWork) -> Page[EstimateOut]:
            require(principal, Permission.INVOICE_READ)
            before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
            listed = await estimates.page(uow.connection, query.patient_id, before, query.limit + 1)
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            uow.audit(
                "estimate.list",
                entity="estimate",
                entity_id=query.patient_id or "list",
                patient_id=query.patient_id,
                detail={"estimates": [str(one.id) for one in shown]},
            )
            return Page[EstimateOut](items=[_out(one) for one in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[EstimateOut], work)

    async def estimate_pdf(self, principal: Principal, command: Command, estimate_id: uuid.UUID) -> bytes:
        """An estimate to hand over."""

        async def compose(uow: UnitOfWork) -> Document:
            require(principal, Permission.INVOICE_READ)
            one = found(await estimates.find(uow.connection, estimate_id), "that estimate")
            press = await self._press(uow, one.facility)
            press = await self._counted(uow, press, "estimate", one.id, one.patient_id)
            return drawn.estimate(press, one, await self._to(uow, one.patient_id, payers={one.payer}))

        return await self._printed(principal, command, compose)


def _out(one: Estimate) -> EstimateOut:
    lines = []
    for line in one.lines:
        values = asdict(line)
        lines.append(EstimateLineOut(**values.pop("amounts"), **values))
    names = [name for name in EstimateOut.model_fields if name != "lines"]
    return EstimateOut(**{name: getattr(one, name) for name in names}, lines=lines)
