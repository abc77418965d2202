"""A lot with who got some of it, on the wire."""

import uuid
from datetime import date

from hms_rt.departments.pharmacy.model.dispense import DispenseState
from hms_rt.departments.pharmacy.schemas.stock import StockOut
from hms_rt.kernel.quantity import Amount, Quantity
from hms_rt.kernel.schema import Moment, Schema


class RecipientOut(Schema):
    """Who got something of a lot, or for whom it lies prepared."""

    dispense_id: uuid.UUID | None
    sale_id: uuid.UUID | None
    """Where it was sold over the counter."""
    state: DispenseState
    handed_over_at: Moment | None
    quantity: Quantity
    returned: Amount
    prescription_id: uuid.UUID | None
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    restricted: bool
    """Those who do not treat get no name."""
    ward: str | None


class LotOut(Schema):
    """A lot, where it lies, and who got something of it."""

    id: uuid.UUID
    medicine: str
    lot: str
    expires_on: date
    recall_reason: str | None
    recalled_at: Moment | None
    expired_at: Moment | None
    stock: list[StockOut]
    recipients: list[RecipientOut]
    """The first of them; the rest is listed at ``/pharmacy/lots/{id}/recipients``."""
    more_recipients: bool
    version: int
