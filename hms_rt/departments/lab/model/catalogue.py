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
class Bounds:
    """What is normal and what is critical. A value on a critical bound is critical; a value on a reference
    bound is normal."""

    reference_low: Decimal | None
    reference_high: Decimal | None
    critical_low: Decimal | None
    critical_high: Decimal | None

    def check(self) -> None:
        """Raises ``invalid`` for bounds that contradict each other."""
        bounds = [self.critical_low, self.reference_low, self.reference_high, self.critical_high]
        given = [bound for bound in bounds if bound is not None]
        if given != sorted(given):
            raise invalid("reference_low", "bounds ascend: critical, reference, reference, critical")
        if self.critical_low is not None and self.critical_low == self.critical_high:
            raise invalid("critical_low", "below critical_high, or every value is critical")

    def flag(self, number: Decimal) -> Flag:
        """What ``number`` means."""
        if self.critical_low is not None and number <= self.critical_low:
            return Flag.CRITICAL_LOW
        if self.critical_high is not None and number >= self.critical_high:
            return Flag.CRITICAL_HIGH
        if self.reference_low is not None and number < self.reference_low:
            return Flag.LOW
        if self.reference_high is not None and number > self.reference_high:
            return Flag.HIGH
        return Flag.NORMAL


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One test that can be ordered.

    With a ``unit`` (UCUM; ``1`` for a bare number) the result is a decimal with at most ``decimals`` places;
    without one it is text, and there are no bounds. The bounds hold where no reference ranges by age and sex
    are defined. Outside of the plausible bounds a value is believed only when it was checked. ``delta_*``: by
    how much, in the unit or in percent, a value may differ from the last verified one of the patient within
    ``delta_hours`` before the laboratory is to look twice.
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
    plausible_low: Decimal | None = None
    plausible_high: Decimal | None = None
    delta_absolute: Decimal | None = None
    delta_percent: Decimal | None = None
    delta_hours: int | None = None
    version: int = 1

    @property
    def bounds(self) -> Bounds:
        """The bounds for everybody."""
        return Bounds(self.reference_low, self.reference_high, self.critical_low, self.critical_high)

    def check(self) -> None:
        """Raises ``invalid`` for bounds that contradict each other or the kind of the result."""
        numbers = [
            self.reference_low,
            self.reference_high,
            self.critical_low,
            self.critical_high,
            self.plausible_low,
            self.plausible_high,
            self.delta_absolute,
            self.delta_percent,
        ]
        if self.unit is None and (any(n is not None for n in numbers) or self.decimals is not None):
            raise invalid("unit", "a result in text has neither decimals nor bounds")
        if self.unit is not None and self.decimals is None:
            raise invalid("decimals", "say how many decimal places a result may have")
        self.bounds.check()
        low, high = self.plausible_low, self.plausible_high
        if low is not None and high is not None and low >= high:
            raise invalid("plausible_low", "below plausible_high")
        limits = [limit for limit in (self.delta_absolute, self.delta_percent) if limit is not None]
        if (self.delta_hours is None) != (not limits):
            raise invalid("delta_hours", "a delta check has a limit, absolute or in percent, and a time")
        if any(limit <= 0 for limit in limits):
            raise invalid("delta_absolute", "a limit of a delta check is above zero")

    def check_unit(self, unit: str | None) -> None:
        """Raises ``invalid`` for a value measured in another unit; None: nothing was said."""
        if unit is not None and unit != self.unit:
            raise invalid("unit", f"{self.code} is measured in {self.unit or 'words'}: convert the value")

    def check_value(self, value: str) -> None:
        """Raises ``invalid`` unless ``value`` is a result that this test can have."""
        if self.unit is None:
            if not 1 <= len(value) <= MAX_TEXT:
                raise invalid("value", f"1 to {MAX_TEXT} characters")
            return
        written = _DECIMAL.fullmatch(value)
        if written is None:
            raise invalid("value", 'a decimal is written like "4.2"')
        if len(written[3] or "") > (self.decimals or 0):
            raise invalid("value", f"{self.code} has at most {self.decimals} decimal places")

    def plausible(self, value: str) -> bool:
        """False for a checked ``value`` that a living patient is not expected to have."""
        if self.unit is None:
            return True
        number = Decimal(value)
        too_low = self.plausible_low is not None and number < self.plausible_low
        return not too_low and (self.plausible_high is None or number <= self.plausible_high)

    def flag(self, value: str, bounds: Bounds | None = None) -> Flag | None:
        """What a checked ``value`` means against ``bounds`` (those for everybody, if None); None for text."""
        return (bounds or self.bounds).flag(Decimal(value)) if self.unit is not None else None


def invalid(field: str, problem: str) -> HmsError:
    """A field that breaks a rule, told as the doors tell it."""
    return HmsError(
        Code.INVALID, f"{field}: {problem}", fields={"problems": [{"field": field, "problem": problem}]}
    )
