"""An order: tests for a patient, wanted by a doctor in a ward or a clinic."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Priority(StrEnum):
    """How soon the result is needed."""

    ROUTINE = "routine"
    URGENT = "urgent"
    STAT = "stat"


class OrderState(StrEnum):
    """Derived from the tests of the order."""

    OPEN = "open"  # something is neither released nor cancelled
    COMPLETED = "completed"  # all done, something was released
    CANCELLED = "cancelled"  # everything was cancelled


class ResultStatus(StrEnum):
    """What one version of a result was worth, derived from the append-only versions."""

    PRELIMINARY = "preliminary"  # never released
    FINAL = "final"  # the first that was released
    CORRECTED = "corrected"


class VersionKind(StrEnum):
    """How a version of a result came about."""

    ENTRY = "entry"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class LabOrder:
    """An order as its row holds it. ``ward`` or ``clinic``, exactly one: where the patient is treated now.

    ``patient_name`` and ``mrn`` are this department's copy, kept by listening to patients.
    """

    id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    ward: str | None
    clinic: str | None
    ordered_by: uuid.UUID
    priority: Priority
    ordered_at: datetime
    recorded_at: datetime
    restricted: bool = False

    @property
    def location(self) -> str:
        """The place, as the room that shows it is called."""
        return location(self.ward, self.clinic)


@dataclass(frozen=True, slots=True)
class OrderContext:
    """Why an order was made: the clinical question, codes of diagnoses, and the visit or admission."""

    order_id: uuid.UUID
    question: str = ""
    diagnoses: tuple[str, ...] = ()
    encounter_kind: str | None = None
    encounter_id: uuid.UUID | None = None


def location(ward: str | None, clinic: str | None) -> str:
    """``ward:<code>`` or ``clinic:<code>``."""
    return f"ward:{ward}" if ward is not None else f"clinic:{clinic}"


def status_of(kind: str, number: int, released: int | None) -> ResultStatus:
    """What version ``number`` of a result is worth; ``released`` is the version that was released, by the
    history of the test (None: none yet)."""
    if kind == VersionKind.CORRECTION:
        return ResultStatus.CORRECTED
    return ResultStatus.FINAL if number == released else ResultStatus.PRELIMINARY
