"""Numbers that others gave a patient, and how two of them compare."""

import unicodedata
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from hms_rt.kernel.errors import Code, HmsError

MAX_COMPARED = 64


class IdentifierType(StrEnum):
    """What kind of number it is."""

    NATIONAL_ID = "national_id"
    SOCIAL_SECURITY = "social_security"
    PASSPORT = "passport"
    DRIVING_LICENCE = "driving_licence"
    RECORD_NUMBER = "record_number"  # of another hospital, or of this one before
    INSURANCE = "insurance"  # families share one with many insurers
    OTHER = "other"


EXCLUSIVE = frozenset(IdentifierType) - {IdentifierType.INSURANCE, IdentifierType.OTHER}
"""Types whose issuer gives a number to one person only: the database holds it (``…_exclusive_key``)."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number of a patient; never changed, at most marked as entered in error."""

    id: uuid.UUID
    patient_id: uuid.UUID
    type: IdentifierType
    issuer: str
    value: str
    valid_from: date | None
    valid_until: date | None
    recorded_at: datetime
    recorded_by: uuid.UUID
    error_reason: str | None = None

    @property
    def compared(self) -> str:
        """What searches and uniqueness compare."""
        return compared(self.value)


def compared(value: str) -> str:
    """``value`` in upper case without spaces and punctuation: people write them as they like."""
    folded = unicodedata.normalize("NFKC", value).upper()
    return "".join(c for c in folded if c.isalnum())[:MAX_COMPARED]


def check_identifier(value: str, valid_from: date | None, valid_until: date | None) -> None:
    """Raises ``invalid`` for a value without a letter or digit, and for a validity that ends first."""
    if not compared(value):
        raise HmsError(Code.INVALID, "value: needs a letter or a digit")
    if valid_from is not None and valid_until is not None and valid_until < valid_from:
        raise HmsError(Code.INVALID, "valid_until: lies before valid_from")
