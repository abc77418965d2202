"""How a charge comes about: matched with a service, priced by the tariff, written once, taken back once."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from hms_rt.departments.billing.events import ChargeRaised
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.days import day_of
from hms_rt.departments.billing.model.invoice import Invoice, InvoiceState
from hms_rt.departments.billing.model.tariff import Service, ServiceKind, applicable, priced
from hms_rt.departments.billing.projector.packages import include
from hms_rt.departments.billing.repository import accounts, charges, discounts, packages, rows, tariffs
from hms_rt.kernel.errors import conflict
from hms_rt.storage.unit_of_work import UnitOfWork

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a department did for a patient. ``cause`` is unique among the deeds of its kind; the tariff is
    that of ``on``, the day it happened if not told."""

    kind: ServiceKind
    source: str
    cause: str
    patient_id: uuid.UUID
    occurred_at: datetime
    description: str
    quantity: Decimal = ONE
    admission_id: uuid.UUID | None = None
    on: date | None = None
    service: Service | None = None
    reason: str | None = None


class Ledger:
    """Writes charges; days are those of the hospital's clocks."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone

    async def charge(self, uow: UnitOfWork, deed: Deed) -> Charge | None:
        """Charge a deed, once however often it is told; None if it costs nothing or is charged already.

        Without a service or tariff the charge waits to be priced: it is never lost. Records
        ``ChargeRaised``.
        """
        raised = await self.drawn(uow, deed)
        if raised is None or not await charges.add(uow.connection, raised):
            return None
        _tell(uow, "charge.raise", raised)
        await include(uow, raised, self.zone)
        return raised

    async def drawn(self, uow: UnitOfWork, deed: Deed) -> Charge | None:
        """The charge that a deed is, with the price of its day if there is one; None if it costs nothing.

        Writes nothing.
        """
        service = deed.service or await tariffs.service_of(uow.connection, deed.kind, deed.source)
        if service is not None and not service.chargeable:
            return None
        day = deed.on or day_of(deed.occurred_at, self.zone)
        payer, patient_class = await tariffs.covered(uow.connection, deed.patient_id, day)
        raised = Charge(
            id=uow.ids.new(),
            patient_id=deed.patient_id,
            admission_id=deed.admission_id,
            kind=deed.kind,
            cause=deed.cause,
            source=deed.source,
            service=service.code if service is not None else None,
            description=service.name if service is not None else deed.description,
            quantity=deed.quantity,
            payer=payer,
            patient_class=patient_class,
            occurred_at=deed.occurred_at,
            recorded_at=uow.now,
            recorded_by=uow.principal.id,
            reason=deed.reason,
        )
        if service is not None:
            raised = await self.price(uow, raised, day) or raised
        return raised

    async def price(self, uow: UnitOfWork, charge: Charge, on: date | None = None) -> Charge | None:
        """``charge`` with the amounts of its day's tariff; None if there is no tariff. Writes nothing."""
        if charge.service is None:
            found = await tariffs.service_of(uow.connection, charge.kind, charge.source)
            if found is None:
                return None
            charge = replace(charge, service=found.code)
        day = on or self.priced_on(charge)
        valid = await tariffs.valid_prices(uow.connection, [charge.service or ""], day)
        price = applicable(valid, charge.payer, charge.patient_class)
        if price is None:
            return None
        currency = await tariffs.currency(uow.connection)
        return charge.at(price, priced(price, charge.quantity, currency))

    def priced_on(self, charge: Charge) -> date:
        """The day whose tariff counts: of a day in bed that very day, else when it happened."""
        if charge.kind is ServiceKind.BED_DAY:
            return date.fromisoformat(charge.cause.rsplit("/", 1)[1])
        return day_of(charge.occurred_at, self.zone)

    async def reverse(
        self, uow: UnitOfWork, charge: Charge, reason: str, *, alone: bool = True, withdrawing: bool = False
    ) -> Charge:
        """Take a locked charge back; records ``ChargeRaised``. Raises ``conflict`` for a second time.

        What was taken off it is taken back before. It goes off a draft that it is on; once issued, it takes a
        credit note; a discount by itself is taken back on drafts only.
        """
        for reduction in await discounts.lock_reductions(uow.connection, [charge.id]):
            await self.reverse(uow, reduction, reason, alone=False)
        if charge.kind is ServiceKind.PACKAGE and not withdrawing:
            raise conflict("it is a package: withdraw it, so that what it includes is charged again")
        if charge.kind is ServiceKind.INCLUDED:
            if alone and not withdrawing:
                raise conflict("a package includes it: withdraw the package")
            use_id, service = uuid.UUID(charge.source), charge.service or ""
            await packages.use_more(uow.connection, use_id, service, -charge.quantity)
        back = charge.reversal(uow.ids.new(), uow.now, uow.principal.id, reason)
        await charges.reverse(uow.connection, charge, back)
        invoice_id = await accounts.live_line(uow.connection, charge.id)
        if invoice_id is not None and charge.amounts is not None:
            draft = (await rows.lock(uow.connection, Invoice, [invoice_id]))[invoice_id]
            if alone and charge.reduces is not None and draft.state is not InvoiceState.DRAFT:
                raise conflict("it is on an issued invoice: reverse what it was taken off, and charge again")
            if draft.state is InvoiceState.DRAFT:
                await accounts.take_off(uow.connection, invoice_id, charge.id)
                await rows.save(uow.connection, draft.without(charge.amounts))
        _tell(uow, "charge.reverse", back)
        return back


def _tell(uow: UnitOfWork, action: str, charge: Charge) -> None:
    uow.record(ChargeRaised(charge))
    uow.audit(
        action,
        entity="charge",
        entity_id=charge.id,
        patient_id=charge.patient_id,
        detail={
            "kind": charge.kind,
            "service": charge.service,
            "reverses": str(charge.reverses or ""),
            "reason": charge.reason,
        },
    )
