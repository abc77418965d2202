"""Charges on the wire."""

import uuid
from typing import Self

from pydantic import Field, model_validator

from hms_rt.departments.billing.model.charge import ChargeStanding
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.schemas.tariffs import ServiceCode
from hms_rt.kernel.money import Money, Rate, UnitPrice
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.quantity import Quantity
from hms_rt.kernel.schema import Moment, Reason, Schema


class ProcedureIn(Schema):
    """A procedure that was done."""

    patient_id: uuid.UUID
    service: ServiceCode
    quantity: Quantity
    admission_id: uuid.UUID | None = None
    occurred_at: Moment | None = None
    """When it was done; now, if left out. The tariff of that day counts."""


class ChargeIn(ProcedureIn):
    """A procedure or another service to charge by hand."""

    reason: Reason = Field(examples=["Told by the ward by telephone, not recorded there"])
    """Why it is charged by hand: nothing in the record of treatment shows it."""


class ChargeOut(Schema):
    """What was done, and what it costs; amounts are null until it is priced."""

    id: uuid.UUID
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    kind: ServiceKind
    source: str
    service: str | None
    description: str
    quantity: Quantity
    payer: str
    patient_class: str
    occurred_at: Moment
    recorded_at: Moment
    unit_price: UnitPrice | None
    tax_rate: Rate | None
    net: Money | None
    tax: Money | None
    gross: Money | None
    payer_part: Money | None
    patient_part: Money | None
    reverses: uuid.UUID | None
    """The charge that this one takes back."""
    reversed_by: uuid.UUID | None
    reduces: uuid.UUID | None
    """The charge that something is taken off: by a discount, or since a package includes it."""
    reason: str | None
    """Why it was charged by hand, priced as another service, or taken back."""


class ProcedureOut(Schema):
    """A procedure that was done; what it costs is billing's."""

    id: uuid.UUID
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    service: str | None
    description: str
    quantity: Quantity
    occurred_at: Moment
    recorded_at: Moment


class ChargeQuery(PageQuery):
    """Which charges to list, oldest first."""

    patient_id: uuid.UUID | None = None
    admission_id: uuid.UUID | None = None
    standing: ChargeStanding | None = None


class PriceCharge(Schema):
    """Price what waits for a tariff: by the service given, or the one that its source has by now."""

    service: ServiceCode | None = None
    """Instead of the one that its source has."""
    reason: Reason | None = None
    """Why this one; needed where somebody chooses it."""

    @model_validator(mode="after")
    def _chosen_for_a_reason(self) -> Self:
        if self.service is not None and self.reason is None:
            raise ValueError("reason: say why it is priced as this service")
        return self


class ReverseCharge(Schema):
    """Take a charge back."""

    reason: Reason
