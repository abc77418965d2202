"""The languages that the server speaks and prints: every text of ours exists in each of them.

A language is added here; the tests then name what still lacks its words.
"""

LANGUAGES = ("en", "de", "es", "fr", "nl", "it", "pt", "pl", "tr", "ru", "uk", "ar")
"""ISO 639-1, as in ``FACILITY_LANGUAGE`` and in a person's preferences."""
FALLBACK = "en"
"""What is spoken where a facility's language is none of them."""
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def language_of(code: str) -> str:
    """``code`` if texts of ours exist in it, else English."""
    return code if code in LANGUAGES else FALLBACK


def isolated(text: str, language: str) -> str:
    """``text`` to stand inside a sentence: from right to left it keeps its own order and stays in one line.

    Without it the digits of ``2.5 mL (60 mg)`` and of what follows would change places (Unicode's annex 9).
    """
    return f"\u2068{text}\u2069".replace(" ", "\u00a0") if language in RIGHT_TO_LEFT else text
