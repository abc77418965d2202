"""What something planned would cost. An estimate charges nothing and never changes."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from hms_rt.departments.billing.model.tariff import Amounts


@dataclass(frozen=True, slots=True)
class EstimateLine:
    """A planned service at the price of the day for which it is planned."""

    service: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Estimate:
    """A paper with a number of its own series."""

    id: uuid.UUID
    facility: str
    number: int
    patient_id: uuid.UUID
    payer: str
    patient_class: str
    planned_on: date
    valid_until: date
    note: str | None
    created_at: datetime
    created_by: uuid.UUID
    lines: tuple[EstimateLine, ...]

    @property
    def total(self) -> Decimal:
        """What the lines add up to, each rounded by itself."""
        return sum((one.amounts.gross for one in self.lines), Decimal(0))

    @property
    def payer_part(self) -> Decimal:
        """What the payer would pay of it."""
        return sum((one.amounts.payer_part for one in self.lines), Decimal(0))

    @property
    def patient_part(self) -> Decimal:
        """What is left to the patient."""
        return self.total - self.payer_part
