"""Facts that billing records."""

import uuid
from dataclasses import dataclass

from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.invoice import Invoice
from hms_rt.departments.billing.model.payment import Shift
from hms_rt.kernel.changes import Event


@dataclass(frozen=True, slots=True)
class ChargeRaised(Event):
    """Something is charged, or a charge was reversed (``charge.reverses``)."""

    charge: Charge

    @property
    def patient_id(self) -> uuid.UUID:
        """Whose account it is on."""
        return self.charge.patient_id


@dataclass(frozen=True, slots=True)
class InvoiceChanged(Event):
    """An invoice that was issued is as told now. It is locked."""

    invoice: Invoice


@dataclass(frozen=True, slots=True)
class ShiftChanged(Event):
    """A shift is open, holds other cash, or is closed. It is locked."""

    shift: Shift


@dataclass(frozen=True, slots=True)
class AccountChanged(Event):
    """Invoices or payments of a patient changed; the patient is locked."""

    patient_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ChargesPriced(Event):
    """Charges of a patient that waited for a tariff have a price now."""

    patient_id: uuid.UUID
