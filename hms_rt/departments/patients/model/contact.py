"""Whom to call about a patient."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ContactKind(StrEnum):
    """In what capacity."""

    NEXT_OF_KIN = "next_of_kin"
    EMERGENCY = "emergency"
    GUARDIAN = "guardian"  # of a child, or appointed by a court
    PROXY = "proxy"  # decides where the patient cannot
    GENERAL_PRACTITIONER = "general_practitioner"
    OTHER = "other"


MAX_CONTACTS = 50
"""Of one patient, former ones too."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person to call; ``active`` is False for one who is not to be called any more."""

    id: uuid.UUID
    patient_id: uuid.UUID
    kind: ContactKind
    name: str
    relationship: str
    phone: str
    address: str
    note: str
    active: bool
    version: int
    updated_at: datetime
