"""What to do with a medicine, in words that a patient understands, in the languages of labels.

Numbers, dates and lists are written as Babel writes them in that language, plurals chosen by its rules; units
are the hospital's own words (``dispense_unit``).
"""

from dataclasses import dataclass
from decimal import Decimal

from babel.core import Locale
from babel.lists import format_list
from babel.numbers import format_decimal

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.model.frequency import Frequency, FrequencyKind
from hms_rt.departments.pharmacy.views.speech import words
from hms_rt.departments.pharmacy.views.speech.words import Words, counted
from hms_rt.kernel.languages import isolated, language_of


@dataclass(frozen=True, slots=True)
class Taken:
    """How a medicine is taken; ``dose`` is in ``dose_unit`` and ``units`` of ``unit`` hold it."""

    route: Route
    units: Decimal
    unit: str
    dose: Decimal
    dose_unit: str
    frequency: Frequency
    days: int


def instruction(taken: Taken, language: str) -> str:
    """Such as: Take 1 capsule (500 mg) 3 times a day at 08:00, 14:00, and 20:00 for 5 days."""
    language = language_of(language)
    said_in, locale = words(language), Locale.parse(language)
    units, dose = (format_decimal(each.normalize(), locale=locale) for each in (taken.units, taken.dose))
    much = isolated(f"{units} {taken.unit} ({dose} {taken.dose_unit})", language)
    said = [said_in.by_route[taken.route].format(much=much), *_how_often(taken.frequency, said_in, locale)]
    if taken.frequency.kind is not FrequencyKind.ONCE:
        said.append(counted(said_in.lasting, taken.days, locale))
    return said_in.joint.join(said) + "."


def _how_often(frequency: Frequency, said_in: Words, locale: Locale) -> list[str]:
    match frequency.kind:
        case FrequencyKind.ONCE:
            return [said_in.once]
        case FrequencyKind.TIMES_PER_DAY:
            hours = format_list(list(frequency.times), locale=locale)
            return [
                f"{counted(said_in.daily, len(frequency.times), locale)} {said_in.at.format(hours=hours)}"
            ]
        case FrequencyKind.EVERY_HOURS:
            return [counted(said_in.every, frequency.every_hours or 24, locale)]
        case FrequencyKind.AS_NEEDED:
            return [counted(said_in.as_needed, frequency.max_per_24h or 1, locale)]
