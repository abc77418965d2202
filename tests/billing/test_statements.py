"""Statements of account end with what the account says, whatever happened; and cash that was handed over."""

import itertools
import random
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import event, text

from hms_rt.app import Hospital
from hms_rt.departments.billing.model.statement import StatementKind
from hms_rt.departments.billing.repository import debtors
from hms_rt.departments.billing.schemas.accounts import InvoiceOut, PaymentOut, SettleIn
from hms_rt.departments.billing.schemas.papers import IssuerIn
from hms_rt.departments.billing.schemas.statements import StatementOut, StatementPaperQuery, StatementQuery
from hms_rt.departments.billing.service import stating
from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.departments.patients.schemas.merging import MergeIn, UndoMerge
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.languages import LANGUAGES
from hms_rt.kernel.principal import SYSTEM
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import BACK, WHY, Counter1, desk
from tests.billing.test_charges import failure
from tests.billing.test_papers import read, says
from tests.billing.test_refusals import Insurer
from tests.billing.test_shares import shares
from tests.conftest import command

__all__ = ["desk"]

D = Decimal
K = StatementKind
MANY = """
    INSERT INTO billing_invoice (id, facility, kind, number, patient_id, state, total, patient_part,
        payer_part, paid, credited, credits, created_at, created_by, issued_at, version, payer, owed)
    SELECT gen_random_uuid(), 'MAIN', kind, n, gen_random_uuid(), state, total, total, 0,
        CASE state WHEN 'paid' THEN 1 ELSE 0 END, 0, credits, now(),
        gen_random_uuid(), now(), 1, 'SELF', total
    FROM generate_series(1, 6000) n, LATERAL (
        SELECT 'credit_note' AS kind, 'issued' AS state, -1 AS total, gen_random_uuid() AS credits
            WHERE n % 40 = 1
        UNION ALL SELECT 'final', CASE n % 40 WHEN 0 THEN 'issued' ELSE 'paid' END, 1, NULL
            WHERE n % 40 <> 1) x
"""
"""One of forty is to be paid, and one a credit note, which stays issued."""


async def stated(till: Till, patient_id: uuid.UUID, **asked: object) -> StatementOut:
    """The statement, once its entries add up and, of everything, it ends as the account stands."""
    billing = till.services.billing
    query = StatementQuery.model_validate(asked)
    told = await billing.statement(till.clerk, command(), patient_id, query)
    balance = told.opening
    for one in told.entries:
        balance += one.amount
        assert balance == one.balance
    assert balance == told.closing
    if not asked:
        account = await billing.account(till.clerk, command(), patient_id)
        assert (told.opening, told.closing) == (D(0), account.due - account.deposit)
        assert told.unbilled == account.unbilled
    return told


