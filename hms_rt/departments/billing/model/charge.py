"""A charge: what was done for a patient, once, and what it costs."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hms_rt.departments.billing.model.tariff import Amounts, Price, ServiceKind
from hms_rt.kernel.errors import conflict


class ChargeStanding(StrEnum):
    """How a charge stands, by the ledger."""

    TO_BE_PRICED = "to_be_priced"
    OPEN = "open"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of the append-only ledger.

    ``cause`` names what was done, once for each kind. Without a tariff it has no ``amounts`` and waits to be
    priced. A mistake is not taken out: another charge ``reverses`` it with the opposite amounts. A discount,
    or what a package includes, ``reduces`` a charge by negative amounts.
    """

    id: uuid.UUID
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    kind: ServiceKind
    cause: str
    source: str
    service: str | None
    description: str
    quantity: Decimal
    payer: str
    patient_class: str
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: uuid.UUID
    unit_price: Decimal | None = None
    tax_rate: Decimal | None = None
    amounts: Amounts | None = None
    reverses: uuid.UUID | None = None
    reversed_by: uuid.UUID | None = None
    reason: str | None = None
    reduces: uuid.UUID | None = None

    def at(self, price: Price, amounts: Amounts) -> "Charge":
        """Priced; raises ``conflict`` if it is already, or was reversed."""
        if self.amounts is not None:
            raise conflict("the charge has a price already: reverse it and charge again")
        if self.reversed_by is not None:
            raise conflict("the charge was reversed: there is nothing to price")
        return replace(self, unit_price=price.unit_price, tax_rate=price.tax_rate, amounts=amounts)

    def reduced(
        self,
        charge_id: uuid.UUID,
        kind: ServiceKind,
        source: str,
        amounts: Amounts,
        now: datetime,
        by: uuid.UUID,
        quantity: Decimal = Decimal(1),
    ) -> "Charge":
        """The charge that takes ``amounts`` (negative) off this one, for whatever ``source`` names.

        ``quantity`` is how much of it a package includes.
        """
        return replace(
            self,
            id=charge_id,
            kind=kind,
            cause=f"{source}/{self.id}",
            source=source,
            quantity=quantity,
            unit_price=self.unit_price if kind is ServiceKind.INCLUDED else -amounts.net,
            amounts=amounts,
            recorded_at=now,
            recorded_by=by,
            reason=None,
            reduces=self.id,
        )

    def reversal(self, charge_id: uuid.UUID, now: datetime, by: uuid.UUID, reason: str) -> "Charge":
        """The charge that takes this one back; raises ``conflict`` for a second time, or a reversal."""
        if self.reversed_by is not None:
            raise conflict("the charge was reversed already")
        if self.reverses is not None:
            raise conflict("a reversal is not reversed: charge again what was right")
        return replace(
            self,
            id=charge_id,
            recorded_at=now,
            recorded_by=by,
            amounts=self.amounts.reversed() if self.amounts is not None else None,
            reverses=self.id,
            reason=reason,
        )
