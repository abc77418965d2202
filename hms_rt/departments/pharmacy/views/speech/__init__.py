"""The words of labels: one file per language, named by its code; another language gets English.

A language is added by its file, and by its code in ``kernel/languages.py``.
"""

from functools import cache
from importlib import import_module

from hms_rt.departments.pharmacy.views.speech.words import Words
from hms_rt.kernel.languages import language_of


@cache
def words(language: str) -> Words:
    """What labels say in a language."""
    known: Words = import_module(f"{__name__}.{language_of(language)}").WORDS
    return known
