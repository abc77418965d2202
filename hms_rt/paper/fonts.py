"""The fonts of every PDF, and which letters they have.

DejaVu Sans comes with hms-rt (see ``hatch_build.py``): Latin with every accent, Greek, Cyrillic, Hebrew, and
Arabic in its joined forms. Chinese, Japanese and Korean are written in fonts that every viewer and printer
driver brings (Adobe's standard CID fonts); no file of ours holds them.
"""

from collections.abc import Set
from functools import cache
from pathlib import Path
from unicodedata import combining, normalize

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

FOLDERS = (
    Path(__file__).parent / "vendor/dejavu-fonts-ttf",  # ours
    Path("/usr/share/fonts/truetype/dejavu"),  # Debian, Ubuntu
    Path("/usr/share/fonts/dejavu-sans-fonts"),  # Fedora, RHEL
    Path("/usr/share/fonts/TTF"),  # Arch
)
"""Where DejaVu Sans is found; without it, reportlab's own font (letters of Western Europe and Turkish)."""

SAMPLES = {
    "pl": "ąćęłńóśźż",
    "ru": "Ждёшьъэю₽",
    "uk": "ґєіїщ₴",
    "ar": "\ufe8d\ufedf\ufecc\ufeae\ufe91\ufef4\ufe94",
}
"""Letters that show whether a font has a language; what is not named here is written by any font."""

JAPANESE, KOREAN, CHINESE = "HeiseiKakuGo-W5", "HYGothic-Medium", "STSong-Light"
MISSING = "?"
"""Stands for a letter that no font here has; papers say so."""


@cache
def font(*, bold: bool) -> str:
    """The name of the font of every PDF, registered."""
    wanted = "DejaVuSans-Bold" if bold else "DejaVuSans"
    for folder in FOLDERS:
        if (path := folder / f"{wanted}.ttf").is_file():
            pdfmetrics.registerFont(TTFont(wanted, str(path)))
            return wanted
    name = "VeraBd" if bold else "Vera"
    pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    return name


@cache
def letters(name: str) -> Set[int]:
    """The code points that a font has."""
    return frozenset(pdfmetrics.getFont(name).face.charToGlyph)


def lacking(language: str) -> str:
    """What ``config check`` says of a language whose letters the fonts of this machine do not have, else
    nothing."""
    missed = [one for one in SAMPLES.get(language, "") if ord(one) not in letters(font(bold=False))]
    if not missed:
        return ""
    return (
        f"FACILITY_LANGUAGE={language}: no font here has its letters, papers would show ?. DejaVu Sans comes "
        f"with hms-rt: install it anew, or the system's package (fonts-dejavu-core, dejavu-sans-fonts)"
    )


def drawable(character: str, font_name: str) -> str:
    """``character``, or its letter without accents, or ``?``: what a font cannot draw would be left out."""
    known = letters(font_name)
    if ord(character) in known:
        return character
    plain = "".join(c for c in normalize("NFKD", character) if not combining(c))
    return plain if plain and all(ord(c) in known for c in plain) else MISSING


def eastern(character: str) -> bool:
    """Whether a character is written in a Chinese, Japanese or Korean font."""
    code = ord(character)
    return (
        0x2E80 <= code <= 0x9FFF
        or 0xAC00 <= code <= 0xD7A3
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFF60
    )


def eastern_font(text: str) -> str:
    """The font of a text's Chinese, Japanese and Korean characters; Han alone is taken for Chinese."""
    name = CHINESE
    if any(0x3040 <= ord(one) <= 0x30FF for one in text):
        name = JAPANESE
    elif any(0xAC00 <= ord(one) <= 0xD7A3 for one in text):
        name = KOREAN
    _register(name)
    return name


@cache
def _register(name: str) -> None:
    pdfmetrics.registerFont(UnicodeCIDFont(name))
