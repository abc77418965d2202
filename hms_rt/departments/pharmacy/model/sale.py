"""What is sold at a dispensary's own counter: what it consists of, and what the customer is warned of."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from hms_rt.departments.pharmacy.model.formulary import FormularyStatus, Medicine
from hms_rt.departments.pharmacy.model.prescription import Line
from hms_rt.departments.pharmacy.model.safety import Allergy, WarningKind, allergic_to
from hms_rt.kernel.errors import conflict


@dataclass(frozen=True, slots=True)
class Till:
    """A counter of the cashiers that is a dispensary's own."""

    counter: str
    store: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class SaleItem:
    """So much of one lot, sold without a prescription; ``returned`` of it came back so far.

    ``reason``: why of a lot that is not the first to expire.
    """

    id: uuid.UUID
    sale_id: uuid.UUID
    lot_id: uuid.UUID
    medicine: str
    quantity: Decimal
    directions: str | None
    reason: str | None
    returned: Decimal = Decimal(0)

    @property
    def kept(self) -> Decimal:
        """What the customer has of it."""
        return self.quantity - self.returned

    def take_back(self, quantity: Decimal) -> "SaleItem":
        """So much came back; raises ``conflict`` for more than is kept."""
        if quantity > self.kept:
            raise conflict(f"only {self.kept.normalize():f} of that item can come back")
        return replace(self, returned=self.returned + quantity)


@dataclass(frozen=True, slots=True)
class Sale:
    """What a patient bought at ``counter``, out of ``store``.

    Of a dispense it is the money alone: what was handed over, and comes back, is the dispense's.
    """

    id: uuid.UUID
    store: str
    counter: str
    patient_id: uuid.UUID
    dispense_id: uuid.UUID | None
    sold_by: uuid.UUID
    sold_at: datetime
    number: int = 0
    version: int = 1

    def changed(self) -> "Sale":
        """Something of it came back, or its money."""
        return replace(self, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class CounterWarning:
    """What a seller must know of a medicine and who wants it; ``text`` may be clinical."""

    kind: WarningKind
    medicine: str
    text: str


def check_over_the_counter(code: str, known: Mapping[str, Medicine]) -> Medicine:
    """The medicine, if anybody may buy it; raises ``conflict`` if it takes a prescription."""
    medicine = known.get(code)
    if medicine is None or not medicine.over_the_counter:
        raise conflict(f"{code} is not sold over the counter: it takes a prescription")
    if medicine.status is not FormularyStatus.ACTIVE:
        raise conflict(f"{code} is {medicine.status.value} in the formulary")
    return medicine


def counter_warnings(
    medicines: Collection[Medicine], allergies: Collection[Allergy], taken: Collection[Line]
) -> list[CounterWarning]:
    """Everything to be warned of; ``taken`` are lines in force of the patient's prescriptions."""
    found = []
    for medicine in medicines:
        allergic = allergic_to(medicine, allergies)
        if allergic is not None:
            found.append(CounterWarning(WarningKind.ALLERGY, medicine.code, allergic))
        same = [line.name for line in taken if line.generic.casefold() == medicine.generic.casefold()]
        if same:
            text = f"{medicine.generic} is prescribed already: {', '.join(sorted(same))}"
            found.append(CounterWarning(WarningKind.DUPLICATE, medicine.code, text))
    return found
