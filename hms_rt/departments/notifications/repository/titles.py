"""Titles in rows: the English text, and the phrase with its slots where there is one."""

from typing import Any

from sqlalchemy import Row

from hms_rt.departments.notifications.model.notification import Said
from hms_rt.departments.notifications.model.wording import Phrase, Wording

_PHRASES = {phrase.value: phrase for phrase in Phrase}


def said(row: Row[Any]) -> Said:
    """The title of a row; of a phrase that this version does not know, the text."""
    phrase = _PHRASES.get(row.phrase)
    return Said(row.title, Wording(phrase, row.slots) if phrase is not None else None)


def columns(one: Said) -> dict[str, Any]:
    """The same as columns."""
    wording = one.wording
    return {
        "title": one.title,
        "phrase": wording.phrase.value if wording is not None else None,
        "slots": dict(wording.slots) if wording is not None else None,
    }
