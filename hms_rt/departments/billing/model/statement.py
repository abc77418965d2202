"""A statement of account: what moved what a patient owes, day by day, with the balance after each entry.

A balance is what is due less the deposit: negative when the hospital has money of the patient's.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class StatementKind(StrEnum):
    """What moved a balance."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    VOID = "void"  # an invoice that was issued asks for nothing any more
    PAYMENT = "payment"
    SETTLEMENT = "settlement"  # a deposit pays an invoice, or is free again
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Entry:
    """One paper that moved the balance by ``amount``.

    A settlement of the patient's own invoice moves ``settled`` from the deposit to the invoice, and the
    balance by nothing; what pays a payer's invoice is the patient's no more.
    """

    at: datetime
    kind: StatementKind
    facility: str
    number: int | None
    """Of the invoice, credit note or receipt."""
    paper_id: uuid.UUID
    """The invoice, credit note, payment or refund."""
    means: str | None
    amount: Decimal
    settled: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """How an account stood, what moved it, and how it stands."""

    opening: Decimal
    entries: tuple[Entry, ...]

    @property
    def closing(self) -> Decimal:
        """After the last entry."""
        return self.entries[-1].balance if self.entries else self.opening
