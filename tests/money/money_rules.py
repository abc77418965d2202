"""The commands of billing, as rules of the machine."""

import uuid
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.schemas.accounts import (
    InvoiceIn,
    InvoiceOut,
    IssueIn,
    PaymentIn,
    RefundIn,
    SettleIn,
    ShiftClose,
    ShiftIn,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.charges import ChargeIn, PriceCharge, ReverseCharge
from hms_rt.departments.billing.schemas.days import DayIn
from hms_rt.departments.billing.schemas.tariffs import CoverageIn, PriceIn
from tests.money.machine import NOBODY, Commands, amounts, one_of, quantities, rule

COUNTER = "C1"
MEDICINE = """
    SELECT id FROM billing_charge
    WHERE kind = 'medicine' AND cause LIKE :cause AND reverses IS NULL AND reversed_by IS NULL
"""
OTHERS = """
    SELECT means, received - given_back AS counted FROM billing_shift_means
    WHERE shift_id = :id AND means <> 'cash'
"""
GROSS = "SELECT gross, reversed_by FROM billing_charge WHERE id = :id"
BACK = ReverseCharge(reason="was not done")
TO_PAY = ("issued", "part_paid")
DECISIONS = ("discard", "discard", "request_void", "void", "void")
means = one_of(Means.CASH, Means.CASH, Means.CARD)


class MoneyCommands(Commands):
    """Charges, invoices, payments, refunds and shifts at one counter."""

    # --- the drawer

    async def begin(self) -> None:
        await super().begin()
        if self.ground.shift == NOBODY:
            await self._open()
        self.patients += [await self.new_patient() for _ in range(2)]
        for _ in range(2):
            await self.charges_by_hand("DRESS", "3")

    async def _open(self) -> None:
        told = ShiftIn.model_validate({"opening_cash": "50.00"})
        doing = self.billing.open_cashier_shift
        shift = await self.give(lambda c: doing(self.clerk, c, COUNTER, told))
        assert shift is not None
        self.books.shift(shift)
        self.ground.shift = shift.id

    @rule(1)
    async def counts_the_drawer(self) -> None:
        if self.chance.random() < 0.3:
            await self._count()
            await self._open()

    @rule(1, which=one_of("open", "counted", "counted"))
    async def closes_the_day(self, which: str) -> None:
        """Refused while the drawer is not counted; what is taken later counts for the next day."""
        if which == "counted":
            await self._count()
        told = await self.give(lambda c: self.billing.close_day(self.clerk, c, DayIn()))
        if which == "open":
            assert told is None, "a day was closed over an open drawer"
            return
        if told is not None:
            self.books.day_closed(told)
        await self._open()

    async def _count(self) -> None:
        shift, doing = self.ground.shift, self.billing.close_cashier_shift
        over = Decimal(self.chance.choice(("0", "0", "0.50", "-1.00")))
        async with self.ground.aside.connect() as connection:
            others = [row._asdict() for row in await connection.execute(text(OTHERS), {"id": shift})]
        counted = str(max(Decimal(0), self.books.drawers[shift][0] + over))
        told = ShiftClose.model_validate({"counted": counted, "reason": "a coin", "means": others})
        closed = await self.give(lambda c: doing(self.clerk, c, shift, told))
        assert closed is not None
        self.books.shift(closed)

    # --- charges

    @rule(4, service=one_of("DRESS", "DRESS", "SUTURE"), quantity=quantities)
    async def charges_by_hand(self, service: str, quantity: str) -> None:
        patient = self.pick(self.patients)
        said = {"patient_id": patient, "service": service, "quantity": quantity, "reason": "told"}
        wanted = ChargeIn.model_validate(said)
        told = await self.give(lambda c: self.billing.raise_charge(self.clerk, c, wanted))
        if told is not None:
            self.books.charged(told)
            self.charges.append(told.id)
            self.owe.append(told.patient_id)

    @rule(1)
    async def prices(self) -> None:
        charge = self.pick(self.charges, lambda each: self.books.charges[each] == (None, None))
        doing, wanted = self.billing.price_charge, PriceCharge()
        told = await self.give(lambda c: doing(self.clerk, c, charge, wanted))
        if told is not None:
            self.books.charged(told)

    @rule()
    async def reverses(self) -> None:
        charge = self.pick(self.charges, lambda each: self.books.charges[each][1] is None)
        told = await self.give(lambda c: self.billing.reverse_charge(self.admin, c, charge, BACK))
        if told is not None:
            self.books.reversed(told)

    @rule(1)
    async def reverses_a_medicine(self) -> None:
        """By hand: it stays so, whatever is brought back later."""
        dispense = self.pick(self.dispenses, lambda each: self.books.dispenses[each].state == "handed_over")
        async with self.ground.aside.connect() as connection:
            row = (await connection.execute(text(MEDICINE), {"cause": f"%/{dispense}/%"})).first()
        if row is not None:
            doing = self.billing.reverse_charge
            if await self.give(lambda c: doing(self.admin, c, row.id, BACK)) is not None:
                self.books.uncharged.add(dispense)

    @rule(1, payer=one_of("SELF", "AOK"))
    async def covers(self, payer: str) -> None:
        patient = self.pick(self.patients)
        wanted = CoverageIn.model_validate({"payer": payer, "since": "2020-01-01"})
        await self.give(lambda c: self.billing.cover(self.clerk, c, patient, wanted))

    @rule(1, day=one_of(*range(4)), price=one_of("0.005", "10.005", "9.99"))
    async def sets_a_price(self, day: int, price: str) -> None:
        said = {"service": "SUTURE", "unit_price": price, "tax_rate": "19", "payer_share": "33.333"}
        wanted = PriceIn.model_validate({**said, "payer": "AOK", "valid_from": self.in_days(-day)})
        told = await self.give(lambda c: self.billing.set_price(self.admin, c, wanted))
        if told is not None:
            self.books.defined["price", str(told.id)] = (0,)

    # --- invoices

    def paper(self, *states: str) -> uuid.UUID:
        """An invoice, mostly in one of these states."""
        return self.pick(self.invoices, lambda each: self.books.invoices[each].state in states)

    @rule(4)
    async def drafts(self) -> None:
        wanted = InvoiceIn(patient_id=self.pick(self.owe[-3:]))
        told = await self.give(lambda c: self.billing.draft_invoice(self.clerk, c, wanted))
        if told is not None:
            await self._drafted(told)

    async def _drafted(self, told: InvoiceOut) -> None:
        """A new draft; what waited for a tariff and has one by now is priced with it."""
        self.books.invoiced(told)
        self.invoices.append(told.id)
        for charge in [one for one, is_now in self.books.charges.items() if is_now == (None, None)]:
            gross, reversed_by = await self._booked(charge)
            assert reversed_by is None
            self.books.charges[charge] = (gross, None)

    async def _booked(self, charge: uuid.UUID) -> tuple[Decimal | None, uuid.UUID | None]:
        """What nobody was told: as it is stored."""
        async with self.ground.aside.connect() as connection:
            row = (await connection.execute(text(GROSS), {"id": charge})).one()
        return row.gross, row.reversed_by

    @rule()
    async def three_drafts_at_once(self) -> None:
        wanted = InvoiceIn(patient_id=self.pick(self.owe[-3:]))
        doing = [lambda c: self.billing.draft_invoice(self.clerk, c, wanted)] * 3
        made = await self.at_once(*doing)
        assert len(made) <= 1, "charged twice"
        for one in made:
            await self._drafted(one)

    @rule(4)
    async def issues(self) -> None:
        paper, how = self.paper("draft"), IssueIn(counter=COUNTER)
        told = await self.give(lambda c: self.billing.issue_invoice(self.clerk, c, paper, how))
        if told is not None:
            await self.issued(told)

    async def issued(self, told: InvoiceOut) -> None:
        """Also where a payer takes a part."""
        self.books.invoiced(told)

    @rule(4, what=one_of(*DECISIONS))
    async def takes_back_an_invoice(self, what: str) -> None:
        paper, why = self.paper("draft" if what == "discard" else "issued"), WhyVoid(reason="wrong payer")
        doing: dict[str, Any] = {
            "discard": lambda c: self.billing.discard_invoice(self.clerk, c, paper),
            "request_void": lambda c: self.billing.request_void(self.clerk, c, paper, why),
            "void": lambda c: self.billing.void_invoice(self.admin, c, paper),
        }
        told = await self.give(doing[what])
        if told is not None:
            self.books.invoiced(told)

    @rule()
    async def credits(self) -> None:
        paper = self.paper("paid", *TO_PAY)
        told = await self.give(lambda c: self.billing.credit_invoice(self.clerk, c, paper))
        if told is not None:
            await self.credited(told)

    async def credited(self, told: InvoiceOut) -> None:
        """A credit note; payers get theirs."""
        self.books.credited(told)

    @rule(amount=one_of(None, None, "0.01", "5", "33.33"))
    async def settles(self, amount: str | None) -> None:
        paper, wanted = self.paper(*TO_PAY), SettleIn.model_validate({"amount": amount})
        told = await self.give(lambda c: self.billing.settle_invoice(self.clerk, c, paper, wanted))
        if told is not None:
            self.books.invoiced(told)

    # --- money

    def _payment(self, amount: str, how: Means, *, deposit: bool) -> PaymentIn:
        said = {"counter": COUNTER, "means": how, "amount": amount}
        if deposit or not self.invoices:
            return PaymentIn.model_validate({**said, "patient_id": self.pick(self.patients)})
        paper = self.paper(*TO_PAY)
        whose = self.books.invoices[paper]
        if whose.due > 0 and self.chance.random() < 0.3:
            said["amount"] = str(whose.due)
        return PaymentIn.model_validate({**said, "patient_id": whose.patient, "invoice_id": paper})

    @rule(6, amount=amounts, how=means, deposit=one_of(True, False, False))
    async def pays(self, amount: str, how: Means, deposit: bool) -> None:
        wanted = self._payment(amount, how, deposit=deposit)
        await self._paid(wanted, [await self.give(lambda c: self._take(c, wanted))])

    async def _take(self, c: Any, wanted: PaymentIn) -> Any:
        return await self.billing.take_payment(self.clerk, c, wanted)

    async def _paid(self, wanted: PaymentIn, told: Collection[Any]) -> None:
        for one in told:
            if one is not None:
                self.books.paid(one, wanted.invoice_id)
                self.payments.append(one.id)

    @rule(amount=amounts, deposit=one_of(True, False))
    async def three_cashiers_at_once(self, amount: str, deposit: bool) -> None:
        wanted = self._payment(amount, Means.CASH, deposit=deposit)
        await self._paid(wanted, await self.at_once(*[lambda c: self._take(c, wanted)] * 3))

    @rule(amount=amounts)
    async def announces_money(self, amount: str) -> None:
        said = {"patient_id": self.pick(self.patients), "counter": COUNTER, "means": "transfer"}
        wanted = PaymentIn.model_validate({**said, "amount": amount, "pending": True})
        await self._paid(wanted, [await self.give(lambda c: self._take(c, wanted))])

    @rule(comes=one_of(True, False))
    async def announced_money_comes_or_not(self, comes: bool) -> None:
        payment = self.pick(self.payments, lambda each: self.books.payments[each].state == "pending")
        decide = self.billing.capture_payment if comes else self.billing.fail_payment
        told = await self.give(lambda c: decide(self.clerk, c, payment))
        if told is not None:
            self.books.payments[told.id] = told

    @rule(amount=amounts)
    async def asks_for_a_refund(self, amount: str) -> None:
        payment = self.pick(self.payments)
        wanted = RefundIn.model_validate({"amount": amount, "counter": COUNTER, "reason": "moved away"})
        doing = self.billing.request_refund
        told = await self.give(lambda c: doing(self.clerk, c, payment, wanted))
        if told is not None:
            self.books.refunded(told, self.ground.shift)
            self.refunds.append(told.id)

    @rule(approves=one_of(True, True, False))
    async def decides_on_a_refund(self, approves: bool) -> None:
        refund = self.pick(self.refunds, lambda each: self.books.refunds[each].state == "requested")
        decide = self.billing.approve_refund if approves else self.billing.decline_refund
        told = await self.give(lambda c: decide(self.admin, c, refund))
        if told is not None:
            self.books.refunded(told, self.ground.shift)
