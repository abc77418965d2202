"""What is said when a number is called, in several languages. Pure.

How a number is spelled is left to the speech of the screen, which knows its language.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hms_rt.kernel.errors import Code, HmsError

TEXTS: Mapping[str, str] = {
    "ar": "الرقم {label}، يرجى التوجه إلى {counter}",
    "de": "Nummer {label}, bitte zu {counter}",
    "en": "Number {label}, please go to {counter}",
    "es": "Número {label}, pase a {counter}",
    "fr": "Numéro {label}, veuillez vous rendre à {counter}",
    "it": "Numero {label}, si prega di andare a {counter}",
    "nl": "Nummer {label}, komt u alstublieft naar {counter}",
    "pl": "Numer {label}, proszę do: {counter}",
    "pt": "Senha {label}, por favor dirija-se a {counter}",
    "ru": "Номер {label}, пройдите, пожалуйста: {counter}",
    "tr": "{label} numara, lütfen {counter} bölümüne geçin",
    "uk": "Номер {label}, пройдіть, будь ласка: {counter}",
}
"""Language -> what is said there unless the clinic has words of its own."""

SLOTS = frozenset({"label", "counter"})
_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Announcement:
    """A text with the slots ``{label}`` and ``{counter}``, in one language (BCP 47)."""

    language: str
    text: str


def announcement(language: str, text: str | None) -> Announcement:
    """The announcement in ``language``; raises ``invalid`` for a text without its slots, or for none in a
    language that this page does not know."""
    said = text or TEXTS.get(language.partition("-")[0])
    if said is None:
        known = ", ".join(sorted(TEXTS))
        raise HmsError(Code.INVALID, f"text: there is a text of ours for {known} only: say yours")
    if set(_BRACES.findall(said)) != SLOTS or re.search(r"[{}]", _BRACES.sub("", said)):
        raise HmsError(Code.INVALID, "text: it holds {label} and {counter}, and no other braces")
    return Announcement(language, said)
