"""Sales at a dispensary's own counter: over the counter, or of what is prescribed.

A sale is one transaction: stock, charge, invoice and payment are there as a whole or not at all. Nothing
waits between them for a person, and what is half sold would have to be found and undone. Locks: the patient,
the prescription or stock by medicine, then what billing locks.
"""

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal

from hms_rt.departments.billing.service import Sold
from hms_rt.departments.pharmacy.model.dispense import Dispense, DispenseItem, DispenseState
from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.model.sale import (
    CounterWarning,
    Sale,
    SaleItem,
    check_over_the_counter,
    counter_warnings,
)
from hms_rt.departments.pharmacy.model.stock import LedgerKind
from hms_rt.departments.pharmacy.repository import formulary, prescriptions, sales
from hms_rt.departments.pharmacy.schemas.sales import (
    CounterOverrideIn,
    CounterWarningOut,
    QuotedLine,
    QuoteIn,
    QuoteOut,
    SaleIn,
    SaleItemIn,
    SaleOut,
    SellDispense,
)
from hms_rt.departments.pharmacy.service.counter import CounterFoundation, account
from hms_rt.departments.pharmacy.service.foundation import found
from hms_rt.departments.pharmacy.service.overriding import gone_past
from hms_rt.departments.pharmacy.service.stock import book
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.storage.unit_of_work import UnitOfWork


class Selling(CounterFoundation):
    """Only registered patients buy: allergies are looked at, and a recall finds who has some of a lot."""

    async def sell(self, principal: Principal, command: Command, wanted: SaleIn) -> SaleOut:
        """Sell what anybody may buy: from the lots that expire first, charged, invoiced and paid at once.

        Raises ``forbidden`` at another counter, ``conflict`` for what takes a prescription, for warnings that
        lack an override (by medicine), too little stock, a lot out of turn without a reason, and what
        billing's ``sell`` raises.
        """

        async def work(uow: UnitOfWork) -> SaleOut:
            till = await self._till(uow, wanted.counter)
            await self._patients.living(uow, wanted.patient_id)
            known = await self._medicines(uow, wanted.items)
            warned = await self._counter_warnings(uow, wanted.patient_id, known)
            overridden = _overridden(warned, wanted.overrides)
            sale = _new(uow, till.store, till.counter, wanted.patient_id)
            sale, items = await self._hand_out(uow, sale, wanted.items)
            await sales.add_overrides(uow.connection, sale.id, overridden, principal.id, uow.now)
            sold = [Sold(charged_as(sale, one.code), one.code, one.name, _of(items, one)) for one in known]
            return await self._paid(uow, sale, sold, wanted)

        return await self._units.execute(principal, command, SaleOut, work)

    async def sell_dispense(
        self, principal: Principal, command: Command, dispense_id: uuid.UUID, wanted: SellDispense
    ) -> SaleOut:
        """Take the money for a dispense to an outpatient, and hand over what lies prepared with that.

        Raises as :meth:`sell`, ``illegal_move`` for what is cancelled or returned, ``conflict`` for what was
        sold before, for an admission's, for another dispensary's and for a lot that was recalled or expired.
        """

        async def work(uow: UnitOfWork) -> SaleOut:
            till = await self._till(uow, wanted.counter)
            prescription, lines, made, items = await self._locked(uow, dispense_id)
            command.check_version(made.version)
            if await sales.of_dispense(uow.connection, dispense_id) is not None:
                raise conflict("it was sold before: read the sale")
            if prescription.admission_id is not None:
                raise conflict("it is of an admission: it goes on the admission's invoice")
            if made.store != till.store:
                raise conflict(f"{made.store} dispensed it: sell it at a counter of its own")
            if made.state is not DispenseState.HANDED_OVER:
                made.hand_over(principal.id, uow.now)  # raises where there is nothing to hand over
                await self._check_ready(uow, lines, items)
                made = await self._hand_over(uow, prescription, lines, made, items, None)
            sale = await sales.add(
                uow.connection, _new(uow, till.store, till.counter, prescription.patient_id, dispense_id)
            )
            return await self._paid(uow, sale, await _supplied(uow, made, items), wanted)

        return await self._units.execute(principal, command, SaleOut, work)

    async def quote(self, principal: Principal, command: Command, wanted: QuoteIn) -> QuoteOut:
        """What it would cost today, and what the seller must know of the patient; audited.

        Raises ``conflict`` for what takes a prescription. Nothing is taken from the shelf.
        """

        async def work(uow: UnitOfWork) -> QuoteOut:
            await self._till(uow, wanted.counter)
            brief = await self._patients.brief(uow, [wanted.patient_id])
            found(brief.get(wanted.patient_id), "that patient")
            known = await self._medicines(uow, wanted.items)
            much = {one.medicine: one.quantity for one in wanted.items}
            sold = [Sold(one.code, one.code, one.name, much[one.code]) for one in known]
            prices = await self._billing.quote(uow, wanted.patient_id, sold)
            warned = await self._counter_warnings(uow, wanted.patient_id, known)
            uow.audit(
                "sale.quote",
                entity="patient",
                entity_id=wanted.patient_id,
                patient_id=wanted.patient_id,
                detail={"warnings": len(warned)},
            )
            return _quote_out(sold, prices, warned)

        return await self._units.execute(principal, command, QuoteOut, work)

    async def _medicines(self, uow: UnitOfWork, wanted: Sequence[SaleItemIn]) -> list[Medicine]:
        known = await formulary.by_codes(uow.connection, [one.medicine for one in wanted])
        return [check_over_the_counter(one.medicine, known) for one in wanted]

    async def _counter_warnings(
        self, uow: UnitOfWork, patient_id: uuid.UUID, medicines: Sequence[Medicine]
    ) -> list[CounterWarning]:
        allergies = await self._allergies_of(uow.connection, patient_id)
        taken = await prescriptions.taken(uow.connection, patient_id, uow.ids.new(), uow.now)
        return counter_warnings(medicines, allergies, taken)

    async def _hand_out(
        self, uow: UnitOfWork, sale: Sale, wanted: Sequence[SaleItemIn]
    ) -> tuple[Sale, list[SaleItem]]:
        """The sale with its items, booked out of the store; by medicine, so that nobody waits in a circle."""
        today = uow.now.astimezone(self._zone).date()
        items, lots = [], {}
        for one in sorted(wanted, key=lambda each: each.medicine):
            for lot, quantity in await self._lots(uow, sale.store, one.medicine, one, today):
                lots[lot.id] = lot
                items.append(
                    SaleItem(
                        uow.ids.new(), sale.id, lot.id, one.medicine, quantity, one.directions, one.reason
                    )
                )
        made = await sales.add(uow.connection, sale, items)
        for item in items:
            await book(uow, lots[item.lot_id], sale.store, LedgerKind.SALE, -item.quantity, item.id)
        return made, items

    async def _paid(
        self, uow: UnitOfWork, sale: Sale, sold: Sequence[Sold], told: SaleIn | SellDispense
    ) -> SaleOut:
        """Billing's part, in the same transaction."""
        invoice_id = await self._billing.sell(
            uow, sale.patient_id, sale.counter, sold, told.payments, sale.sold_at
        )
        await sales.add_invoice(uow.connection, sale.id, invoice_id)
        account(uow, "sell", sale)
        return await self._sale_out(uow, sale)


