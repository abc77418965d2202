"""Shapes of patients on the wire: who they are and how they are found."""

import uuid
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hms_rt.departments.patients.model.patient import EARLIEST_BIRTH, Sex, check_mrn, check_phone
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, Reason, Schema


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


Mrn = Annotated[str, BeforeValidator(_upper), Field(max_length=20), AfterValidator(check_mrn)]
"""A record number; upper and lower case are the same."""

Phone = Annotated[str, Field(max_length=40), AfterValidator(check_phone)]
"""A telephone number as people write it: 4 to 15 digits."""

BirthDate = Annotated[date, Field(ge=EARLIEST_BIRTH)]


class PatientNew(Schema):
    """A patient to register: by name, or ``unidentified`` with no name at all."""

    family_name: Name | None = None
    given_name: Name | None = None
    sex: Sex = Sex.UNKNOWN
    birth_date: BirthDate | None = None
    phone: Phone | None = None
    unidentified: bool = False
    """Nobody knows who it is: a placeholder name is given, and replaced by PATCH once they are identified."""
    mrn: Mrn | None = None
    """Only for patients who have a number from before (import, replay); else the database issues one."""
    confirm_new: Reason | None = None
    """Why it is none of those found: required where the patient may be registered already."""

    @model_validator(mode="after")
    def _named_or_not(self) -> Self:
        if self.unidentified and (self.family_name or self.given_name):
            raise ValueError("an unidentified patient is registered without a name")
        if not self.unidentified and not self.family_name:
            raise ValueError("family_name is required, unless unidentified is true")
        return self


class PatientProbe(Schema):
    """Somebody who may be registered already."""

    family_name: Name
    given_name: Name | None = None
    sex: Sex = Sex.UNKNOWN
    birth_date: BirthDate | None = None
    phone: Phone | None = None
    identifier: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    """A number that the patient brought, of whatever type and issuer."""


class MovedIn(Schema):
    """Patients that were registered together."""

    mrns: list[str]
    """Their numbers, in the order in which the patients were given."""


class PatientUpdate(Schema):
    """What to change; what is absent stays. Null clears ``given_name``, ``birth_date`` and ``phone``.

    A ``family_name`` identifies an unidentified patient.
    """

    family_name: Name | None = None
    given_name: Name | None = None
    sex: Sex | None = None
    birth_date: BirthDate | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _not_cleared(self) -> Self:
        for field in ("family_name", "sex"):
            if field in self.model_fields_set and getattr(self, field) is None:
                raise ValueError(f"{field} cannot be cleared")
        return self


class Shown(StrEnum):
    """How much of a patient the caller sees."""

    ALL = "all"
    MINIMUM = "minimum"  # what identifies: contact fields are null
    MASKED = "masked"  # a restricted patient: that there is somebody, and no more


class MergedFrom(Schema):
    """The record that was asked for, where it was merged into the one that is answered."""

    id: uuid.UUID
    mrn: str


class PatientOut(Schema):
    """A patient."""

    id: uuid.UUID
    mrn: str
    name: str
    """Family name first, as lists and boards show it."""
    family_name: str
    given_name: str
    sex: Sex
    birth_date: date | None
    unidentified: bool
    phone: str | None
    shown: Shown
    version: int
    created_at: Moment
    updated_at: Moment
    deceased_at: Moment | None = None
    restricted: bool = False
    """Only those who treat the patient see it; doctors and nurses may break the glass."""
    merged_from: MergedFrom | None = None
    """Set where the id, number or name that was asked for is of a record that was merged into this one."""


class Candidate(Schema):
    """A registered patient who may be the one."""

    patient: PatientOut
    score: int
    """0 to 100; from 80 on, registering needs ``confirm_new``."""
    because: list[str]
    """What speaks for it."""


class Candidates(Schema):
    """Registered patients who may be the one, the most alike first."""

    items: list[Candidate]


class PatientQuery(PageQuery):
    """A search by exactly one of name, MRN, telephone number and identifier."""

    name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    """Beginning of ``family given``; case, accents and punctuation do not count."""
    mrn: Annotated[str, BeforeValidator(_upper), Field(min_length=1, max_length=20)] | None = None
    """The whole record number."""
    phone: Annotated[str, Field(max_length=40), AfterValidator(check_phone)] | None = None
    """The last digits of the telephone number, four or more."""

    identifier: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    """A whole number of whatever type and issuer, the MRN among them; punctuation and case do not count."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = (self.name, self.mrn, self.phone, self.identifier)
        if sum(value is not None for value in given) != 1:
            raise ValueError("search by one of name, mrn, phone and identifier")
        return self


class PatientCursor(Schema):
    """Sort key of a search."""

    key: str
    id: uuid.UUID
