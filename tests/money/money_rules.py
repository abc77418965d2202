"""The commands of billing, as rules of the machine."""

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.schemas.accounts import (
    InvoiceIn,
    IssueIn,
    PaymentIn,
    RefundIn,
    SettleIn,
    ShiftClose,
    ShiftIn,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.charges import ChargeIn, PriceCharge, ReverseCharge
from hms_rt.departments.billing.schemas.tariffs import CoverageIn, PriceIn
from tests.money.machine import Commands, amounts, messages, picks, quantities, troubles
from tests.money.trouble import Trouble

COUNTER = "C1"
BACK = ReverseCharge(reason="was not done")
means = st.sampled_from([Means.CASH, Means.CASH, Means.CARD])


class MoneyCommands(Commands):
    """Charges, invoices, payments, refunds and shifts at one counter."""

    @initialize()
    def the_counter_opens(self) -> None:
        if not self.ground.shift.int:
            self._open(Trouble.NONE, 0)

    def _open(self, trouble: Trouble, after: int) -> None:
        told = ShiftIn.model_validate({"opening_cash": "50.00"})
        shift = self.give(
            "open_shift",
            lambda c: self.billing.open_cashier_shift(self.clerk, c, COUNTER, told),
            trouble,
            after,
        )
        if shift is not None:
            self.books.shift(shift)
            self.ground.shift = shift.id

    @rule(seldom=st.integers(0, 4), trouble=troubles, after=messages)
    def counts_the_drawer(self, seldom: int, trouble: Trouble, after: int) -> None:
        if seldom == 0:
            said = {"counted": str(self.books.drawers[self.ground.shift][0])}
            told, shift = ShiftClose.model_validate(said), self.ground.shift
            closed = self.give(
                "close_shift",
                lambda c: self.billing.close_cashier_shift(self.clerk, c, shift, told),
                trouble,
                after,
            )
            if closed is not None:
                assert closed.difference == 0
                self.books.shift(closed)
            self._open(trouble, after)

    @rule(number=picks, unpriced=st.booleans(), quantity=quantities, trouble=troubles, after=messages)
    def charges_by_hand(
        self, number: int, unpriced: bool, quantity: str, trouble: Trouble, after: int
    ) -> None:
        said = {"patient_id": self.pick(self.patients, number), "quantity": quantity}
        wanted = ChargeIn.model_validate({**said, "service": "SUTURE" if unpriced else "DRESS"})
        told = self.give("charge", lambda c: self.billing.raise_charge(self.clerk, c, wanted), trouble, after)
        if told is not None:
            self.books.charged(told)
            self.charges.append(told.id)

    @rule(number=picks, trouble=troubles, after=messages)
    def prices(self, number: int, trouble: Trouble, after: int) -> None:
        charge, wanted = self.pick(self.charges, number), PriceCharge()
        told = self.give(
            "price", lambda c: self.billing.price_charge(self.clerk, c, charge, wanted), trouble, after
        )
        if told is not None:
            self.books.charged(told)

    @rule(number=picks, trouble=troubles, after=messages)
    def reverses(self, number: int, trouble: Trouble, after: int) -> None:
        charge = self.pick(self.charges, number)
        told = self.give(
            "reverse", lambda c: self.billing.reverse_charge(self.admin, c, charge, BACK), trouble, after
        )
        if told is not None:
            self.books.reversed(told)

    @rule(number=picks, share=st.sampled_from(["SELF", "AOK"]), trouble=troubles)
    def covers(self, number: int, share: str, trouble: Trouble) -> None:
        patient = self.pick(self.patients, number)
        wanted = CoverageIn.model_validate({"payer": share, "since": "2020-01-01"})
        self.give("cover", lambda c: self.billing.cover(self.clerk, c, patient, wanted), trouble)

    @rule(day=st.integers(0, 3), price=st.sampled_from(["0.005", "10.005", "9.99"]), trouble=troubles)
    def sets_a_price(self, day: int, price: str, trouble: Trouble) -> None:
        said = {"service": "SUTURE", "unit_price": price, "tax_rate": "19", "payer_share": "33.333"}
        wanted = PriceIn.model_validate({**said, "payer": "AOK", "valid_from": self.in_days(-day)})
        self.give("set_price", lambda c: self.billing.set_price(self.admin, c, wanted), trouble)

    # --- invoices

    @rule(number=picks, trouble=troubles, after=messages)
    def drafts(self, number: int, trouble: Trouble, after: int) -> None:
        wanted = InvoiceIn(patient_id=self.pick(self.patients, number))
        told = self.give("draft", lambda c: self.billing.draft_invoice(self.clerk, c, wanted), trouble, after)
        if told is not None:
            self.books.invoiced(told)
            self.invoices.append(told.id)

    @rule(number=picks, trouble=troubles, after=messages)
    def issues(self, number: int, trouble: Trouble, after: int) -> None:
        paper, how = self.pick(self.invoices, number), IssueIn(counter=COUNTER)
        told = self.give(
            "issue", lambda c: self.billing.issue_invoice(self.clerk, c, paper, how), trouble, after
        )
        if told is not None:
            self.books.invoiced(told)

    @rule(number=picks, what=st.sampled_from(["discard", "request_void", "void", "void"]), trouble=troubles)
    def takes_back_an_invoice(self, number: int, what: str, trouble: Trouble) -> None:
        paper, why = self.pick(self.invoices, number), WhyVoid(reason="wrong payer")
        doing = {
            "discard": lambda c: self.billing.discard_invoice(self.clerk, c, paper),
            "request_void": lambda c: self.billing.request_void(self.clerk, c, paper, why),
            "void": lambda c: self.billing.void_invoice(self.admin, c, paper),
        }
        told = self.give(what, doing[what], trouble)
        if told is not None:
            self.books.invoiced(told)

    @rule(number=picks, trouble=troubles, after=messages)
    def credits(self, number: int, trouble: Trouble, after: int) -> None:
        paper = self.pick(self.invoices, number)
        told = self.give(
            "credit", lambda c: self.billing.credit_invoice(self.clerk, c, paper), trouble, after
        )
        if told is not None:
            self.books.credited(told)

    @rule(number=picks, amount=st.one_of(st.none(), amounts), trouble=troubles, after=messages)
    def settles(self, number: int, amount: str | None, trouble: Trouble, after: int) -> None:
        paper = self.pick(self.invoices, number)
        wanted = SettleIn.model_validate({} if amount is None else {"amount": amount})
        told = self.give(
            "settle", lambda c: self.billing.settle_invoice(self.clerk, c, paper, wanted), trouble, after
        )
        if told is not None:
            self.books.invoiced(told)

    # --- money

    def _payment(self, number: int, amount: str, how: Means, *, deposit: bool) -> PaymentIn:
        said = {"counter": COUNTER, "means": how, "amount": amount}
        open_papers = [
            key for key in self.invoices if self.books.invoices[key].state in ("issued", "part_paid")
        ]
        if deposit or not open_papers:
            return PaymentIn.model_validate({**said, "patient_id": self.pick(self.patients, number)})
        paper = open_papers[number % len(open_papers)]
        whose = {"patient_id": self.books.invoices[paper].patient, "invoice_id": paper}
        return PaymentIn.model_validate({**said, **whose})

    @rule(number=picks, amount=amounts, how=means, deposit=st.booleans(), trouble=troubles, after=messages)
    def pays(self, number: int, amount: str, how: Means, deposit: bool, trouble: Trouble, after: int) -> None:
        wanted = self._payment(number, amount, how, deposit=deposit)
        told = self.give("pay", lambda c: self.billing.take_payment(self.clerk, c, wanted), trouble, after)
        if told is not None:
            self.books.paid(told, wanted.invoice_id)
            self.payments.append(told.id)

    @rule(number=picks, amount=amounts, comes=st.booleans(), trouble=troubles, after=messages)
    def announces_money(self, number: int, amount: str, comes: bool, trouble: Trouble, after: int) -> None:
        said = {"patient_id": self.pick(self.patients, number), "counter": COUNTER, "means": "transfer"}
        wanted = PaymentIn.model_validate({**said, "amount": amount, "pending": True})
        pending = self.give(
            "announce", lambda c: self.billing.take_payment(self.clerk, c, wanted), trouble, after
        )
        if pending is None:
            return
        self.books.paid(pending, None)
        self.payments.append(pending.id)
        decide = self.billing.capture_payment if comes else self.billing.fail_payment
        told = self.give(
            "capture" if comes else "fail", lambda c: decide(self.clerk, c, pending.id), trouble, after
        )
        if told is not None:
            self.books.payments[told.id] = told

    @rule(number=picks, amount=amounts, trouble=troubles, after=messages)
    def asks_for_a_refund(self, number: int, amount: str, trouble: Trouble, after: int) -> None:
        payment = self.pick(self.payments, number)
        said = {"amount": amount, "counter": COUNTER, "reason": "moved away"}
        wanted = RefundIn.model_validate(said)
        told = self.give(
            "request_refund",
            lambda c: self.billing.request_refund(self.clerk, c, payment, wanted),
            trouble,
            after,
        )
        if told is not None:
            self.books.refunded(told, self.ground.shift)
            self.refunds.append(told.id)
            self.shifts_of_refunds[told.id] = self.ground.shift

    @rule(number=picks, approves=st.booleans(), trouble=troubles, after=messages)
    def decides_on_a_refund(self, number: int, approves: bool, trouble: Trouble, after: int) -> None:
        refund = self.pick(self.refunds, number)
        decide = self.billing.approve_refund if approves else self.billing.decline_refund
        told = self.give(
            "approve_refund" if approves else "decline_refund",
            lambda c: decide(self.admin, c, refund),
            trouble,
            after,
        )
        if told is not None:
            self.books.refunded(told, self.shifts_of_refunds[refund])

    @rule(number=picks, amount=amounts, deposit=st.booleans())
    def three_cashiers_at_once(self, number: int, amount: str, deposit: bool) -> None:
        wanted = self._payment(number, amount, Means.CASH, deposit=deposit)
        for told in self.at_once(*[lambda c: self.billing.take_payment(self.clerk, c, wanted)] * 3):
            if told is not None:
                self.books.paid(told, wanted.invoice_id)
                self.payments.append(told.id)

    @rule(number=picks)
    def three_drafts_at_once(self, number: int) -> None:
        wanted = InvoiceIn(patient_id=self.pick(self.patients, number))
        made = self.at_once(*[lambda c: self.billing.draft_invoice(self.clerk, c, wanted)] * 3)
        told = [one for one in made if one is not None]
        assert len(told) <= 1, "charged twice"
        for one in told:
            assert one.total >= Decimal(0)
            self.books.invoiced(one)
            self.invoices.append(one.id)
