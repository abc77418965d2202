"""What a patient must not get, and how sure that is. Append-only: a change is a new row that supersedes.

Vocabulary after HL7 FHIR R4, AllergyIntolerance.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hms_rt.kernel.errors import conflict


class AllergyKind(StrEnum):
    """What is said."""

    ALLERGY = "allergy"
    INTOLERANCE = "intolerance"
    NONE_KNOWN = "none_known"  # somebody asked, and there is none


class AllergyCategory(StrEnum):
    """What it is an allergy to."""

    MEDICATION = "medication"
    FOOD = "food"
    ENVIRONMENT = "environment"
    BIOLOGIC = "biologic"
    OTHER = "other"


class Severity(StrEnum):
    """How bad the worst reaction was."""

    UNKNOWN = "unknown"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"
    LIFE_THREATENING = "life_threatening"


class AllergyStatus(StrEnum):
    """Where it stands."""

    ACTIVE = "active"
    INACTIVE = "inactive"  # not exposed any more
    RESOLVED = "resolved"
    REFUTED = "refuted"  # shown by a test not to be one


@dataclass(frozen=True, slots=True)
class Substance:
    """Name, and code where it is known in a code system (ATC, SNOMED CT, RxNorm…)."""

    name: str
    code_system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Allergy:
    """One statement. ``superseded`` is derived: a later row refers to it. A row that is
    ``entered_in_error`` retracts the one it ``supersedes``."""

    id: uuid.UUID
    patient_id: uuid.UUID
    kind: AllergyKind
    category: AllergyCategory
    substance: Substance
    reaction: str
    severity: Severity
    status: AllergyStatus
    recorded_at: datetime
    recorded_by: uuid.UUID
    verified_at: datetime | None = None
    verified_by: uuid.UUID | None = None
    supersedes: uuid.UUID | None = None
    entered_in_error: bool = False
    error_reason: str | None = None
    superseded: bool = False

    @property
    def current(self) -> bool:
        """True if this is how it stands now."""
        return not self.superseded and not self.entered_in_error

    @property
    def warns(self) -> bool:
        """True if a prescriber must be told."""
        return (
            self.current
            and self.kind is not AllergyKind.NONE_KNOWN
            and self.status in (AllergyStatus.ACTIVE, AllergyStatus.INACTIVE)
        )

    def check_current(self) -> None:
        """Raises ``conflict`` unless nothing later refers to this."""
        if not self.current:
            raise conflict("that allergy was changed or retracted before: read the list again")

    def verify(self, allergy_id: uuid.UUID, by: uuid.UUID, recorded_at: datetime, at: datetime) -> "Allergy":
        """The same statement, verified by somebody; raises ``conflict`` if it is already, or not current."""
        self.check_current()
        if self.verified_by is not None:
            raise conflict("that allergy is verified already")
        return replace(
            self,
            id=allergy_id,
            recorded_at=recorded_at,
            recorded_by=by,
            verified_at=at,
            verified_by=by,
            supersedes=self.id,
        )

    def retract(self, allergy_id: uuid.UUID, by: uuid.UUID, at: datetime, reason: str) -> "Allergy":
        """The row that says this one was made in error; raises ``conflict`` if it is not current."""
        self.check_current()
        return replace(
            self,
            id=allergy_id,
            recorded_at=at,
            recorded_by=by,
            verified_at=None,
            verified_by=None,
            supersedes=self.id,
            entered_in_error=True,
            error_reason=reason,
        )


def superseded_by(new: AllergyKind, known: list[Allergy]) -> uuid.UUID | None:
    """What a new statement supersedes by itself: an allergy takes the place of "none known".

    Raises ``conflict`` for "none known" beside an allergy that still warns, or said twice.
    """
    none = next((one for one in known if one.current and one.kind is AllergyKind.NONE_KNOWN), None)
    if new is not AllergyKind.NONE_KNOWN:
        return none.id if none is not None else None
    if none is not None:
        raise conflict("that no allergy is known is recorded already")
    if any(one.warns for one in known):
        raise conflict("the patient has allergies: retract or resolve them first")
    return None
