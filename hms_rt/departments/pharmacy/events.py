"""Facts that the pharmacy records."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

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
class DispensePrepared(Event):
    """Something lies ready for a prescription, or was put back; the prescription is locked, and unchanged."""

    prescription: Prescription
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """What the patient has of one medicine, by one dispense, for one line: ``before`` and ``after``.

    ``medicine`` is what was handed over, perhaps a substitute; quantities are in its ``dispense_unit``.
    """

    line_id: uuid.UUID
    medicine: str
    name: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class SupplyChanged(Event):
    """A dispense was handed over (``at``), or something of it was brought back since.

    Recorded while the patient, the prescription and the dispense are locked, once for each.
    """

    dispense_id: uuid.UUID
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    at: datetime
    supplies: tuple[Supply, ...]


@dataclass(frozen=True, slots=True)
class StockMoved(Event):
    """Something of a lot came to or left these stores, or how it stands there changed."""

    lot_id: uuid.UUID
    stores: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShelfChanged(Event):
    """The reorder level of a medicine in a store changed."""

    store: str
    medicine: str
