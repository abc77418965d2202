"""What is printed when the server is down: tables on A4.

A sheet fits on one page as long as its lines stay legible (40 of them across, 60 upright), else it goes on.
The time whose state it shows stands on top, as large as its title: paper does not change by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from hms_rt.paper.missing import told_of
from hms_rt.paper.writing import Align, Pen, width

MARGIN = 9 * mm
HEAD = 19 * mm
TIME = 62 * mm
"""What the moment takes beside the title."""
TALLEST, LOWEST = 8 * mm, 4.3 * mm
"""Of a line: as tall as one page allows; below the least, lines go on to another page."""
SMALLEST = 5.0
"""Of the type of a cell, in points."""


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
    language: str = "en"


def pdf(sheet: Sheet) -> bytes:
    """The sheet as PDF; from right to left, its columns stand the other way round."""
    out = BytesIO()
    page, pen = sheet.page, Pen(sheet.language)
    canvas = Canvas(out, pagesize=(page.width, page.height), pageCompression=1)
    canvas.setTitle(sheet.title)
    starts = range(0, len(sheet.lines), page.lines)
    pages = [sheet.lines[start : start + page.lines] for start in starts] or [()]
    for number, lines in enumerate(pages, 1):
        tall = min(TALLEST, page.room / max(1, len(lines)))
        for position, line in enumerate(lines):
            _line(
                canvas, sheet, pen, line, page.height - MARGIN - HEAD - (position + 1) * tall, tall, position
            )
        _head(canvas, sheet, pen, f"{number}/{len(pages)}" if len(pages) > 1 else "")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _head(canvas: Canvas, sheet: Sheet, pen: Pen, number: str) -> None:
    """Drawn after the lines, so that it can say which of their letters no font has."""
    page = sheet.page
    top, right = page.height - MARGIN, page.width - MARGIN
    edges = (MARGIN, right)
    title = pen.fitted(sheet.title, bold=True, size=17, room=page.inner - TIME)
    pen.place(canvas, edges, top - 6 * mm, title, bold=True, size=17)
    moment = pen.legible(sheet.moment, bold=True)
    pen.place(canvas, edges, top - 6 * mm, moment, bold=True, size=17, align=Align.END)
    told = " ".join(part for part in (sheet.note, number, told_of(pen)) if part)
    pen.place(canvas, edges, top - 11 * mm, pen.fitted(told, bold=False, size=8, room=page.inner), size=8)
    for (left, wide), (heading, _) in zip(_places(sheet, pen), sheet.columns, strict=True):
        _cell(canvas, pen, (left + mm, left + wide - mm), top - HEAD + 1.4 * mm, heading, 8, bold=True)
    canvas.setLineWidth(0.8)
    canvas.line(MARGIN, top - HEAD, right, top - HEAD)


def _line(
    canvas: Canvas, sheet: Sheet, pen: Pen, line: Line, bottom: float, tall: float, position: int
) -> None:
    if position % 2:
        canvas.setFillGray(0.93)
        canvas.rect(MARGIN, bottom, sheet.page.inner, tall, stroke=0, fill=1)
        canvas.setFillGray(0)
    size = min(9.0, tall * 0.55)
    baseline = bottom + (tall - size) / 2 + size * 0.18
    for column, ((left, wide), cell) in enumerate(zip(_places(sheet, pen), line.cells, strict=True)):
        _cell(canvas, pen, (left + mm, left + wide - mm), baseline, cell, size, bold=column in line.strong)
    canvas.setLineWidth(0.25)
    canvas.line(MARGIN, bottom, MARGIN + sheet.page.inner, bottom)


def _cell(
    canvas: Canvas,
    pen: Pen,
    edges: tuple[float, float],
    baseline: float,
    text: str,
    size: float,
    *,
    bold: bool,
) -> None:
    """A text, smaller where it is long, so that no allergy is cut off; cut only where none could read it."""
    room = edges[1] - edges[0]
    wide = width(pen.legible(text, bold=bold), bold=bold, size=1)
    size = min(size, max(SMALLEST, room / wide * 0.999)) if wide else size
    shown = pen.fitted(text, bold=bold, size=size, room=room)
    pen.place(canvas, edges, baseline, shown, bold=bold, size=size)


def _places(sheet: Sheet, pen: Pen) -> list[tuple[float, float]]:
    """Where each column begins at the left, and its width."""
    places, used = [], 0.0
    for _, wide in sheet.columns:
        begins = sheet.page.width - MARGIN - used - wide * mm if pen.rtl else MARGIN + used
        places.append((begins, wide * mm))
        used += wide * mm
    return places
