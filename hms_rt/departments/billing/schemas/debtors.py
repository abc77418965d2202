"""Who owes, and for how long, on the wire."""

import uuid

from hms_rt.kernel.money import Balance
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Schema


class DebtorCursor(Schema):
    """Where a page of debtors ended."""

    payer: str
    patient_id: uuid.UUID


class DebtorQuery(PageQuery):
    """Which debtors to list, by payer and patient."""

    payer: PlaceCode | None = None
    """Of this payer only: ``SELF`` are the patients."""
    facility: PlaceCode | None = None


class DebtorOut(Schema):
    """What is due of a patient's invoices to one payer, by days since they were issued."""

    payer: str
    """Who owes it: ``SELF`` is the patient."""
    patient_id: uuid.UUID
    invoices: int
    oldest: Moment
    """When the oldest of them was issued."""
    due: Balance
    up_to_30: Balance
    up_to_60: Balance
    up_to_90: Balance
    over_90: Balance
