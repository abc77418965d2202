"""Who a patient is: names and how they compare, the record number (MRN), telephone numbers."""

import re
import unicodedata
import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from hms_rt.kernel.errors import Code, HmsError, illegal_move

EARLIEST_BIRTH = date(1880, 1, 1)
MAX_COMPARED = 300  # characters: single letters may unfold to eighteen, and an index takes 2,700 bytes
MIN_PHONE_DIGITS = 4
MAX_PHONE_DIGITS = 15  # ITU-T E.164

ISSUED_PREFIX = "MRN-"
_MRN = re.compile(r"[A-Z0-9][A-Z0-9-]{1,18}[A-Z0-9]")
_ISSUED = re.compile(r"MRN-[0-9]{8,12}")
_PHONE = re.compile(r"\+?[0-9 ()./-]+")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


class Sex(StrEnum):
    """Administrative sex, as HL7 FHIR's administrative-gender has it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PatientBrief:
    """What identifies a patient to other departments."""

    id: uuid.UUID
    mrn: str
    name: str
    sex: Sex
    birth_date: date | None
    deceased: bool = False
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Death:
    """When a patient died, and who recorded it."""

    at: datetime
    recorded_at: datetime
    recorded_by: uuid.UUID


@dataclass(frozen=True, slots=True)
class Patient:
    """A registered patient. While ``unidentified``, the family name is a placeholder."""

    id: uuid.UUID
    mrn: str
    family_name: str
    given_name: str
    sex: Sex
    birth_date: date | None
    phone: str
    unidentified: bool
    version: int
    created_at: datetime
    updated_at: datetime
    merged_into: uuid.UUID | None = None
    death: Death | None = None
    restricted: bool = False

    @property
    def name(self) -> str:
        """Family name first, as lists and boards show it."""
        return f"{self.family_name}, {self.given_name}" if self.given_name else self.family_name

    @property
    def search_name(self) -> str:
        """What a search by name compares with."""
        return normalised(f"{self.family_name} {self.given_name}")

    @property
    def phone_reversed(self) -> str:
        """The digits of the telephone number, last one first: a search by ending is one by prefix."""
        return digits(self.phone)[::-1]

    def brief(self) -> PatientBrief:
        """What other departments may know."""
        return PatientBrief(
            self.id,
            self.mrn,
            self.name,
            self.sex,
            self.birth_date,
            deceased=self.death is not None,
            restricted=self.restricted,
        )

    def following(self, at: datetime) -> "Patient":
        """The patient in the next version, changed at ``at``."""
        return replace(self, version=self.version + 1, updated_at=at)

    def die(self, death: Death) -> "Patient":
        """The patient, dead; raises ``illegal_move`` if that is recorded already."""
        if self.death is not None:
            raise illegal_move("the patient", "deceased", "record the death", ["revoke_death"])
        return replace(self, death=death)

    def revoke_death(self) -> "Patient":
        """The patient, alive after all; raises ``illegal_move`` unless recorded as dead."""
        if self.death is None:
            raise illegal_move("the patient", "alive", "revoke the death", ["record_death"])
        return replace(self, death=None)

    def restrict(self, *, restricted: bool) -> "Patient":
        """The patient with the flag set or lifted; raises ``illegal_move`` if it is so already."""
        if self.restricted is restricted:
            state = "restricted" if restricted else "open"
            move, legal = ("restrict", "unrestrict") if restricted else ("unrestrict", "restrict")
            raise illegal_move("the patient's record", state, move, [legal])
        return replace(self, restricted=restricted)


def placeholder_name(patient_id: uuid.UUID) -> str:
    """A name for a patient nobody knows yet, such as ``Unknown 7F3A``; the MRN tells two apart."""
    return f"Unknown {patient_id.hex[-4:].upper()}"


def normalised(name: str) -> str:
    """``name`` in lower case without accents and punctuation, words separated by one space."""
    folded = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    kept = (c for c in folded if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in kept).split())[:MAX_COMPARED].rstrip()


def after_prefix(prefix: str) -> str | None:
    """The smallest text above everything that starts with ``prefix``, by code points; None: no end."""
    for end in range(len(prefix), 0, -1):
        following = ord(prefix[end - 1]) + 1
        if 0xD800 <= following <= 0xDFFF:
            following = 0xE000
        if following <= 0x10FFFF:
            return prefix[: end - 1] + chr(following)
    return None


def digits(phone: str) -> str:
    """The digits of a telephone number."""
    return "".join(c for c in phone if c in "0123456789")


def check_phone(phone: str) -> str:
    """``phone`` if it reads as a telephone number; raises ``ValueError``."""
    if not _PHONE.fullmatch(phone) or not MIN_PHONE_DIGITS <= len(digits(phone)) <= MAX_PHONE_DIGITS:
        raise ValueError(
            f"a telephone number has {MIN_PHONE_DIGITS} to {MAX_PHONE_DIGITS} digits, and + ( ) . / -"
        )
    return phone


def luhn_digit(number: str) -> str:
    """The check digit of ``number`` (ISO/IEC 7812-1, annex B): it catches every single wrong digit."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def issued_mrn(number: int) -> str:
    """The MRN that the database issues for ``number``: seven digits at least, and the check digit."""
    text = f"{number:07}"
    return f"{ISSUED_PREFIX}{text}{luhn_digit(text)}"


def check_mrn(mrn: str) -> str:
    """``mrn`` if it may be used; raises ``ValueError``. Ours carry the check digit."""
    if not _MRN.fullmatch(mrn):
        raise ValueError("an MRN is 3 to 20 of A-Z, 0-9 and -, not at its ends")
    if mrn.startswith(ISSUED_PREFIX) and (not _ISSUED.fullmatch(mrn) or luhn_digit(mrn[4:-1]) != mrn[-1]):
        raise ValueError("the MRN is mistyped: its check digit is wrong")
    return mrn


def check_birth_date(born: date | None, now: datetime) -> None:
    """Raises ``invalid`` for a birth date in the future (anywhere on Earth) or before 1880."""
    if born is not None and not EARLIEST_BIRTH <= born <= (now + timedelta(hours=14)).date():
        raise HmsError(Code.INVALID, "birth_date: must lie between 1880 and today")
