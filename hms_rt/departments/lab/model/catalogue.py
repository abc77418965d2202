"""What the laboratory can measure: how a value is written, and what it means against its bounds."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from hms_rt.kernel.errors import Code, HmsError

MAX_TEXT = 4000

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,8})(\.([0-9]{1,6}))?")


class SpecimenKind(StrEnum):
    """What is taken from the patient."""

    BLOOD = "blood"
    SERUM = "serum"
    PLASMA = "plasma"
    URINE = "urine"
    STOOL = "stool"
    CSF = "csf"
    SPUTUM = "sputum"
    SWAB = "swab"
    TISSUE = "tissue"
    OTHER = "other"


class Flag(StrEnum):
    """What a value means against the bounds of its test."""

    NORMAL = "normal"
    LOW = "low"
    HIGH = "high"
    CRITICAL_LOW = "critical_low"
    CRITICAL_HIGH = "critical_high"

    @property
    def critical(self) -> bool:
        """True if somebody must be told at once."""
        return self in (Flag.CRITICAL_LOW, Flag.CRITICAL_HIGH)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One test that can be ordered.

    With a ``unit`` (UCUM; ``1`` for a bare number) the result is a decimal with at most ``decimals`` places;
    without one it is text, and there are no bounds. A value on a critical bound is critical; a value on a
    reference bound is normal.
    """

    code: str
    name: str
    specimen_kind: SpecimenKind
    unit: str | None
    decimals: int | None
    reference_low: Decimal | None
    reference_high: Decimal | None
    critical_low: Decimal | None
    critical_high: Decimal | None
    active: bool
    version: int

    def check(self) -> None:
        """Raises ``invalid`` for bounds that contradict each other or the kind of the result."""
        bounds = [self.critical_low, self.reference_low, self.reference_high, self.critical_high]
        given = [bound for bound in bounds if bound is not None]
        if self.unit is None and (given or self.decimals is not None):
            raise _invalid("unit", "a result in text has neither decimals nor bounds")
        if self.unit is not None and self.decimals is None:
            raise _invalid("decimals", "say how many decimal places a result may have")
        if given != sorted(given):
            raise _invalid("reference_low", "bounds ascend: critical, reference, reference, critical")
        if self.critical_low is not None and self.critical_low == self.critical_high:
            raise _invalid("critical_low", "below critical_high, or every value is critical")

    def check_value(self, value: str) -> None:
        """Raises ``invalid`` unless ``value`` is a result that this test can have."""
        if self.unit is None:
            if not 1 <= len(value) <= MAX_TEXT:
                raise _invalid("value", f"1 to {MAX_TEXT} characters")
            return
        written = _DECIMAL.fullmatch(value)
        if written is None:
            raise _invalid("value", 'a decimal is written like "4.2"')
        if len(written[3] or "") > (self.decimals or 0):
            raise _invalid("value", f"{self.code} has at most {self.decimals} decimal places")

    def flag(self, value: str) -> Flag | None:
        """What a checked ``value`` means; None for text."""
        if self.unit is None:
            return None
        number = Decimal(value)
        if self.critical_low is not None and number <= self.critical_low:
            return Flag.CRITICAL_LOW
        if self.critical_high is not None and number >= self.critical_high:
            return Flag.CRITICAL_HIGH
        if self.reference_low is not None and number < self.reference_low:
            return Flag.LOW
        if self.reference_high is not None and number > self.reference_high:
            return Flag.HIGH
        return Flag.NORMAL


def _invalid(field: str, problem: str) -> HmsError:
    return HmsError(
        Code.INVALID, f"{field}: {problem}", fields={"problems": [{"field": field, "problem": problem}]}
    )
