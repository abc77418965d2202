"""Payers' invoices: paid in parts, refused, appealed; they follow the patient's, as rules of the machine."""

import uuid
from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import text

from hms_rt.departments.billing.schemas.accounts import (
    InvoiceIn,
    InvoiceOut,
    InvoiceQuery,
    IssueIn,
    PaymentIn,
    SettleIn,
)
from hms_rt.departments.billing.schemas.charges import ChargeIn
from hms_rt.departments.billing.schemas.refusals import RefusalIn
from hms_rt.departments.billing.schemas.tariffs import CoverageIn
from tests.conftest import command
from tests.money.machine import amounts, one_of, quantities, rule
from tests.money.money_rules import BACK, COUNTER, TO_PAY, MoneyCommands

PARTS = """
    SELECT c.payer, sum(l.payer_part) AS part FROM billing_line l JOIN billing_charge c ON c.id = l.charge_id
    WHERE l.invoice_id = :id AND l.live GROUP BY c.payer HAVING sum(l.payer_part) <> 0
"""
SHARES = "SELECT id, payer FROM billing_invoice WHERE share_of = :id AND kind = 'payer'"
STANDING = """
    SELECT l.charge_id FROM billing_line l JOIN billing_charge c ON c.id = l.charge_id
    WHERE l.invoice_id = :id AND l.live AND c.kind = 'procedure' AND c.reverses IS NULL
        AND c.reversed_by IS NULL ORDER BY l.charge_id LIMIT 1
"""
COVERED = "SELECT payer FROM billing_coverage WHERE patient_id = :id"
SINCE = {"HEK": "2019-01-01", "AOK": "2020-01-01"}
"""The last one counts; what it refuses may be asked of the other."""
PARTLY = one_of(None, None, "0.01", "3.33")
REMITTED = one_of(None, None, "0.01", "2")