async def test_a_statement_tells_every_paper_between_two_days(
    till: Till, desk: Counter1, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing, clerk, days = desk.billing, till.clerk, []
    insurer = Insurer(desk)
    issued, share = await insurer.issued()
    patient_id = issued.patient_id

    async def next_day() -> None:
        days.append((await stated(till, patient_id)).until)
        clock.advance(timedelta(days=1))

    await next_day()
    await desk.pay(patient_id, "10.00", issued.id, tendered="20.00")
    await desk.pay(patient_id, "30.00", means="card")
    await desk.pay(patient_id, "5.00", payer="AXA", means="transfer")
    clock.advance(timedelta(minutes=1))
    await billing.settle_invoice(clerk, command(), issued.id, SettleIn())
    await billing.settle_invoice(clerk, command(), share.id, SettleIn())
    await next_day()
    told = await insurer.refuses(share.id)
    charge = (await till.charges(patient_id))[0]
    await billing.reverse_charge(till.admin, command(), (await till.charge(patient_id)).id, BACK)
    await till.charge(patient_id)
    await next_day()
    later = await desk.invoice(patient_id)
    await billing.request_void(clerk, command(), later.id, WHY)
    await billing.void_invoice(till.admin, command(), later.id)
    await billing.reverse_charge(till.admin, command(), charge.id, BACK)
    await billing.credit_invoice(clerk, command(), issued.id)
    everything = await stated(till, patient_id)
    entries = [(one.kind, one.amount, one.settled) for one in everything.entries]
    assert entries[0] == (K.INVOICE, D("24.01"), D(0))
    assert sorted(entries[1:4]) == [(K.PAYMENT, D(amount), D(0)) for amount in (-30, -10, -5)]
    assert entries[4:7] == [
        (K.SETTLEMENT, D(0), D("14.01")),
        (K.SETTLEMENT, D(5), D(5)),
        (K.INVOICE, told.invoice.owed, D(0)),
    ]
    assert {K.VOID, K.CREDIT_NOTE} < {kind for kind, _, _ in entries[7:]}
    parts = [await stated(till, patient_id, since=day, until=day) for day in (*days, everything.until)]
    assert [one for part in parts for one in part.entries] == everything.entries
    for before, after in itertools.pairwise(parts):
        assert before.closing == after.opening
    assert (await stated(till, patient_id, until=days[0] - timedelta(days=1))).entries == []
    late = StatementQuery(since=everything.until + timedelta(days=1))
    await refused(Code.INVALID, billing.statement(clerk, command(), patient_id, late))
    await refused(Code.NOT_FOUND, billing.statement(clerk, command(), uuid.uuid4(), StatementQuery()))
    monkeypatch.setattr(stating, "MOST_ENTRIES", len(everything.entries) - 1)
    await refused(Code.INVALID, billing.statement(clerk, command(), patient_id, StatementQuery()))
    with pytest.raises(ValidationError, match="before since"):
        StatementQuery(since=date(2026, 2, 2), until=date(2026, 2, 1))


class Whatever:
    """Steps by chance on the account of one patient; some are refused."""

    def __init__(self, desk: Counter1, issued: InvoiceOut, dice: random.Random) -> None:
        self.desk, self.till, self.billing, self.dice = desk, desk.till, desk.billing, dice
        self.invoices, self.payments = [issued], list[PaymentOut]()

    async def charge(self, one: InvoiceOut) -> None:
        await self.till.charge(one.patient_id, str(self.dice.randint(1, 3)))
        self.invoices.append(await self.desk.invoice(one.patient_id))

    async def pay(self, one: InvoiceOut) -> None:
        payer, amount = self.dice.choice(["SELF", "AXA"]), f"{self.dice.randint(1, 30)}.05"
        self.payments.append(await self.desk.pay(one.patient_id, amount, payer=payer))

    async def settle(self, one: InvoiceOut) -> None:
        paper = self.dice.choice([one, *await shares(self.till, one)])
        await self.billing.settle_invoice(self.till.clerk, command(), paper.id, SettleIn())

    async def credit(self, one: InvoiceOut) -> None:
        listed = (await self.billing.invoice(self.till.clerk, command(), one.id)).charges
        await self.billing.reverse_charge(self.till.admin, command(), self.dice.choice(listed).id, BACK)
        await self.billing.credit_invoice(self.till.clerk, command(), one.id)

    async def void(self, one: InvoiceOut) -> None:
        await self.billing.request_void(self.till.clerk, command(), one.id, WHY)
        await self.billing.void_invoice(self.till.admin, command(), one.id)

    async def refund(self, one: InvoiceOut) -> None:
        paid = self.payments or [await self.desk.pay(one.patient_id, "2.00")]
        await self.desk.refund(self.dice.choice(paid).id, "1.05")

    async def step(self) -> bool:
        """Whether it was done."""
        steps = (self.charge, self.pay, self.settle, self.credit, self.void, self.refund)
        try:
            await self.dice.choice(steps)(self.dice.choice(self.invoices))
        except HmsError as error:
            if error.code not in {Code.CONFLICT, Code.ILLEGAL_MOVE}:
                raise
            return False
        return True


async def test_statements_end_as_the_account_stands_whatever_was_done(
    till: Till, desk: Counter1, clock: ManualClock
) -> None:
    dice = random.Random(20)
    issued, _ = await Insurer(desk).issued()
    chance, done = Whatever(desk, issued, dice), 0
    for _ in range(40):
        done += await chance.step()
        clock.advance(timedelta(hours=dice.choice([0, 1, 30])))
        told = await stated(till, issued.patient_id)
    assert done > 15
    assert {one.kind for one in told.entries} == set(StatementKind)


async def test_statements_stand_as_accounts_after_two_patients_were_one_for_a_while(
    till: Till, desk: Counter1, clock: ManualClock
) -> None:
    """What one patient's money paid of the other's meanwhile is told on both statements."""
    curie, ohm, patients = await till.patient(), await till.patient("Ohm"), till.services.patients
    await till.charge(curie)
    issued = await desk.invoice(curie)
    await desk.pay(ohm, "50.00")
    wanted = MergeIn(from_id=ohm, reason="twice")
    merged = await patients.merge(SYSTEM, command(), curie, wanted)
    clock.advance(timedelta(minutes=1))
    await desk.billing.settle_invoice(till.clerk, command(), issued.id, SettleIn())
    assert (await stated(till, curie)).closing == issued.owed - 50
    await patients.undo_merge(SYSTEM, command(), merged.id, UndoMerge(reason="two"))
    each = [await stated(till, whose) for whose in (curie, ohm)]
    assert [one.closing for one in each] == [D(0), issued.owed - 50]
    assert [one.entries[-1].kind for one in each] == [K.SETTLEMENT, K.SETTLEMENT]


async def test_statements_on_paper_in_every_language_and_of_a_restricted_patient(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, clerk, patient_id = desk.billing, till.clerk, await till.patient()
    await till.charge(patient_id)
    await desk.invoice(patient_id)
    deposit = await desk.pay(patient_id, "20.00", tendered="50.00")
    assert (str(deposit.tendered), str(deposit.change)) == ("50.00", "30.00")
    await till.charge(patient_id)

    async def paper() -> bytes:
        return await billing.statement_pdf(clerk, command(), patient_id, StatementPaperQuery())

    for language in LANGUAGES:
        await billing.set_issuer(till.admin, command(), IssuerIn(name="Spital", language=language))
        printed = await paper()
        assert read(printed)
        if language == "de":
            says(
                printed,
                "Kontoauszug",
                "Rechnung MAIN-1",
                "12,01",
                "Quittung MAIN-1",
                "-20,00",
                "Endsaldo -7,99",
            )
            says(printed, "Noch nicht berechnet 12,01", "Curie")
            receipt = await billing.receipt_pdf(clerk, command(), deposit.id)
            says(receipt, "Erhalten 20,00", "Gegeben 50,00", "Rückgeld 30,00")
    why = WhyIn(reason="a celebrity")
    await till.services.patients.restrict(till.admin, command(), patient_id, why)
    assert "Curie" not in read(await paper())
    audited = await query("SELECT count(*) AS n FROM audit_log WHERE action = 'statement.print'")
    assert audited[0].n == len(LANGUAGES) + 1
    elsewhere = StatementPaperQuery(facility="NORTH")
    await refused(Code.INVALID, billing.statement_pdf(clerk, command(), patient_id, elsewhere))


async def test_change_is_told_of_cash_that_covers_the_amount(
    till: Till, desk: Counter1, query: Query
) -> None:
    patient_id = await till.patient()
    for tendered, means in (("9.99", "cash"), ("20", "card")):
        with pytest.raises(ValidationError, match="tendered"):
            await desk.pay(patient_id, "10.00", tendered=tendered, means=means)
    await refused(Code.INVALID, desk.pay(patient_id, "10.00", tendered="10.005"))
    exact = await desk.pay(patient_id, "10.00", tendered="10.00")
    assert exact.change == 0
    card = await desk.pay(patient_id, "10.00", means="card")
    assert (card.tendered, card.change) == (None, None)
    (drawer,) = await query("SELECT cash - opening_cash AS taken FROM billing_shift")
    assert drawer.taken == 10
    copied = """
        INSERT INTO billing_payment SELECT (jsonb_populate_record(p, jsonb_build_object(
            'id', gen_random_uuid(), 'number', 99, 'tendered', {tendered}))).*
        FROM billing_payment p WHERE means = '{means}'
    """
    covers = "billing_payment_tendered_check"
    for attack, why in (
        ("UPDATE billing_payment SET tendered = 50 WHERE means = 'cash'", "tendered"),
        (copied.format(tendered="9.99", means="cash"), covers),
        (copied.format(tendered="20", means="card"), covers),
        (copied.format(tendered="10.005", means="cash"), "tendered"),
    ):
        assert why in str(await failure(query(attack))), attack


async def test_debtors_are_read_from_what_is_owed_alone(hospital: Hospital) -> None:
    """However many invoices were paid and credited: in the order of the list, by the partial index."""
    asked: list[tuple[str, Any]] = []

    def listen(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    async with hospital.engine.connect() as connection:
        event.listen(hospital.engine.sync_engine, "before_cursor_execute", listen)
        now = datetime.now(UTC)
        await debtors.page(connection, now, payer=None, facility=None, after=None, limit=51)
        event.remove(hospital.engine.sync_engine, "before_cursor_execute", listen)
        ((statement, parameters),) = (each for each in asked if "over_90" in each[0])
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(MANY))
        await connection.execute(text("ANALYZE billing_invoice"))
        found = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS off) {statement}", parameters)
        plan = "\n".join(row[0] for row in found)
    assert "billing_invoice_debt_idx" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "Filter" not in plan.replace("FILTER", ""), plan
