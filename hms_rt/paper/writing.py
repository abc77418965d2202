"""How a line of text gets on paper: letters that a font has, Arabic ones joined, in the order they are seen.

reportlab lays out glyphs from left to right as it gets them (its own support of other directions needs a
package that PyPI has no wheel of). So Arabic letters are turned into their joined forms (arabic-reshaper) and
each finished line is ordered by the Unicode bidirectional algorithm (python-bidi). Latin, Greek, Cyrillic pay
for neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import groupby
from typing import Any

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from hms_rt.kernel.languages import RIGHT_TO_LEFT
from hms_rt.paper.fonts import MISSING, drawable, eastern, eastern_font, font, letters
from hms_rt.paper.ordering import ordered

FIRST_RIGHT_TO_LEFT = "\u0590"
"""Hebrew; Arabic and the marks of direction come after it."""
_MARKS = dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Marks of direction: they order a line and are not drawn."""


class Align(StrEnum):
    """Where a line stands in its room; ``start`` is where its paper begins to read."""

    START = "start"
    END = "end"
    LEFT = "left"
    RIGHT = "right"


@dataclass(slots=True)
class Pen:
    """Writes one paper in its language, and knows afterwards which letters no font has."""

    language: str = "en"
    missing: set[str] = field(default_factory=set)

    @property
    def rtl(self) -> bool:
        """Whether the paper reads from right to left."""
        return self.language in RIGHT_TO_LEFT

    def legible(self, text: str, *, bold: bool = False) -> str:
        """``text`` as its fonts can draw it, letters joined, still in the order it is read."""
        name = font(bold=bold)
        known = letters(name)
        if text.isascii() or all(one < FIRST_RIGHT_TO_LEFT and ord(one) in known for one in text):
            return text
        if _arabic(text):
            text = _reshaper().reshape(text)
        return "".join(self._legible(one, name) for one in text)

    def _legible(self, one: str, name: str) -> str:
        if eastern(one) or ord(one) in _MARKS:
            return one
        shown = drawable(one, name)
        if shown == MISSING and one != MISSING:
            self.missing.add(one)
        return shown

    def seen(self, line: str) -> str:
        """A legible line in the order in which it stands on paper, from left to right."""
        if line.isascii() or not any(one >= FIRST_RIGHT_TO_LEFT for one in line):
            return line
        if _ordered(line):
            line = ordered(line, rtl=self.rtl)
        return line.translate(_MARKS)

    def lines(self, legible: str, *, bold: bool, size: float, room: float) -> list[str]:
        """A legible text in lines of at most ``room`` points; a longer word goes on in the next line."""
        return [line for part in legible.split("\n") for line in _wrapped(part, bold, size, room)]

    def fitted(self, text: str, *, bold: bool, size: float, room: float) -> str:
        """A legible line, cut with an ellipsis where it is longer than ``room`` points."""
        shown = self.legible(text.replace("\n", " "), bold=bold)
        while shown not in ("", "…") and width(shown, bold=bold, size=size) > room:
            shown = shown.rstrip("…")[:-1] + "…"
        return shown

    def draw(
        self, canvas: Canvas, left: float, baseline: float, legible: str, *, bold: bool, size: float
    ) -> None:
        """Draw a legible line from ``left``."""
        for name, run in _runs(self.seen(legible), bold):
            canvas.setFont(name, size)
            canvas.drawString(left, baseline, run)
            left += stringWidth(run, name, size)

    def place(
        self,
        canvas: Canvas,
        room: tuple[float, float],
        baseline: float,
        legible: str,
        *,
        bold: bool = False,
        size: float,
        align: Align = Align.START,
    ) -> None:
        """Draw a legible line between two abscissae, where ``align`` says."""
        left, right = room
        if self.at_right(align):
            left = right - width(legible, bold=bold, size=size)
        self.draw(canvas, left, baseline, legible, bold=bold, size=size)

    def at_right(self, align: Align) -> bool:
        """Whether a line so aligned ends at the right."""
        return align is Align.RIGHT or align is (Align.START if self.rtl else Align.END)


def width(legible: str, *, bold: bool, size: float) -> float:
    """Of a legible text, in points."""
    return float(sum(stringWidth(run, name, size) for name, run in _runs(legible.translate(_MARKS), bold)))


def _runs(text: str, bold: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001
    """Parts of a line and the font of each."""
    if text.isascii() or not any(map(eastern, text)):
        yield font(bold=bold), text
        return
    other = eastern_font(text)
    for is_eastern, part in groupby(text, eastern):
        yield other if is_eastern else font(bold=bold), "".join(part)


def _wrapped(text: str, bold: bool, size: float, room: float) -> list[str]:  # noqa: FBT001
    lines, line, used = [], "", 0.0
    space = width(" ", bold=bold, size=size)
    for word in text.split(" "):
        wide = width(word, bold=bold, size=size)
        if line and used + space + wide > room:
            lines.append(line)
            line, used = "", 0.0
        while wide > room and len(word) > 1:
            fits = _fits(word, bold, size, room)
            lines.append(word[:fits])
            word = word[fits:]
            wide = width(word, bold=bold, size=size)
        line, used = (f"{line} {word}", used + space + wide) if line else (word, wide)
    return [*lines, line]


def _fits(word: str, bold: bool, size: float, room: float) -> int:  # noqa: FBT001
    """How many letters of a word fit, at least one."""
    fits = 1
    while fits < len(word) and width(word[: fits + 1], bold=bold, size=size) <= room:
        fits += 1
    return fits


def _arabic(text: str) -> bool:
    return any("\u0600" <= one <= "\u06ff" or "\u0750" <= one <= "\u077f" for one in text)


def _ordered(line: str) -> bool:
    """Whether a line has letters that are read from right to left, or marks of direction."""
    return any(
        FIRST_RIGHT_TO_LEFT <= one <= "\u08ff" or "\u200e" <= one <= "\u200f" or "\ufb1d" <= one <= "\ufefc"
        for one in line
    )


@cache
def _reshaper() -> Any:
    """Joins Arabic letters; vowel marks, which would need placing, are dropped; no word becomes one sign."""
    from arabic_reshaper import ArabicReshaper

    return ArabicReshaper({"delete_harakat": True, "RIAL SIGN": False, "ARABIC LIGATURE ALLAH": False})
