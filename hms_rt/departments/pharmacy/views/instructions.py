"""What to do with a medicine, in words that a patient understands, in the languages of labels.

Numbers, dates and lists are written as Babel writes them in that language; units are the hospital's own
words (``dispense_unit``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from babel.core import Locale
from babel.lists import format_list
from babel.numbers import format_decimal

from hms_rt.departments.pharmacy.model.formulary import Form, Route
from hms_rt.departments.pharmacy.model.frequency import Frequency, FrequencyKind


@dataclass(frozen=True, slots=True)
class Words:
    """One language; a pair is for one and for several, ``joint`` stands between the parts of a sentence."""

    by_route: Mapping[Route, str]
    once: str
    daily: tuple[str, str]
    at: str
    every: tuple[str, str]
    as_needed: str
    lasting: tuple[str, str]
    forms: Sequence[str]
    lot: str
    use_by: str
    dispensed: str
    by: str
    quantity: str
    joint: str = " "

    def form(self, form: Form) -> str:
        """The name of a form."""
        return self.forms[list(Form).index(form)]


_INJECTED = (Route.INTRAVENOUS, Route.INTRAMUSCULAR, Route.SUBCUTANEOUS)

LANGUAGES = {
    "en": Words(
        {
            Route.ORAL: "Take {much}",
            Route.SUBLINGUAL: "Let {much} melt under the tongue",
            Route.INHALED: "Inhale {much}",
            Route.RECTAL: "Insert {much} into the rectum",
            Route.TOPICAL: "Apply {much} to the skin",
            Route.TRANSDERMAL: "Stick {much} to the skin",
            Route.OPHTHALMIC: "Put {much} into the eye",
            Route.OTIC: "Put {much} into the ear",
            Route.NASAL: "Put {much} into the nose",
            Route.OTHER: "Use {much}",
            **dict.fromkeys(_INJECTED, "Inject {much}"),
        },
        "once",
        ("once a day", "{n} times a day"),
        "at {hours}",
        ("every hour", "every {n} hours"),
        "when needed, at most {n} times in 24 hours",
        ("for 1 day", "for {n} days"),
        ("tablet", "capsule", "solution", "suspension", "injection", "infusion", "drops", "inhaler", "patch",
         "suppository", "cream", "powder", "other"),
        "Lot", "use by", "Dispensed", "by", "Quantity",
    ),
    "de": Words(
        {
            Route.ORAL: "{much} einnehmen",
            Route.SUBLINGUAL: "{much} unter der Zunge zergehen lassen",
            Route.INHALED: "{much} einatmen",
            Route.RECTAL: "{much} in den Enddarm einführen",
            Route.TOPICAL: "{much} auf die Haut auftragen",
            Route.TRANSDERMAL: "{much} auf die Haut kleben",
            Route.OPHTHALMIC: "{much} in das Auge geben",
            Route.OTIC: "{much} in das Ohr geben",
            Route.NASAL: "{much} in die Nase geben",
            Route.OTHER: "{much} anwenden",
            **dict.fromkeys(_INJECTED, "{much} injizieren"),
        },
        "einmalig",
        ("einmal täglich", "{n}-mal täglich"),
        "um {hours}",
        ("jede Stunde", "alle {n} Stunden"),
        "bei Bedarf, höchstens {n}-mal in 24 Stunden",
        ("1 Tag lang", "{n} Tage lang"),
        ("Tablette", "Kapsel", "Lösung", "Suspension", "Injektion", "Infusion", "Tropfen", "Inhalator",
         "Pflaster", "Zäpfchen", "Creme", "Pulver", "Sonstiges"),
        "Charge", "verwendbar bis", "Abgegeben", "von", "Menge", ", ",
    ),
    "es": Words(
        {
            Route.ORAL: "Tomar {much}",
            Route.SUBLINGUAL: "Dejar disolver {much} bajo la lengua",
            Route.INHALED: "Inhalar {much}",
            Route.RECTAL: "Introducir {much} en el recto",
            Route.TOPICAL: "Aplicar {much} en la piel",
            Route.TRANSDERMAL: "Pegar {much} en la piel",
            Route.OPHTHALMIC: "Poner {much} en el ojo",
            Route.OTIC: "Poner {much} en el oído",
            Route.NASAL: "Poner {much} en la nariz",
            Route.OTHER: "Usar {much}",
            **dict.fromkeys(_INJECTED, "Inyectar {much}"),
        },
        "una sola vez",
        ("una vez al día", "{n} veces al día"),
        "a las {hours}",
        ("cada hora", "cada {n} horas"),
        "si es necesario, como máximo {n} veces en 24 horas",
        ("durante 1 día", "durante {n} días"),
        ("comprimido", "cápsula", "solución", "suspensión", "inyección", "infusión", "gotas", "inhalador",
         "parche", "supositorio", "crema", "polvo", "otro"),
        "Lote", "usar hasta", "Dispensado", "por", "Cantidad",
    ),
    "fr": Words(
        {
            Route.ORAL: "Prendre {much}",
            Route.SUBLINGUAL: "Laisser fondre {much} sous la langue",
            Route.INHALED: "Inhaler {much}",
            Route.RECTAL: "Introduire {much} dans le rectum",
            Route.TOPICAL: "Appliquer {much} sur la peau",
            Route.TRANSDERMAL: "Coller {much} sur la peau",
            Route.OPHTHALMIC: "Mettre {much} dans l’œil",
            Route.OTIC: "Mettre {much} dans l’oreille",
            Route.NASAL: "Mettre {much} dans le nez",
            Route.OTHER: "Utiliser {much}",
            **dict.fromkeys(_INJECTED, "Injecter {much}"),
        },
        "une seule fois",
        ("une fois par jour", "{n} fois par jour"),
        "à {hours}",
        ("toutes les heures", "toutes les {n} heures"),
        "si besoin, au plus {n} fois en 24 heures",
        ("pendant 1 jour", "pendant {n} jours"),
        ("comprimé", "gélule", "solution", "suspension", "injection", "perfusion", "gouttes", "inhalateur",
         "patch", "suppositoire", "crème", "poudre", "autre"),
        "Lot", "à utiliser avant fin", "Délivré", "par", "Quantité",
    ),
    "nl": Words(
        {
            Route.ORAL: "{much} innemen",
            Route.SUBLINGUAL: "{much} onder de tong laten smelten",
            Route.INHALED: "{much} inhaleren",
            Route.RECTAL: "{much} in de anus inbrengen",
            Route.TOPICAL: "{much} op de huid aanbrengen",
            Route.TRANSDERMAL: "{much} op de huid plakken",
            Route.OPHTHALMIC: "{much} in het oog doen",
            Route.OTIC: "{much} in het oor doen",
            Route.NASAL: "{much} in de neus doen",
            Route.OTHER: "{much} gebruiken",
            **dict.fromkeys(_INJECTED, "{much} injecteren"),
        },
        "eenmalig",
        ("eenmaal per dag", "{n} keer per dag"),
        "om {hours}",
        ("elk uur", "om de {n} uur"),
        "zo nodig, hoogstens {n} keer in 24 uur",
        ("1 dag lang", "{n} dagen lang"),
        ("tablet", "capsule", "oplossing", "suspensie", "injectie", "infuus", "druppels", "inhalator",
         "pleister", "zetpil", "crème", "poeder", "overig"),
        "Partij", "te gebruiken tot en met", "Afgeleverd", "door", "Hoeveelheid", ", ",
    ),
}  # fmt: skip
"""The languages of labels; any other gets English."""


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


def language_of(code: str) -> str:
    """``code``, if labels speak it, else English."""
    return code if code in LANGUAGES else "en"


def instruction(taken: Taken, language: str) -> str:
    """Such as: Take 1 capsule (500 mg) 3 times a day at 08:00, 14:00, and 20:00 for 5 days."""
    words, locale = LANGUAGES[language_of(language)], Locale.parse(language_of(language))
    units, dose = (format_decimal(each.normalize(), locale=locale) for each in (taken.units, taken.dose))
    much = f"{units} {taken.unit} ({dose} {taken.dose_unit})"
    said = [words.by_route[taken.route].format(much=much), *_how_often(taken.frequency, words, locale)]
    if taken.frequency.kind is not FrequencyKind.ONCE:
        said.append(_counted(words.lasting, taken.days))
    return words.joint.join(said) + "."


def _how_often(frequency: Frequency, words: Words, locale: Locale) -> list[str]:
    match frequency.kind:
        case FrequencyKind.ONCE:
            return [words.once]
        case FrequencyKind.TIMES_PER_DAY:
            hours = format_list(list(frequency.times), locale=locale)
            return [f"{_counted(words.daily, len(frequency.times))} {words.at.format(hours=hours)}"]
        case FrequencyKind.EVERY_HOURS:
            return [_counted(words.every, frequency.every_hours or 24)]
        case FrequencyKind.AS_NEEDED:
            return [words.as_needed.format(n=frequency.max_per_24h)]


def _counted(forms: tuple[str, str], number: int) -> str:
    return forms[0] if number == 1 else forms[1].format(n=number)
