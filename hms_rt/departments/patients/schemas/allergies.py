"""Shapes of allergies on the wire."""

import uuid
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from hms_rt.departments.patients.model.allergy import AllergyCategory, AllergyKind, AllergyStatus, Severity
from hms_rt.kernel.schema import Moment, Name, Reason, Schema, Text

Coding = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .:/_-]{0,79}$", max_length=80)]
"""A code system or a code: letters, digits, space and ``.:/_-``."""


class AllergyIn(Schema):
    """What the patient must not get, or that nothing is known."""

    kind: AllergyKind = AllergyKind.ALLERGY
    category: AllergyCategory = AllergyCategory.OTHER
    substance: Name | None = None
    """Required, but for ``none_known``."""
    code_system: Coding | None = None
    """Such as ``ATC``, by which prescriptions are checked, or ``http://snomed.info/sct``."""
    code: Coding | None = None
    reaction: Annotated[Text, Field(max_length=500)] = ""
    severity: Severity = Severity.UNKNOWN
    status: AllergyStatus = AllergyStatus.ACTIVE
    supersedes: uuid.UUID | None = None
    """The statement that this one changes. ``none_known`` gives way to an allergy by itself."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind is AllergyKind.NONE_KNOWN) is (self.substance is not None):
            raise ValueError("substance is required for an allergy, and absent for none_known")
        if (self.code is None) is not (self.code_system is None):
            raise ValueError("code and code_system go together")
        return self


class AllergyOut(Schema):
    """A statement about an allergy."""

    id: uuid.UUID
    patient_id: uuid.UUID
    kind: AllergyKind
    category: AllergyCategory
    substance: str | None
    code_system: str | None
    code: str | None
    reaction: str
    severity: Severity
    status: AllergyStatus
    current: bool
    """False once a later statement changed or retracted it."""
    recorded_at: Moment
    recorded_by: uuid.UUID
    verified_at: Moment | None
    verified_by: uuid.UUID | None
    supersedes: uuid.UUID | None
    entered_in_error: bool
    error_reason: str | None


class AllergyQuery(Schema):
    """Which statements to list."""

    history: bool = False
    """True: those that were changed or retracted, too."""


class AllergyList(Schema):
    """What the patient must not get."""

    items: list[AllergyOut]


class AllergyVerification(Schema):
    """When a doctor checked."""

    occurred_at: Moment | None = None
    """Now, if absent."""


class AllergyError(Schema):
    """Why a statement was made in error."""

    reason: Reason
