"""What departments that do not treat see of the record, for an order of theirs."""

import uuid
from typing import Any

from hms_rt.kernel.schema import Moment, Schema


class ContextEntry(Schema):
    """A part of an entry of the clinical record."""

    id: uuid.UUID
    kind: str
    occurred_at: Moment
    body: dict[str, Any]
    """Only the fields that are listed for the kind."""