class PayerCommands(MoneyCommands):
    """One patient at least is insured, twice."""

    async def begin(self) -> None:
        self.claims: list[uuid.UUID] = []
        await super().begin()
        patient = self.patients[0]
        for payer, since in SINCE.items():
            wanted = CoverageIn.model_validate({"payer": payer, "since": since})
            await self.services.billing.cover(self.clerk, command(), patient, wanted)
        await self._billed(patient, "7.25")

    def _claim(self) -> uuid.UUID:
        """Mostly something that is due."""
        return self.pick(self.claims, lambda each: self.books.claims.papers[each].state in TO_PAY)

    # --- with the patient's

    async def issued(self, told: InvoiceOut) -> None:
        await super().issued(told)
        async with self.ground.aside.connect() as connection:
            rows = await connection.execute(text(SHARES), {"id": told.id})
            made = {row.payer: row.id for row in rows}
        self.books.claims.asked(told, await self._parts(told.id), made)
        self.claims += made.values()

    async def _parts(self, paper: uuid.UUID) -> Mapping[str, Decimal]:
        """What payers owe of what is on it."""
        async with self.ground.aside.connect() as connection:
            return {row.payer: row.part for row in await connection.execute(text(PARTS), {"id": paper})}

    async def credited(self, told: InvoiceOut) -> None:
        await super().credited(told)
        assert told.credits is not None
        parts = {payer: -part for payer, part in (await self._parts(told.id)).items()}
        self.books.claims.credited(told.credits, parts)

    @rule(3, quantity=quantities)
    async def bills_who_is_insured(self, quantity: str) -> None:
        await self._billed(self.patients[0], quantity)

    async def _billed(self, patient: uuid.UUID, quantity: str) -> None:
        """Charged, drafted and issued, as far as nobody is in the way."""
        said = {"patient_id": patient, "service": "DRESS", "quantity": quantity, "reason": "told"}
        wanted = ChargeIn.model_validate(said)
        charge = await self.give(lambda c: self.billing.raise_charge(self.clerk, c, wanted))
        assert charge is not None
        self.books.charged(charge)
        self.charges.append(charge.id)
        self.owe.append(patient)
        new = InvoiceIn(patient_id=patient)
        draft = await self.give(lambda c: self.billing.draft_invoice(self.clerk, c, new))
        if draft is None:
            return
        await self._drafted(draft)
        how = IssueIn(counter=COUNTER)
        told = await self.give(lambda c: self.billing.issue_invoice(self.clerk, c, draft.id, how))
        if told is not None:
            await self.issued(told)

    def _was_refused(self, paper: uuid.UUID) -> bool:
        """Something of what a payer was asked for with it."""
        papers = self.books.claims.papers
        asked = {key for key, one in papers.items() if one.follows == paper}
        return any(one.follows in asked for one in papers.values())

    @rule(5)
    async def was_charged_wrongly(self) -> None:
        """A charge on an issued invoice is reversed, and the invoice credited, if nobody is in the way."""
        paper = self.pick(self.invoices, self._was_refused)
        async with self.ground.aside.connect() as connection:
            row = (await connection.execute(text(STANDING), {"id": paper})).first()
        if row is None or row.charge_id not in self.books.charges:
            return
        doing = self.billing.reverse_charge
        told = await self.give(lambda c: doing(self.admin, c, row.charge_id, BACK))
        if told is None:
            return
        self.books.reversed(told)
        note = await self.give(lambda c: self.billing.credit_invoice(self.clerk, c, paper))
        if note is not None:
            await self.credited(note)

    # --- by themselves

    @rule(3, amount=amounts, deposit=one_of(True, False, False))
    async def a_payer_pays(self, amount: str, deposit: bool) -> None:
        """A part, more than is due, or something for later."""
        claim = self._claim()
        known = self.books.claims.papers.get(claim)
        if known is None:
            return
        said = {"patient_id": known.patient, "payer": known.payer, "counter": COUNTER, "means": "transfer"}
        paid = str(known.due) if known.due > 0 and self.chance.random() < 0.3 else amount
        wanted = PaymentIn.model_validate({**said, "amount": paid, "invoice_id": None if deposit else claim})
        await self._paid(wanted, [await self.give(lambda c: self._take(c, wanted))])

    @rule(amount=one_of(None, "0.01", "5"))
    async def settles_a_claim(self, amount: str | None) -> None:
        """From what the payer paid before."""
        claim, wanted = self._claim(), SettleIn.model_validate({"amount": amount})
        told = await self.give(lambda c: self.billing.settle_invoice(self.clerk, c, claim, wanted))
        if told is not None:
            paper = self.books.claims.papers[claim]
            paid = told.paid - paper.paid
            assert paid == Decimal(amount) if amount is not None else paid > 0
            paper.settle(paid)
            paper.shows(told)

    @rule(5, amount=one_of(None, None, "0.01", "3.33"), to_patient=one_of(True, True, False), came=REMITTED)
    async def refuses(self, amount: str | None, to_patient: bool, came: str | None) -> None:
        """The payer remits something, and refuses the rest or a part of it; somebody else owes it now."""
        claim = self._claim()
        by = await self._owes_now(claim, to_patient=to_patient)
        said = {"reason": "not covered, code 96", "payer": by, "amount": amount}
        remitted = {"counter": COUNTER, "amount": came} if came is not None else None
        wanted = RefusalIn.model_validate({**said, "remitted": remitted})
        told = await self.give(lambda c: self.billing.refuse_invoice(self.clerk, c, claim, wanted))
        if told is None:
            return
        assert told.payer == by
        assert (told.payment is None) == (came is None)
        if told.payment is not None:
            assert told.payment.amount == Decimal(came or 0)
            self.books.paid(told.payment, claim)
            self.payments.append(told.payment.id)
        self.books.claims.refused(told, amount)
        self.books.notes[told.credit_note.id] = told.credit_note.owed
        self.claims.append(told.invoice.id)

    async def _owes_now(self, claim: uuid.UUID, *, to_patient: bool) -> str:
        """The patient, or another payer of the patient's."""
        known = self.books.claims.papers.get(claim)
        if known is None or (to_patient and known.payer != "SELF"):
            return "SELF"
        async with self.ground.aside.connect() as connection:
            rows = await connection.execute(text(COVERED), {"id": known.patient})
            others = {"SELF", *(str(row.payer) for row in rows)} - {known.payer}
        return self.chance.choice(sorted(others))

    @rule(2)
    async def reads_what_is_owed(self) -> None:
        """Whoever is to pay it."""
        query = InvoiceQuery(patient_id=self.pick(self.patients))
        page = await self.services.billing.invoices(self.clerk, command(), query)
        for told in page.items:
            paper = self.books.claims.papers.get(told.id)
            if paper is not None:
                paper.shows(told)
