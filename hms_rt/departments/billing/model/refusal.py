"""A payer refuses what an invoice asks for: the debt moves to the patient, or to another payer."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Refusal:
    """``amount`` of what ``invoice_id`` asks for is asked of ``payer`` instead (``SELF``: the patient).

    It is a credit note to who refused and an invoice to who owes it now, both of this amount: what is owed in
    all stays the same.
    """

    id: uuid.UUID
    invoice_id: uuid.UUID
    payer: str
    amount: Decimal
    reason: str
    recorded_at: datetime
    recorded_by: uuid.UUID
