"""What is printed when the server is down: tables on A4, and the fonts of every PDF.

A sheet fits on one page as long as its lines stay legible (40 of them across, 60 upright), else it goes on.
The time whose state it shows stands on top, as large as its title: paper does not change by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from unicodedata import combining, normalize

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

_SYSTEM_FONTS = (
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),  # Debian, Ubuntu
    Path("/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf"),  # Fedora, RHEL
    Path("/usr/share/fonts/TTF/DejaVuSans.ttf"),  # Arch
)
"""Where a font for many scripts is found; without one, the font that comes with reportlab (Latin only)."""

MARGIN = 9 * mm
HEAD = 19 * mm
TIME = 62 * mm
"""What the moment takes beside the title."""
TALLEST, LOWEST = 8 * mm, 4.3 * mm
"""Of a line: as tall as one page allows; below the least, lines go on to another page."""


@dataclass(frozen=True, slots=True)
class Page:
    """A size of paper, in points."""

    width: float
    height: float

    @property
    def inner(self) -> float:
        """The width between the margins."""
        return float(self.width - 2 * MARGIN)

    @property
    def room(self) -> float:
        """The height that lines share."""
        return float(self.height - 2 * MARGIN - HEAD)

    @property
    def lines(self) -> int:
        """Lines that one page takes."""
        return int(self.room // LOWEST)


ACROSS, UPRIGHT = Page(*landscape(A4)), Page(*A4)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet: a text per column; those in ``strong`` are set in bold."""

    cells: Sequence[str]
    strong: frozenset[int] = frozenset({0, 1})


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to print. ``columns`` are headings and widths in millimetres, together at most 279 across and
    192 upright."""

    title: str
    moment: str
    note: str
    columns: Sequence[tuple[str, float]]
    lines: Sequence[Line]
    page: Page = ACROSS


def pdf(sheet: Sheet) -> bytes:
    """The sheet as PDF."""
    out = BytesIO()
    page = sheet.page
    canvas = Canvas(out, pagesize=(page.width, page.height), pageCompression=1)
    canvas.setTitle(sheet.title)
    starts = range(0, len(sheet.lines), page.lines)
    pages = [sheet.lines[start : start + page.lines] for start in starts] or [()]
    for number, lines in enumerate(pages, 1):
        _head(canvas, sheet, f"{number}/{len(pages)}" if len(pages) > 1 else "")
        tall = min(TALLEST, page.room / max(1, len(lines)))
        for position, line in enumerate(lines):
            _line(canvas, sheet, line, page.height - MARGIN - HEAD - (position + 1) * tall, tall, position)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _head(canvas: Canvas, sheet: Sheet, number: str) -> None:
    page, bold = sheet.page, font(bold=True)
    top, right = page.height - MARGIN, page.width - MARGIN
    canvas.setFont(bold, 17)
    canvas.drawString(MARGIN, top - 6 * mm, fitted(sheet.title, bold, 17, page.inner - TIME))
    canvas.drawRightString(right, top - 6 * mm, sheet.moment)
    canvas.setFont(font(bold=False), 8)
    told = fitted(f"{sheet.note} {number}".strip(), font(bold=False), 8, page.inner)
    canvas.drawString(MARGIN, top - 11 * mm, told)
    canvas.setFont(bold, 8)
    left = MARGIN
    for heading, wide in sheet.columns:
        canvas.drawString(left + 1 * mm, top - HEAD + 1.4 * mm, heading)
        left += wide * mm
    canvas.setLineWidth(0.8)
    canvas.line(MARGIN, top - HEAD, right, top - HEAD)


def _line(canvas: Canvas, sheet: Sheet, line: Line, bottom: float, tall: float, position: int) -> None:
    if position % 2:
        canvas.setFillGray(0.93)
        canvas.rect(MARGIN, bottom, sheet.page.inner, tall, stroke=0, fill=1)
        canvas.setFillGray(0)
    size = min(9.0, tall * 0.55)
    left, baseline = MARGIN, bottom + (tall - size) / 2 + size * 0.18
    for column, ((_, wide), cell) in enumerate(zip(sheet.columns, line.cells, strict=True)):
        used = font(bold=column in line.strong)
        canvas.setFont(used, size)
        canvas.drawString(left + 1 * mm, baseline, fitted(cell, used, size, (wide - 2) * mm))
        left += wide * mm
    canvas.setLineWidth(0.25)
    canvas.line(MARGIN, bottom, MARGIN + sheet.page.inner, bottom)


def fitted(text: str, font_name: str, size: float, room: float) -> str:
    """``text`` as the font can draw it, cut with an ellipsis where it is longer than ``room`` points."""
    shown = "".join(drawable(character, font_name) for character in text)
    while pdfmetrics.stringWidth(shown, font_name, size) > room:
        shown = shown.rstrip("…")[:-1] + "…"
    return shown


def drawable(character: str, font_name: str) -> str:
    """``character``, or its letter without accents, or ``?``: what a font cannot draw would be left out."""
    known = pdfmetrics.getFont(font_name).face.charToGlyph
    if ord(character) in known:
        return character
    plain = "".join(c for c in normalize("NFKD", character) if not combining(c))
    return plain if plain and all(ord(c) in known for c in plain) else "?"


@cache
def font(*, bold: bool) -> str:
    """The name of the font of every PDF, registered."""
    for path in _SYSTEM_FONTS:
        wanted = path.with_name(path.name.replace("Sans.", "Sans-Bold.")) if bold else path
        if wanted.is_file():
            pdfmetrics.registerFont(TTFont(wanted.stem, str(wanted)))
            return wanted.stem
    name = "VeraBd" if bold else "Vera"
    pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    return name
