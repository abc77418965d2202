"""An invoice, from draft to paid: the only table of its legal moves (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hms_rt.departments.billing.model.tariff import SELF, Amounts
from hms_rt.kernel.errors import conflict, forbidden, illegal_move

ZERO = Decimal(0)


class InvoiceState(StrEnum):
    """States of an invoice."""

    DRAFT = "draft"
    ISSUED = "issued"
    PART_PAID = "part_paid"
    PAID = "paid"
    VOID = "void"


class InvoiceMove(StrEnum):
    """What can be done with an invoice."""

    ISSUE = "issue"
    SETTLE_PART = "settle_part"
    SETTLE_REST = "settle_rest"
    VOID = "void"


class InvoiceKind(StrEnum):
    """What an invoice is of."""

    INTERIM = "interim"  # what of an admission is charged so far
    FINAL = "final"  # of an admission when the patient left, or of what is no admission's
    SUPPLEMENT = "supplement"  # what of an admission is charged after its final invoice
    PAYER = "payer"  # to a payer: the payer's part of a patient's invoice
    SALE = "sale"  # sold at a department's own counter, and paid there at once
    REFUSED = "refused"  # what a payer refused, asked of the patient or of another payer
    CREDIT_NOTE = "credit_note"  # takes back what an issued invoice charged


_S = InvoiceState
_M = InvoiceMove

MOVES: Mapping[InvoiceMove, Mapping[InvoiceState, InvoiceState]] = {
    _M.ISSUE: {_S.DRAFT: _S.ISSUED},
    _M.SETTLE_PART: {_S.ISSUED: _S.PART_PAID, _S.PART_PAID: _S.PART_PAID},
    _M.SETTLE_REST: {_S.ISSUED: _S.PAID, _S.PART_PAID: _S.PAID},
    _M.VOID: {_S.DRAFT: _S.VOID, _S.ISSUED: _S.VOID},
}
"""Move -> state before -> state after. What is not here is illegal."""

TO_PAY = frozenset({_S.ISSUED, _S.PART_PAID})


@dataclass(frozen=True, slots=True)
class Invoice:
    """What a patient was charged, ``patient_part`` and ``payer_part`` of ``total``.

    ``owed`` is what this paper asks for: of the patient the patient's part; payers get the rest on invoices
    of their own, each a ``share_of`` this one.

    What a payer refused (``refusal_id``) is on a credit note to the payer and on an invoice of its own.

    It is settled by what is ``paid`` (allocated from payments) and by what is ``credited``. A credit note
    ``credits`` an invoice; its amounts are negative.
    """

    id: uuid.UUID
    facility: str
    kind: InvoiceKind
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    state: InvoiceState
    created_at: datetime
    created_by: uuid.UUID
    number: int | None = None
    counter: str | None = None
    total: Decimal = ZERO
    patient_part: Decimal = ZERO
    payer_part: Decimal = ZERO
    paid: Decimal = ZERO
    credited: Decimal = ZERO
    credits: uuid.UUID | None = None
    issued_at: datetime | None = None
    void_requested_by: uuid.UUID | None = None
    void_reason: str | None = None
    voided_by: uuid.UUID | None = None
    voided_at: datetime | None = None
    version: int = 1
    payer: str = SELF
    owed: Decimal = ZERO
    share_of: uuid.UUID | None = None
    refusal_id: uuid.UUID | None = None

    @property
    def due(self) -> Decimal:
        """What is still to be paid; of a credit note nothing."""
        if self.state not in TO_PAY or self.kind is InvoiceKind.CREDIT_NOTE:
            return ZERO
        return self.owed - self.paid - self.credited

    def moved(self, move: InvoiceMove) -> "Invoice":
        """After ``move``; raises ``illegal_move`` with the moves that are legal; a credit note has none."""
        if self.kind is InvoiceKind.CREDIT_NOTE:
            raise illegal_move("the credit note", self.state.value, move.value, [])
        after = self._after(move)
        if after is None:
            legal = [other.value for other in InvoiceMove if self._after(other) is not None]
            raise illegal_move("the invoice", self.state.value, move.value, legal)
        return replace(self, state=after, version=self.version + 1)

    def _after(self, move: InvoiceMove) -> InvoiceState | None:
        """After a legal move. What owes nothing counts as paid, though nobody paid: it can be void."""
        if move is _M.VOID and self.state is _S.PAID and not self.owed:
            return _S.VOID
        return MOVES[move].get(self.state)

    def settled(self, *, paid: Decimal = ZERO, credited: Decimal = ZERO) -> "Invoice":
        """With more paid or credited; raises ``illegal_move``, and ``conflict`` for more than is due."""
        left = self.owed - self.paid - self.credited - paid - credited
        after = self.moved(_M.SETTLE_REST if left <= 0 else _M.SETTLE_PART)
        if left < 0:
            raise conflict("that is more than is due: read the invoice again")
        return replace(after, paid=self.paid + paid, credited=self.credited + credited)

    def require_refusable(self) -> None:
        """Raises ``illegal_move`` if nothing of it is due, ``conflict`` for what no payer was asked for."""
        if self.kind not in (InvoiceKind.PAYER, InvoiceKind.REFUSED):
            if self.kind is InvoiceKind.CREDIT_NOTE:
                raise illegal_move("the credit note", self.state.value, "refuse", [])
            raise conflict("it is the patient's own: only what a payer is asked for can be refused")
        if self.state not in TO_PAY:
            legal = [move.value for move in InvoiceMove if self._after(move) is not None]
            raise illegal_move("the invoice", self.state.value, "refuse", legal)

    def refused(self, amount: Decimal) -> "Invoice":
        """With ``amount`` of what is due credited, since it is asked of somebody else now.

        Raises as ``require_refusable``, and ``conflict`` for more than is due: what was paid stays so.
        """
        self.require_refusable()
        return self.settled(credited=amount)

    def without(self, amounts: Amounts) -> "Invoice":
        """A draft from which a charge of these amounts is taken."""
        return replace(
            self,
            total=self.total - amounts.gross,
            patient_part=self.patient_part - amounts.patient_part,
            payer_part=self.payer_part - amounts.payer_part,
            owed=self.owed - amounts.patient_part,
            version=self.version + 1,
        )

    def credit(self, amount: Decimal) -> tuple["Invoice", Decimal]:
        """With ``amount`` more of what is owed credited, and how much of what was paid that frees.

        Raises ``illegal_move`` for a draft or void invoice.
        """
        if self.state in (_S.DRAFT, _S.VOID) or self.kind is InvoiceKind.CREDIT_NOTE:
            raise illegal_move("the invoice", self.state.value, "credit", [])
        freed = max(ZERO, self.paid + self.credited + amount - self.owed)
        paid, credited = self.paid - freed, self.credited + amount
        settled = paid + credited
        state = _S.PAID if settled == self.owed else _S.PART_PAID if settled else _S.ISSUED
        after = replace(self, paid=paid, credited=credited, state=state, version=self.version + 1)
        return after, freed

    def asked_to_void(self, by: uuid.UUID, reason: str) -> "Invoice":
        """Somebody wants it void; raises ``illegal_move`` where it cannot be."""
        self.moved(_M.VOID)
        return replace(self, void_requested_by=by, void_reason=reason, version=self.version + 1)

    def voided(self, by: uuid.UUID, at: datetime) -> "Invoice":
        """Void. What was issued is voided by another person than the one who asked for it.

        Raises ``illegal_move``, ``conflict`` if nobody asked, ``forbidden`` for the one who did.
        """
        after = self.moved(_M.VOID)
        if self.state is not _S.DRAFT:
            if self.void_requested_by is None:
                raise conflict("nobody asked for it: request the void first, with a reason")
            if self.void_requested_by == by:
                raise forbidden("an issued invoice is voided by another person than the one who asked")
        return replace(after, voided_by=by, voided_at=at)
