"""What a department has open for a patient, as a discharge checklist asks every department."""

from dataclasses import dataclass
from enum import StrEnum


class OutstandingKind(StrEnum):
    """What may be open when a patient is about to leave."""

    OPEN_ORDERS = "open_orders"  # tests ordered and not yet released, procedures not yet done
    UNREAD_RESULTS = "unread_results"  # critical results nobody acknowledged
    SPECIMENS_TO_COLLECT = "specimens_to_collect"
    DOSES_DUE = "doses_due"  # medication of the stay that nobody gave or withheld
    ACTIVE_PRESCRIPTIONS = "active_prescriptions"  # to stop or to take home
    MEDICATION_TO_HAND_OVER = "medication_to_hand_over"
    UNBILLED_SERVICES = "unbilled_services"
    UNPAID_INVOICES = "unpaid_invoices"
    PATIENT_PROPERTY = "patient_property"
    SUMMARY_MISSING = "summary_missing"  # no discharge summary is written
    TRANSFER_PLANNED = "transfer_planned"  # a bed is still held for the patient
    CHILD_IN_ROOM = "child_in_room"  # a newborn that rooms in has an open admission


@dataclass(frozen=True, slots=True)
class Outstanding:
    """``count`` open things of one kind in one department.

    ``what`` names the first few of them, in the words of the department ("Potassium, ordered"), without any
    patient's name: it is shown on ward screens.
    """

    department: str
    kind: OutstandingKind
    count: int
    what: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("what is outstanding is at least one thing")
