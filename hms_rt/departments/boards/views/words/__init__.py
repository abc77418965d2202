"""What a census and a queue on paper say: one file per language; any other language gets English.

Short names of readings (RR, SpO2, BP) are those of monitors and the same in every language.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from hms_rt.kernel.languages import language_of


@cache
def words(language: str) -> Mapping[str, str]:
    """Every word in a language, English if it has none."""
    known: Mapping[str, str] = import_module(f"{__name__}.{language_of(language)}").WORDS
    return known
