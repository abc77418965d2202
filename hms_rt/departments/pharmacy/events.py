"""Facts that the pharmacy records."""

import uuid
from dataclasses import dataclass

from hms_rt.departments.pharmacy.model.prescription import Line, Prescription
from hms_rt.kernel.changes import Cause, Event


@dataclass(frozen=True, slots=True)
class PrescriptionChanged(Event):
    """A prescription is new (``before`` None) or changed, with its lines as they are now.

    Recorded while the prescription is locked, with what was written: a listener need not read it again.
    """

    before: Prescription | None
    after: Prescription
    lines: tuple[Line, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class StockMoved(Event):
    """Something of a lot came to or left these stores, or the lot was recalled."""

    lot_id: uuid.UUID
    stores: tuple[str, ...]
