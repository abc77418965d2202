"""Shapes of what is known of a patient beyond demographics: numbers, contacts, death, restriction."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from hms_rt.departments.patients.model.contact import ContactKind
from hms_rt.departments.patients.model.identifier import IdentifierType
from hms_rt.departments.patients.schemas.people import BirthDate, Phone, Shown
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, Reason, Schema, Text


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


Issuer = Annotated[
    str, BeforeValidator(_upper), StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9 ._/-]{0,39}$", max_length=40)
]
"""Who gave the number, such as ``AT-SV`` or ``ST MARY``: capitals, digits, space and ``._/-``."""

IdentifierValue = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]

ShortText = Annotated[Text, Field(max_length=500)]


class IdentifierIn(Schema):
    """A number that somebody else gave the patient."""

    type: IdentifierType
    """All but ``insurance`` and ``other`` belong to one patient only."""
    issuer: Issuer
    value: IdentifierValue
    """As it is written on the card; spaces, punctuation and case do not count when it is compared."""
    valid_from: BirthDate | None = None
    valid_until: date | None = None


class IdentifierOut(Schema):
    """A number of a patient."""

    id: uuid.UUID
    patient_id: uuid.UUID
    type: IdentifierType
    issuer: str
    value: str
    valid_from: date | None
    valid_until: date | None
    recorded_at: Moment
    recorded_by: uuid.UUID
    error_reason: str | None
    """Set for one that was entered in error: it is not searched any more, and another may have it."""


class IdentifierError(Schema):
    """Why a number was entered in error."""

    reason: Reason


class ContactIn(Schema):
    """Somebody to call about the patient."""

    kind: ContactKind
    name: Name
    relationship: ShortText = ""
    """Such as ``daughter`` or ``court-appointed guardian``."""
    phone: Phone | None = None
    address: ShortText = ""
    note: ShortText = ""


class ContactChange(Schema):
    """What to change of a contact; what is absent stays."""

    kind: ContactKind | None = None
    name: Name | None = None
    relationship: ShortText | None = None
    phone: Phone | None = None
    address: ShortText | None = None
    note: ShortText | None = None
    active: bool | None = None
    """False: not to be called any more."""


class ContactOut(Schema):
    """Somebody to call about the patient."""

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
    updated_at: Moment


class IdentifierList(Schema):
    """The numbers of a patient."""

    items: list[IdentifierOut]


class ContactList(Schema):
    """Whom to call about a patient."""

    items: list[ContactOut]


class DeathIn(Schema):
    """When the patient died."""

    occurred_at: Moment | None = None
    """Now, if absent."""


class WhyIn(Schema):
    """Why; kept in the audit trail."""

    reason: Reason


class RestrictedQuery(PageQuery):
    """Which restricted patients to list."""


class RestrictedOut(Schema):
    """A restricted patient, for whoever watches over privacy."""

    id: uuid.UUID
    mrn: str
    name: str
    shown: Shown = Shown.MINIMUM


class IdCursor(Schema):
    """Sort key of a list by id."""

    id: uuid.UUID
