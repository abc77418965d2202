"""Papers of the books: who owes what; what payers are asked for, pay and refuse."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hms_rt.departments.billing.schemas.accounts import InvoiceOut
from hms_rt.departments.billing.schemas.refusals import RefusedOut

Id = uuid.UUID
ZERO = Decimal(0)
CLAIMS = """
    SELECT id, payer, state, owed, paid, credited FROM billing_invoice WHERE kind IN ('payer', 'refused')
"""


@dataclass
class Paper:
    """An invoice: of whom, how it stands."""

    patient: Id
    state: str
    owed: Decimal
    paid: Decimal = ZERO
    credited: Decimal = ZERO
    payer: str = "SELF"
    follows: Id | None = None
    """The patient's invoice of which it is a payer's part, or the one that was refused."""

    @property
    def due(self) -> Decimal:
        """Still to be paid."""
        return self.owed - self.paid - self.credited

    def settle(self, amount: Decimal) -> None:
        """So much more was paid."""
        self.paid += amount
        assert self.due >= 0, "paid more than is due"
        self.state = "part_paid" if self.due else "paid"

    def credit(self, amount: Decimal) -> None:
        """So much is not owed: what was paid beyond is a deposit again."""
        self.credited += amount
        self.paid -= max(ZERO, -self.due)
        settled = self.paid + self.credited
        self.state = "paid" if settled == self.owed else "part_paid" if settled else "issued"

    def shows(self, told: InvoiceOut) -> None:
        """What somebody was told of it is so."""
        due = self.due if self.state in ("issued", "part_paid") else ZERO
        said = (told.state, told.owed, told.paid, told.credited, told.due, told.payer)
        known = (self.state, self.owed, self.paid, self.credited, due, self.payer)
        assert said == known, f"told {said}, is {known}"


@dataclass
class Claims:
    """Payers' invoices, and what asks somebody else for what a payer refused."""

    papers: dict[Id, Paper] = field(default_factory=dict)

    def asked(self, told: InvoiceOut, parts: Mapping[str, Decimal], made: Mapping[str, Id]) -> None:
        """The patient's invoice was issued: each payer gets one for the payer's ``parts`` of its charges."""
        assert sum(parts.values(), ZERO) == told.payer_part == told.total - told.owed
        assert parts.keys() == made.keys(), "a payer was not asked, or one who owes nothing"
        for payer, each in made.items():
            paper = Paper(told.patient_id, "issued", parts[payer], payer=payer, follows=told.id)
            self.papers[each] = paper

    def voided(self, invoice: Id) -> None:
        """With the patient's."""
        for share in self._of(invoice).values():
            assert share.state == "issued", "void, though the payer paid or refused"
            share.state = "void"

    def credited(self, invoice: Id, parts: Mapping[str, Decimal]) -> None:
        """Charges were reversed: ``parts`` by who was asked first; what was refused since goes first."""
        shares = self._of(invoice)
        assert parts.keys() <= {one.payer for one in shares.values()}, "credited who never owed it"
        for key, share in shares.items():
            left = parts.get(share.payer, ZERO)
            for asked in (*(self.papers[one] for one in sorted(self._moved(key), reverse=True)), share):
                amount = min(left, asked.owed - asked.credited)
                if amount:
                    asked.credit(amount)
                    left -= amount
            assert not left, "more was credited than was ever owed"

    def refused(self, told: RefusedOut, wanted: str | None) -> None:
        """What was remitted is paid already; the amount moves, and nothing is lost."""
        paper = self.papers[told.invoice_id]
        amount = paper.due if wanted is None else Decimal(wanted)
        assert 0 < amount <= paper.due, "more was refused than is due"
        assert told.amount == told.invoice.owed == -told.credit_note.owed == amount
        assert told.credit_note.credits == told.invoice_id
        paper.credit(amount)
        paper.shows(told.refused)
        asked = Paper(paper.patient, "issued", amount, payer=told.payer, follows=told.invoice_id)
        asked.shows(told.invoice)
        self.papers[told.invoice.id] = asked

    def _of(self, paper: Id) -> dict[Id, Paper]:
        return {key: one for key, one in self.papers.items() if one.follows == paper}

    def _moved(self, paper: Id) -> list[Id]:
        """What asks for it since, however often it was refused."""
        return [deeper for key in self._of(paper) for deeper in (key, *self._moved(key))]

    def expected(self) -> dict[Any, tuple[Any, ...]]:
        """Rows of ``CLAIMS``."""
        return {
            key: (one.payer, one.state, one.owed, one.paid, one.credited) for key, one in self.papers.items()
        }