def charged_as(sale: Sale, medicine: str) -> str:
    """The cause of the charge of what was sold over the counter; as of a dispense with one line."""
    return f"{sale.id}/{sale.id}/{medicine}"


def dispensed_as(dispense_id: uuid.UUID, line_id: uuid.UUID, medicine: str) -> str:
    """The cause of the charge of a dispense, for a line and medicine: as billing says it itself."""
    return f"{line_id}/{dispense_id}/{medicine}"


def _new(
    uow: UnitOfWork, store: str, counter: str, patient_id: uuid.UUID, dispense_id: uuid.UUID | None = None
) -> Sale:
    return Sale(uow.ids.new(), store, counter, patient_id, dispense_id, uow.principal.id, uow.now)


def _of(items: Sequence[SaleItem], medicine: Medicine) -> Decimal:
    return sum((item.quantity for item in items if item.medicine == medicine.code), Decimal(0))


async def _supplied(uow: UnitOfWork, made: Dispense, items: Sequence[DispenseItem]) -> list[Sold]:
    """What the patient has of a dispense, by line and medicine."""
    known = await formulary.by_codes(uow.connection, {item.medicine for item in items})
    kept: dict[tuple[uuid.UUID, str], Decimal] = {}
    for item in items:
        key = item.line_id, item.medicine
        kept[key] = kept.get(key, Decimal(0)) + item.kept
    return [
        Sold(dispensed_as(made.id, line_id, medicine), medicine, known[medicine].name, much)
        for (line_id, medicine), much in kept.items()
        if much > 0
    ]


def _overridden(
    raised: Sequence[CounterWarning], overrides: Sequence[CounterOverrideIn]
) -> list[tuple[CounterWarning, str]]:
    """Each warning with the reason to go past it, by medicine; raises as ``gone_past``."""
    return gone_past(
        raised,
        {(one.medicine, one.kind): one.reason for one in overrides},
        lambda one: (one.medicine, one.kind),
        lambda one: {},
        "ask for a quote",
    )


def _quote_out(
    sold: Sequence[Sold],
    prices: Mapping[str, tuple[Decimal, Decimal] | None],
    warned: Sequence[CounterWarning],
) -> QuoteOut:
    lines, owed = [], Decimal(0)
    for one in sold:
        total, own = prices[one.medicine] or (None, None)
        lines.append(
            QuotedLine(medicine=one.medicine, name=one.name, quantity=one.quantity, total=total, own_part=own)
        )
        owed += own or Decimal(0)
    shown = [CounterWarningOut(medicine=one.medicine, kind=one.kind, text=one.text) for one in warned]
    whole = all(line.own_part is not None for line in lines)
    return QuoteOut(lines=lines, owed=owed if whole else None, warnings=shown)
