"""The context of an order on the wire: what the laboratory may know of why it was made."""

import uuid

from hms_rt.departments.patients.schemas.order_context import ContextEntry
from hms_rt.departments.patients.schemas.record import ContextRef
from hms_rt.kernel.schema import Schema


class OrderContextOut(Schema):
    """Why an order was made, and what the record of its visit or admission says for judging a result."""

    order_id: uuid.UUID
    patient_id: uuid.UUID
    question: str
    diagnoses: list[str]
    encounter: ContextRef | None
    """Null where the order belongs to none; then there are no entries."""
    entries: list[ContextEntry]
    """Current diagnoses, vitals and medication of the encounter, the newest first, at most 50; of each only
    listed fields."""
