"""Invoices, payments, refunds and shifts: whatever is done, everything adds up to the cent."""

import random
import uuid
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.schemas.accounts import (
    CashierIn,
    InvoiceIn,
    InvoiceOut,
    IssueIn,
    PaymentIn,
    PaymentOut,
    RefundIn,
    SettleIn,
    ShiftClose,
    ShiftIn,
    ShiftOut,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.charges import ReverseCharge
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_charges import failure
from tests.conftest import command

D = Decimal
WHY = WhyVoid(reason="wrong payer")
BACK = ReverseCharge(reason="was not done")

LEDGER = """
    SELECT (SELECT coalesce(sum(gross), 0) FROM billing_charge) AS charged,
        (SELECT coalesce(sum(total), 0) FROM billing_invoice
            WHERE state <> 'void' AND share_of IS NULL) AS invoiced,
        (SELECT coalesce(sum(gross), 0) FROM billing_charge c
            WHERE NOT EXISTS (SELECT FROM billing_line l WHERE l.charge_id = c.id AND live)) AS unbilled,
        (SELECT coalesce(sum(amount), 0) FROM billing_payment
            WHERE state IN ('captured', 'refunded')) AS taken,
        (SELECT coalesce(sum(amount), 0) FROM billing_refund WHERE state = 'approved') AS given_back,
        (SELECT coalesce(sum(paid), 0) FROM billing_invoice) AS paid,
        (SELECT coalesce(sum(amount - allocated - refunded), 0) FROM billing_payment
            WHERE state = 'captured') AS deposits,
        (SELECT coalesce(sum(cash - opening_cash), 0) FROM billing_shift) AS cash
"""
NUMBERS = """
    SELECT series, array_agg(number ORDER BY number) AS given FROM (
        SELECT CASE kind WHEN 'credit_note' THEN 'credit_note' ELSE 'invoice' END AS series, number
            FROM billing_invoice WHERE number IS NOT NULL
        UNION ALL SELECT 'receipt', number FROM billing_payment WHERE number IS NOT NULL
        UNION ALL SELECT 'estimate', number FROM billing_estimate
        UNION ALL SELECT 'day', number FROM billing_day) n GROUP BY series
"""


async def adds_up(query: Query) -> Any:
    """The sums, once charges = invoices + unbilled, money = allocations + deposits, numbers have no gap."""
    (sums,) = await query(LEDGER)
    assert sums.charged == sums.invoiced + sums.unbilled
    assert sums.taken - sums.given_back == sums.paid + sums.deposits
    for row in await query(NUMBERS):
        assert row.given == list(range(1, len(row.given) + 1)), row.series
    twice = "SELECT 1 FROM billing_line WHERE live GROUP BY charge_id HAVING count(*) > 1"
    assert await query(twice) == []
    return sums


class Counter1:
    """What clerk and administrator do at counter C1."""

    def __init__(self, till: Till, shift: ShiftOut) -> None:
        self.till, self.shift, self.billing = till, shift, till.services.billing

    async def invoice(self, patient_id: uuid.UUID) -> InvoiceOut:
        wanted = InvoiceIn(patient_id=patient_id)
        draft = await self.billing.draft_invoice(self.till.clerk, command(), wanted)
        return await self.issue(draft.id)

    async def issue(self, invoice_id: uuid.UUID) -> InvoiceOut:
        return await self.billing.issue_invoice(self.till.clerk, command(), invoice_id, IssueIn(counter="C1"))

    async def pay(
        self, patient_id: uuid.UUID, amount: str, invoice_id: uuid.UUID | None = None, **said: Any
    ) -> PaymentOut:
        body = {"patient_id": patient_id, "amount": amount, "counter": "C1", "means": "cash", **said}
        if invoice_id is not None:
            body["invoice_id"] = invoice_id
        return await self.billing.take_payment(self.till.clerk, command(), PaymentIn.model_validate(body))

    async def refund(self, payment_id: uuid.UUID, amount: str) -> None:
        body = {"amount": amount, "counter": "C1", "reason": "moved away"}
        asked = await self.billing.request_refund(
            self.till.clerk, command(), payment_id, RefundIn.model_validate(body)
        )
        await refused(Code.FORBIDDEN, self.billing.approve_refund(self.till.clerk, command(), asked.id))
        await self.billing.approve_refund(self.till.admin, command(), asked.id)


@pytest_asyncio.fixture
async def desk(till: Till) -> Counter1:
    billing = till.services.billing
    await till.price("DRESS", "10.005", tax_rate="20")
    await billing.define_cashier(till.admin, command(), CashierIn(code="C1", name="Counter 1"))
    opened = await billing.open_cashier_shift(
        till.clerk, command(), "C1", ShiftIn.model_validate({"opening_cash": "50.00"})
    )
    return Counter1(till, opened)


async def test_from_charge_to_receipt_credit_and_refund(till: Till, desk: Counter1, query: Query) -> None:
    billing, patient_id = desk.billing, await till.patient()
    charge = await till.charge(patient_id, "2")
    await till.charge(patient_id)
    assert (str(charge.gross), str(charge.net)) == ("24.01", "20.01")
    issued = await desk.invoice(patient_id)
    assert (issued.number, issued.state, str(issued.due)) == (1, "issued", "36.02")
    await refused(Code.CONFLICT, desk.invoice(patient_id))
    await refused(Code.CONFLICT, desk.pay(patient_id, "36.03", issued.id))
    await refused(Code.INVALID, desk.pay(patient_id, "1.005", issued.id))
    first = await desk.pay(patient_id, "6.02", issued.id)
    deposit = await desk.pay(patient_id, "40", means="card")
    paid = await billing.settle_invoice(till.clerk, command(), issued.id, SettleIn())
    assert (paid.state, str(paid.due)) == ("paid", "0")
    await refused(Code.ILLEGAL_MOVE, desk.pay(patient_id, "1", issued.id))
    await refused(Code.CONFLICT, billing.credit_invoice(till.clerk, command(), issued.id))
    await refused(Code.CONFLICT, desk.refund(first.id, "1.00"))
    await billing.reverse_charge(till.admin, command(), charge.id, BACK)
    note = await billing.credit_invoice(till.clerk, command(), issued.id)
    assert (note.number, str(note.total), note.credits) == (1, "-24.01", issued.id)
    account = await billing.account(till.clerk, command(), patient_id)
    assert (str(account.deposit), str(account.due), str(account.unbilled)) == ("34.01", "0.00", "0.00")
    await desk.refund(deposit.id, "34.01")
    pending = await desk.pay(patient_id, "5", means="transfer", pending=True)
    await billing.fail_payment(till.clerk, command(), pending.id)
    await refused(Code.ILLEGAL_MOVE, billing.capture_payment(till.clerk, command(), pending.id))
    sums = await adds_up(query)
    assert (str(sums.cash), str(sums.invoiced)) == ("6.02", "12.01")
    wrong = ShiftClose.model_validate({"counted": "56.00"})
    await refused(Code.CONFLICT, billing.close_cashier_shift(till.clerk, command(), desk.shift.id, wrong))
    card = [{"means": "card", "counted": "5.99"}]
    right = ShiftClose.model_validate({"counted": "56.02", "means": card})
    closed = await billing.close_cashier_shift(till.clerk, command(), desk.shift.id, right)
    assert (str(closed.cash), str(closed.difference)) == ("56.02", "0.00")
    await refused(Code.CONFLICT, desk.pay(patient_id, "1"))


async def test_a_void_takes_two_people_and_frees_the_charges(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, patient_id = desk.billing, await till.patient()
    charge = await till.charge(patient_id)
    issued = await desk.invoice(patient_id)
    await refused(Code.CONFLICT, billing.void_invoice(till.admin, command(), issued.id))
    await billing.request_void(till.admin, command(), issued.id, WHY)
    await refused(Code.FORBIDDEN, billing.void_invoice(till.admin, command(), issued.id))
    await billing.request_void(till.clerk, command(), issued.id, WHY)
    void = await billing.void_invoice(till.admin, command(), issued.id)
    assert (void.state, void.number) == ("void", 1)
    await refused(Code.ILLEGAL_MOVE, desk.pay(patient_id, "1", issued.id))
    draft = await billing.draft_invoice(till.clerk, command(), InvoiceIn(patient_id=patient_id))
    await billing.reverse_charge(till.admin, command(), charge.id, BACK)
    seen = await billing.invoice(till.clerk, command(), draft.id)
    assert (str(seen.total), seen.version) == ("0.00", 2)
    await billing.discard_invoice(till.clerk, command(), draft.id)
    assert (await adds_up(query)).invoiced == 0


class Chaos:
    """One thing after the other, of all that can be done, about two patients."""

    def __init__(self, desk: Counter1, query: Query, patients: list[uuid.UUID]) -> None:
        self.desk, self.query, self.patients = desk, query, patients
        self.chance = random.Random(7)

    async def one_of(self, table: str, patient_id: uuid.UUID) -> uuid.UUID:
        """Some row of the patient; an unknown id if there is none."""
        rows = await self.query(
            f"SELECT id FROM billing_{table} WHERE patient_id = :id ORDER BY id", id=patient_id
        )
        return uuid.UUID(str(self.chance.choice(rows).id)) if rows else uuid.uuid4()

    async def paper_for(self, what: str, patient_id: uuid.UUID) -> uuid.UUID:
        """Mostly an invoice with which it can be done, sometimes any."""
        if self.chance.random() < 0.2:
            return await self.one_of("invoice", patient_id)
        rows = await self.query(
            "SELECT id FROM billing_invoice WHERE patient_id = :id AND state = ANY(:states) ORDER BY id",
            id=patient_id,
            states=FITS.get(what, ["paid", "part_paid"]),
        )
        return uuid.UUID(str(self.chance.choice(rows).id)) if rows else uuid.uuid4()

    async def do(self, what: str) -> None:
        desk, billing, clerk = self.desk, self.desk.billing, self.desk.till.clerk
        patient_id = self.chance.choice(self.patients)
        paper = await self.paper_for(what, patient_id)
        amount = str(D(self.chance.randrange(1, 3000)).scaleb(-2))
        match what:
            case "charge":
                await desk.till.charge(patient_id, str(self.chance.randrange(1, 5)))
            case "reverse":
                charge = await self.one_of("charge", patient_id)
                await billing.reverse_charge(desk.till.admin, command(), charge, BACK)
            case "draft":
                await billing.draft_invoice(clerk, command(), InvoiceIn(patient_id=patient_id))
            case "issue":
                await desk.issue(paper)
            case "pay":
                await desk.pay(patient_id, amount, paper, means=self.chance.choice(list(Means)))
            case "deposit":
                await desk.pay(patient_id, amount)
            case "settle":
                await billing.settle_invoice(clerk, command(), paper, SettleIn())
            case "refund":
                payment = await self.one_of("payment", patient_id)
                await desk.refund(payment, str(D(self.chance.randrange(1, 200)).scaleb(-2)))
            case _:
                await self._take_back(what, paper)

    async def _take_back(self, what: str, paper: uuid.UUID) -> None:
        billing, clerk = self.desk.billing, self.desk.till.clerk
        match what:
            case "discard":
                await billing.discard_invoice(clerk, command(), paper)
            case "ask":
                await billing.request_void(clerk, command(), paper, WHY)
            case "void":
                await billing.void_invoice(self.desk.till.admin, command(), paper)
            case "credit":
                await billing.credit_invoice(clerk, command(), paper)


DEEDS = (
    "charge",
    "reverse",
    "draft",
    "issue",
    "pay",
    "deposit",
    "settle",
    "discard",
    "ask",
    "void",
    "credit",
)
FITS = {
    "issue": ["draft"],
    "discard": ["draft"],
    "pay": ["issued", "part_paid"],
    "settle": ["issued", "part_paid"],
    "ask": ["issued"],
    "void": ["issued"],
}
MAY_REFUSE = {Code.CONFLICT, Code.ILLEGAL_MOVE, Code.NOT_FOUND}


async def test_whatever_is_done_in_whatever_order_adds_up(till: Till, desk: Counter1, query: Query) -> None:
    chaos = Chaos(desk, query, [await till.patient() for _ in range(2)])
    done: Counter[str] = Counter()
    refusals: set[Code] = set()
    for _ in range(200):
        what = chaos.chance.choice(["charge", "draft", "issue", "pay", *DEEDS, "refund", "refund"])
        try:
            await chaos.do(what)
            done[what] += 1
        except HmsError as error:
            refusals.add(error.code)
        await adds_up(query)
    assert refusals <= MAY_REFUSE
    assert {*DEEDS, "refund"} - set(done) <= {"void", "credit", "ask"}, done


ATTACKS = (
    "UPDATE billing_invoice SET paid = paid + 1, state = 'part_paid'",
    "UPDATE billing_invoice SET total = 1, patient_part = 1",
    "UPDATE billing_invoice SET state = 'draft', number = NULL, issued_at = NULL",
    "UPDATE billing_invoice SET state = 'void', voided_by = created_by, voided_at = now()",
    "UPDATE billing_invoice SET state = 'void', void_requested_by = created_by, void_reason = 'x',"
    " voided_by = created_by, voided_at = now()",
    "UPDATE billing_line SET live = false",
    "UPDATE billing_line SET gross = 0",
    "INSERT INTO billing_line SELECT gen_random_uuid(), invoice_id, charge_id, gross, payer_part,"
    " patient_part, true FROM billing_line",
    "UPDATE billing_payment SET amount = amount + 1",
    "UPDATE billing_payment SET state = 'refunded', refunded = amount",
    "UPDATE billing_payment SET allocated = 1",
    "UPDATE billing_payment SET allocated = amount + 1",
    "INSERT INTO billing_allocation SELECT gen_random_uuid(), p.id, i.id, 1, now(), p.id"
    " FROM billing_payment p, billing_invoice i",
    "INSERT INTO billing_payment_event SELECT payment_id, 3, 'refund_rest', 'captured', 'refunded', amount,"
    " now(), now(), recorded_by FROM billing_payment_event WHERE position = 2",
    "INSERT INTO billing_payment_event SELECT payment_id, 3, 'capture', 'captured', 'captured', amount,"
    " now(), now(), recorded_by FROM billing_payment_event WHERE position = 2",
    "UPDATE billing_payment_event SET amount = 1",
    "UPDATE billing_refund SET state = 'approved', decided_by = requested_by, decided_at = now()",
    "UPDATE billing_refund SET state = 'approved', decided_by = gen_random_uuid(), decided_at = now()",
    "UPDATE billing_refund SET amount = 2",
    "UPDATE billing_shift SET cash = cash - 1",
    "UPDATE billing_shift SET cashier = gen_random_uuid()",
    "UPDATE billing_shift SET closed_at = now(), counted = cash, difference = 1",
    "INSERT INTO billing_shift SELECT gen_random_uuid(), facility, counter, gen_random_uuid(), now(), 0, 0"
    ", NULL, NULL, NULL, NULL, 1, current_date + 1 FROM billing_shift",
    *(
        f"DELETE FROM billing_{name}"
        for name in ("invoice", "line", "payment", "refund", "shift", "allocation")
    ),
)


async def test_the_database_holds_every_sum_to_its_rows(till: Till, desk: Counter1, query: Query) -> None:
    patient_id = await till.patient()
    await till.charge(patient_id)
    await desk.invoice(patient_id)
    deposit = await desk.pay(patient_id, "10.00")
    asked = RefundIn.model_validate({"amount": "1.00", "counter": "C1", "reason": "moved away"})
    await desk.billing.request_refund(till.clerk, command(), deposit.id, asked)
    await adds_up(query)
    for attack in ATTACKS:
        told = await failure(query(attack))
        assert sqlstate(told) in {"23001", "23505", "23514"}, (attack, told)
    await adds_up(query)


def test_numbers_are_read_as_they_are_given() -> None:
    with pytest.raises(ValueError, match="quotes"):
        ShiftIn.model_validate({"opening_cash": 50})
