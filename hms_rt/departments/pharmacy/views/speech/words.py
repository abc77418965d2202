"""What a language has to say on labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from babel.core import Locale

from hms_rt.departments.pharmacy.model.formulary import Form, Route

INJECTED = (Route.INTRAVENOUS, Route.INTRAMUSCULAR, Route.SUBCUTANEOUS)

Counted = Mapping[str, str]
"""A phrase with ``{n}`` by plural category of the language (CLDR: ``two``, ``few``, ``many`` … and ``other``,
which every phrase has); ``=1`` is said of exactly one."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language; ``joint`` stands between the parts of a sentence."""

    by_route: Mapping[Route, str]
    once: str
    daily: Counted
    at: str
    every: Counted
    as_needed: Counted
    lasting: Counted
    forms: Sequence[str]
    lots: str
    dispensed: str
    quantity: str
    joint: str = " "

    def form(self, form: Form) -> str:
        """The name of a form."""
        return self.forms[list(Form).index(form)]


def counted(phrase: Counted, number: int, locale: Locale) -> str:
    """``phrase`` for ``number``, in the plural that the language has for it."""
    said = phrase.get(f"={number}") or phrase.get(locale.plural_form(number)) or phrase["other"]
    return said.format(n=number)
