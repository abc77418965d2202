"""What billing's papers say: one file per language, named by its code; any other language gets English.

A language is added by its file, and by its code in ``kernel/languages.py``; the tests compare every file with
the English one, word by word.
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
