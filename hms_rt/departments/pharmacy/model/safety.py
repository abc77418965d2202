"""What a prescriber is warned of before a prescription is in force: allergy, duplicate, unusual dose."""

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.model.prescription import Line

_WORD = re.compile(r"[^\W\d_]{4,}")
_ATC = re.compile(r"[A-Z](\d{2}([A-Z]([A-Z](\d{2})?)?)?)?")


class WarningKind(StrEnum):
    """What the matter is."""

    ALLERGY = "allergy"
    DUPLICATE = "duplicate"
    DOSE_RANGE = "dose_range"


@dataclass(frozen=True, slots=True)
class Allergy:
    """What a patient does not tolerate: a substance in words, and its ATC code or class where known."""

    substance: str
    code: str | None = None

    def concerns(self, medicine: Medicine) -> bool:
        """Whether ``medicine`` is of that class, or shares a word with the substance."""
        if self.code is not None and _ATC.fullmatch(self.code) and (medicine.atc or "").startswith(self.code):
            return True
        names = f"{medicine.generic} {medicine.brand or ''}"
        return not _words(self.substance).isdisjoint(_words(names))


@dataclass(frozen=True, slots=True)
class SafetyWarning:
    """One warning about one line; ``text`` is for the prescriber and may be clinical."""

    kind: WarningKind
    line_id: uuid.UUID
    medicine: str
    text: str


def warnings(
    lines: Sequence[Line],
    medicines: Mapping[str, Medicine],
    allergies: Collection[Allergy],
    taken: Collection[Line],
) -> list[SafetyWarning]:
    """Everything to be warned of; ``taken`` are lines in force of the patient's other prescriptions."""
    found: list[SafetyWarning] = []
    for line in lines:
        medicine = medicines[line.medicine]
        found += allergy_warnings(line, medicine, allergies)
        for kind, text in (
            (WarningKind.DUPLICATE, _duplicate(line, [*taken, *lines])),
            (WarningKind.DOSE_RANGE, _dose_range(line, medicine)),
        ):
            if text is not None:
                found.append(SafetyWarning(kind, line.id, line.medicine, text))
    return found


def allergy_warnings(line: Line, medicine: Medicine, allergies: Collection[Allergy]) -> list[SafetyWarning]:
    """One for each substance that concerns ``medicine``, which ``line`` prescribes."""
    known = sorted({allergy.substance for allergy in allergies if allergy.concerns(medicine)})
    texts = [f"{_before(line)}{substance}" for substance in known]
    return [SafetyWarning(WarningKind.ALLERGY, line.id, line.medicine, text) for text in texts]


def not_gone_past(
    line: Line, raised: Collection[SafetyWarning], past: Collection[str]
) -> list[SafetyWarning]:
    """Those of a line's allergy warnings that no text of ``past`` covers.

    An override of old named all substances in one text, with commas between.
    """
    covered = set(past)
    for text in past:
        covered |= {f"{_before(line)}{one}" for one in text.removeprefix(_before(line)).split(", ")}
    return [warning for warning in raised if warning.text not in covered]


def _before(line: Line) -> str:
    return f"{line.generic}: the patient is allergic to "


def allergic_to(medicine: Medicine, allergies: Collection[Allergy]) -> str | None:
    """That the patient does not tolerate it, in words; None if nothing is known."""
    known = sorted(allergy.substance for allergy in allergies if allergy.concerns(medicine))
    return f"{medicine.generic}: the patient is allergic to {', '.join(known)}" if known else None


def _duplicate(line: Line, others: Collection[Line]) -> str | None:
    """The same generic at the same time, whatever its form or strength."""
    for other in others:
        if (
            other.id != line.id
            and other.generic.casefold() == line.generic.casefold()
            and other.starts_at < line.ends_at
            and line.starts_at < other.ends_at
        ):
            return f"{line.generic} is prescribed already: {other.name}"
    return None


def _dose_range(line: Line, medicine: Medicine) -> str | None:
    unit = medicine.strength_unit
    if medicine.dose_min is not None and line.dose < medicine.dose_min:
        return f"{line.dose:f} {unit} is below the usual {medicine.dose_min:f} {unit}"
    if medicine.dose_max is not None and line.dose > medicine.dose_max:
        return f"{line.dose:f} {unit} is above the usual {medicine.dose_max:f} {unit}"
    daily = line.dose * line.frequency.most_per_day
    if medicine.daily_max is not None and daily > medicine.daily_max:
        return f"{daily:f} {unit} a day are above the most, {medicine.daily_max:f} {unit}"
    return None


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
