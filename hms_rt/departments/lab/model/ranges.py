"""Reference ranges by age and sex: which bounds hold for a patient at a moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hms_rt.departments.lab.model.catalogue import Bounds, invalid

ADULT_DAYS = 6574
"""Eighteen years of 365.25 days. Where a birth date is unknown, an adult is assumed; the result says so."""

MAX_AGE_DAYS = 60_000
"""Over 164 years: no range begins later."""


class RangeSex(StrEnum):
    """For whom a range holds."""

    ANY = "any"
    FEMALE = "female"
    MALE = "male"


class Assumed(StrEnum):
    """What was not known of the patient when bounds were chosen."""

    AGE = "age"  # an adult was assumed
    SEX = "sex"  # the narrower of both bounds hold


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds for patients of ``sex`` from ``age_from_days`` to before ``age_to_days`` (None: no end)."""

    sex: RangeSex
    age_from_days: int
    age_to_days: int | None
    bounds: Bounds

    def covers(self, age: int) -> bool:
        """True for a patient of ``age`` days."""
        return self.age_from_days <= age and (self.age_to_days is None or age < self.age_to_days)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The bounds for one patient, and what had to be assumed."""

    bounds: Bounds
    assumed: tuple[Assumed, ...] = ()


def check_complete(ranges: Sequence[Range]) -> None:
    """Raises ``invalid`` unless every age of either sex has exactly one range: no gap, no overlap."""
    for sex in (RangeSex.FEMALE, RangeSex.MALE):
        reached: int | None = 0
        for one in sorted((r for r in ranges if r.sex in (sex, RangeSex.ANY)), key=lambda r: r.age_from_days):
            one.bounds.check()
            if reached is None or one.age_from_days < reached:
                raise invalid("ranges", f"two ranges hold for {sex} at {one.age_from_days} days")
            if one.age_from_days > reached:
                raise invalid("ranges", f"none holds for {sex} from {reached} to {one.age_from_days} days")
            reached = one.age_to_days
        if reached is not None:
            raise invalid("ranges", f"no range holds for {sex} from {reached} days on")


def choose(ranges: Sequence[Range], *, sex: str, born: date | None, on: date) -> Chosen | None:
    """The bounds that hold for a patient on a day; None if there are no ranges.

    ``sex`` is the administrative one: for neither female nor male the narrower bounds of both hold, so that
    nothing critical is missed. ``born`` unknown means an adult.
    """
    age = max((on - born).days, 0) if born is not None else ADULT_DAYS
    there = [one for one in ranges if one.covers(age)]
    fitting = [one for one in there if one.sex is RangeSex.ANY or one.sex.value == sex]
    if not there:
        return None
    assumed = () if born is not None else (Assumed.AGE,)
    if fitting:
        return Chosen(fitting[0].bounds, assumed)
    return Chosen(_narrower([one.bounds for one in there]), (*assumed, Assumed.SEX))


def _narrower(several: Sequence[Bounds]) -> Bounds:
    return Bounds(
        reference_low=_most(b.reference_low for b in several),
        reference_high=_least(b.reference_high for b in several),
        critical_low=_most(b.critical_low for b in several),
        critical_high=_least(b.critical_high for b in several),
    )


def _most(bounds: Iterable[Decimal | None]) -> Decimal | None:
    return max((bound for bound in bounds if bound is not None), default=None)


def _least(bounds: Iterable[Decimal | None]) -> Decimal | None:
    return min((bound for bound in bounds if bound is not None), default=None)
