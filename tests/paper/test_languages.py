"""Every paper and label says everything in every language: no word missing, no slot lost, no English left."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from babel.core import Locale

from hms_rt.departments.beds.model.bed import BedStatus
from hms_rt.departments.beds.model.suitability import Isolation
from hms_rt.departments.billing.model.invoice import InvoiceKind
from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.views import words as billing
from hms_rt.departments.boards.views import words as boards
from hms_rt.departments.ipd.views import letter_words as letter
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.views import words as lab
from hms_rt.departments.opd.model.announcing import TEXTS
from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.pharmacy.model.formulary import Form, Route
from hms_rt.departments.pharmacy.views import speech
from hms_rt.departments.pharmacy.views.speech.words import counted
from hms_rt.kernel.languages import LANGUAGES, language_of
from hms_rt.paper import missing

SAME_AS_ENGLISH = {
    ("billing", "de"): {"patient"},
    ("billing", "es"): {"cheque", "total"},
    ("billing", "fr"): {"date", "mobile", "net", "patient", "signed", "total"},
    ("billing", "nl"): {"cheque"},
    ("billing", "pt"): {"cheque", "total"},
    ("billing", "tr"): {"net"},
    ("boards", "de"): {"patient", "sex_male"},
    ("boards", "es"): {"sex_other"},
    ("boards", "fr"): {"patient", "sex_female", "sex_other", "priority_urgent"},
    ("boards", "nl"): {"bed", "open", "sex_male", "sex_other"},
    ("boards", "it"): {"sex_female", "sex_male", "sex_other"},
    ("boards", "pt"): {"sex_female", "sex_male", "sex_other"},
    ("boards", "pl"): {"sex_male", "sex_other"},
    ("boards", "tr"): {"sex_other"},
    ("boards", "ru"): {"sex_other"},
    ("boards", "uk"): {"sex_other"},
    ("lab", "fr"): {"urgent"},
}
"""Words that a language spells as English does."""


def said_by_pharmacy(language: str) -> dict[str, str]:
    words = speech.words(language)
    told = {route.value: text for route, text in words.by_route.items()}
    for name in ("daily", "every", "as_needed", "lasting"):
        told[name] = getattr(words, name)["other"]
    return told | {name: getattr(words, name) for name in ("once", "at", "lots", "dispensed", "quantity")}


def said_by_lab(language: str) -> dict[str, str]:
    words = lab.words(language)
    return {"born": words.born, "taken": words.taken, "urgent": words.urgencies[0]}


SPOKEN: Mapping[str, Callable[[str], Mapping[str, str]]] = {
    "billing": billing.words,
    "boards": boards.words,
    "letter": letter.words,
    "lab": said_by_lab,
    "pharmacy": said_by_pharmacy,
    "missing": lambda language: {"missing": missing.SENTENCES[language_of(language)]},
    "announcing": lambda language: {"called": TEXTS[language_of(language)]},
}


def slots(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("part", SPOKEN)
def test_a_language_says_everything_with_the_same_slots_and_in_its_own_words(
    part: str, language: str
) -> None:
    english: Mapping[str, str] = SPOKEN[part]("en")
    told = SPOKEN[part](language)
    assert list(told) == list(english), "the order of the English file, so that two files can be compared"
    for name, text in told.items():
        assert text.strip() == text != "", name
        assert slots(text) == slots(english[name]), name
    left = {name for name in english if told[name] == english[name]}
    assert left <= SAME_AS_ENGLISH.get((part, language), set()), "English left behind"


def test_another_language_gets_english_and_files_have_no_other_names() -> None:
    assert billing.words("xx") == billing.words("en") != billing.words("ar")
    for package in (billing, boards, speech):
        files = {each.stem for each in Path(package.__path__[0]).glob("??.py")}
        assert files == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_route_form_specimen_kind_and_plural_has_its_words(language: str) -> None:
    words, locale = speech.words(language), Locale.parse(language)
    assert set(words.by_route) == set(Route)
    assert len(set(words.forms)) == len(Form)
    assert len(set(lab.words(language).kinds)) == len(SpecimenKind)
    assert {one.value for one in (*InvoiceKind, *Means)} <= billing.words(language).keys()
    assert {
        *(f"bed_{one.value}" for one in BedStatus),
        *(f"token_{one.value}" for one in TokenState),
        *(f"isolation_{one.value}" for one in Isolation),
    } <= boards.words(language).keys()
    for phrase in (words.daily, words.every, words.as_needed, words.lasting):
        said = [counted(phrase, number, locale) for number in range(1, 367)]
        assert not any(re.search(r"[{}]", one) for one in said)
        assert all(str(number) in one for number, one in enumerate(said, 1) if number > 2)
        assert set(phrase) <= {"=1", *locale.plural_form.tags, "other"}


@pytest.mark.parametrize(
    ("language", "days"),
    [
        ("pl", {1: "przez 1 dzień", 2: "przez 2 dni", 5: "przez 5 dni"}),
        (
            "ru",
            {1: "в течение 1 дня", 3: "в течение 3 дней", 21: "в течение 21 дня", 25: "в течение 25 дней"},
        ),
        ("uk", {1: "протягом 1 дня", 3: "протягом 3 днів", 21: "протягом 21 дня", 11: "протягом 11 днів"}),
        (
            "ar",
            {1: "لمدة يوم واحد", 2: "لمدة يومين", 5: "لمدة 5 أيام", 14: "لمدة 14 يوماً", 100: "لمدة 100 يوم"},
        ),
    ],
)
def test_days_are_counted_in_the_plural_of_the_language(language: str, days: dict[int, str]) -> None:
    words, locale = speech.words(language), Locale.parse(language)
    assert {number: counted(words.lasting, number, locale) for number in days} == days
