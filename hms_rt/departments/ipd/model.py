"""What an admission is and which moves its state allows (DESIGN §8). Pure: decides or raises."""

from enum import StrEnum


class AdmissionState(StrEnum):
    """States of an admission."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    ADMITTED = "admitted"
    DISCHARGE_ORDERED = "discharge_ordered"
    DISCHARGED = "discharged"
    CANCELLED = "cancelled"
