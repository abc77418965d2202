"""A document on A4, upright: who sends it, to whom, what about, a table that goes on over pages, sums.

Whoever prints composes a :class:`Document` of finished texts; here is only how it looks. Amounts come as
text: nothing is calculated, so nothing is rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table

from hms_rt.paper import drawable, fitted, font

WIDTH, HEIGHT = A4
MARGIN = 18 * mm
ROOM = WIDTH - 2 * MARGIN
PADDING = 1.2 * mm


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, its width in millimetres (all together 174), and whether it holds numbers."""

    heading: str
    width: int
    number: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: a row is a text for each column; its head is repeated on every page."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What a paper says. ``stamp`` stands across the head of every page (a copy, a draft, void)."""

    title: str
    sender: Sequence[str]
    addressed: Sequence[str]
    facts: Sequence[tuple[str, str]]
    grids: Sequence[Grid]
    sums: Sequence[tuple[str, str, bool]] = ()
    """Label, amount, and whether it is what counts."""
    notes: Sequence[str] = ()
    signatures: Sequence[str] = ()
    stamp: str = ""
    page: str = "{page}/{pages}"
    footer: Sequence[str] = field(default=())


def pdf(document: Document) -> bytes:
    """The document as PDF; the same document gives the same bytes."""
    out = BytesIO()
    made = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=document.title,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN + 4 * mm,
        bottomMargin=MARGIN + 6 * mm,
        invariant=1,
    )
    made.build(_told(document), canvasmaker=partial(_Numbered, document=document))
    return out.getvalue()


def _styles() -> tuple[ParagraphStyle, ParagraphStyle, ParagraphStyle]:
    plain = ParagraphStyle("plain", fontName=font(bold=False), fontSize=9, leading=12)
    strong = ParagraphStyle("strong", parent=plain, fontName=font(bold=True))
    title = ParagraphStyle("title", parent=strong, fontSize=15, leading=20, spaceAfter=3 * mm)
    return plain, strong, title


def _shown(text: str, style: ParagraphStyle) -> Paragraph:
    """A paragraph of what the font can draw; a character that it cannot is not left out silently."""
    return Paragraph(escape("".join(drawable(one, style.fontName) for one in text)), style)


def _told(document: Document) -> list[Flowable]:
    plain, strong, title = _styles()
    told: list[Flowable] = [_head(document), Spacer(1, 6 * mm), _shown(document.title, title)]
    facts = [[_shown(name, plain), _shown(value, strong)] for name, value in document.facts]
    if facts:
        told += [Table(facts, colWidths=[45 * mm, ROOM - 45 * mm], style=_tight()), Spacer(1, 5 * mm)]
    for grid in document.grids:
        told += [*([_shown(grid.title, strong)] if grid.title else []), _table(grid), Spacer(1, 4 * mm)]
    if document.sums:
        told += [KeepTogether([_sums(document.sums)]), Spacer(1, 5 * mm)]
    told += [_shown(note, plain) for note in document.notes]
    if document.signatures:
        lines = [[_shown("_" * 24, plain), _shown(name, plain)] for name in document.signatures]
        told += [Spacer(1, 14 * mm), KeepTogether([Table(lines, colWidths=[55 * mm, ROOM - 55 * mm])])]
    return told


def _head(document: Document) -> Table:
    """To whom on the left, where the window of an envelope is; from whom on the right."""
    plain, strong, _ = _styles()
    to = [_shown(line, plain) for line in document.addressed] or [_shown(" ", plain)]
    since = [_shown(line, strong if not place else plain) for place, line in enumerate(document.sender)]
    return Table([[to, since or [_shown(" ", plain)]]], colWidths=[ROOM * 0.6, ROOM * 0.4], style=_tight())


def _tight() -> list[tuple[Any, ...]]:
    return [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0.3 * mm),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0.3 * mm),
    ]


def _table(grid: Grid) -> LongTable:
    plain, strong, _ = _styles()
    right = ParagraphStyle("right", parent=plain, alignment=TA_RIGHT)
    right_head = ParagraphStyle("right_head", parent=strong, alignment=TA_RIGHT)
    head = [_shown(one.heading, right_head if one.number else strong) for one in grid.columns]
    rows = [
        [_shown(cell, right if one.number else plain) for one, cell in zip(grid.columns, row, strict=True)]
        for row in grid.rows
    ]
    style = [
        *_tight(),
        ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
        ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.grey),
    ]
    widths = [one.width * mm for one in grid.columns]
    return LongTable([head, *rows], colWidths=widths, repeatRows=1, style=style)


def _sums(sums: Sequence[tuple[str, str, bool]]) -> Table:
    plain, strong, _ = _styles()
    styles = {
        bold: ParagraphStyle("sum", parent=strong if bold else plain, alignment=TA_RIGHT)
        for bold in (False, True)
    }
    rows = [[_shown(name, styles[bold]), _shown(value, styles[bold])] for name, value, bold in sums]
    return Table(rows, colWidths=[ROOM - 45 * mm, 45 * mm], style=_tight())


class _Numbered(Canvas):  # type: ignore[misc]
    """Pages that say how many there are: known when the last one is there."""

    def __init__(self, *arguments: Any, document: Document, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._document = document
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - the library's name
        """Keep the page until all are there."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Draw what every page has, and write all of them."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self._frame(number, len(self._pages))
            super().showPage()
        super().save()

    def _frame(self, number: int, pages: int) -> None:
        document, plain = self._document, font(bold=False)
        self.setFont(plain, 7.5)
        for place, line in enumerate(reversed(document.footer)):
            shown = fitted(line, plain, 7.5, ROOM - 30 * mm)
            self.drawString(MARGIN, MARGIN - 2 * mm + place * 3.2 * mm, shown)
        counted = document.page.format(page=number, pages=pages)
        self.drawRightString(WIDTH - MARGIN, MARGIN - 2 * mm, fitted(counted, plain, 7.5, 30 * mm))
        if document.stamp:
            self.setFont(font(bold=True), 13)
            shown = fitted(document.stamp, font(bold=True), 13, ROOM)
            self.drawRightString(WIDTH - MARGIN, HEIGHT - MARGIN + 2 * mm, shown)
