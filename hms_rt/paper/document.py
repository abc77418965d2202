"""A document on A4, upright: who sends it, to whom, what about, a table that goes on over pages, sums.

Whoever prints composes a :class:`Document` of finished texts; here is only how it looks. Amounts come as
text: nothing is calculated, so nothing is rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, LongTable, SimpleDocTemplate, Spacer, Table

from hms_rt.paper.missing import told_of
from hms_rt.paper.text import Text
from hms_rt.paper.writing import Align, Pen

WIDTH, HEIGHT = A4
MARGIN = 18 * mm
ROOM = WIDTH - 2 * MARGIN
PADDING = 1.2 * mm
SIZE = 9.0
FRAME = 6
"""What the library's frame adds to a margin."""


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
    language: str = "en"
    """In which it is written; Arabic is laid out from right to left."""


def pdf(document: Document) -> bytes:
    """The document as PDF; the same document gives the same bytes."""
    out = BytesIO()
    made = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=document.title,
        leftMargin=MARGIN - FRAME,
        rightMargin=MARGIN - FRAME,
        topMargin=MARGIN + 4 * mm,
        bottomMargin=MARGIN + 6 * mm,
        invariant=1,
    )
    pen = Pen(document.language)
    frame = _Frame(pen, document)
    made.build(_Layout(pen).told(document), canvasmaker=partial(_Numbered, frame=frame))
    return out.getvalue()


class _Layout:
    """Lays out one document; from right to left, columns stand the other way round."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen

    def text(
        self,
        text: str,
        *,
        bold: bool = False,
        size: float = SIZE,
        align: Align = Align.START,
        after: float = 0,
        whole: bool = False,
    ) -> Text:
        """A text in the document's type."""
        return Text(self._pen, text, bold=bold, size=size, align=align, after=after, whole=whole)

    def table(
        self, rows: Sequence[Sequence[Any]], widths: Sequence[float], style: Sequence[Any] = ()
    ) -> Table:
        """Rows whose first column stands where reading begins."""
        kept = [self._turned(row) for row in rows]
        return Table(kept, colWidths=self._turned(widths), style=[*_tight(rtl=self._pen.rtl), *style])

    def _turned(self, row: Sequence[Any]) -> list[Any]:
        return list(reversed(row)) if self._pen.rtl else list(row)

    def told(self, document: Document) -> list[Flowable]:
        """All of it, from head to signatures."""
        text = self.text
        told: list[Flowable] = [self._head(document), Spacer(1, 6 * mm)]
        told.append(text(document.title, bold=True, size=15, after=3 * mm))
        facts = [[text(name), text(value, bold=True)] for name, value in document.facts]
        if facts:
            told += [self.table(facts, [45 * mm, ROOM - 45 * mm]), Spacer(1, 5 * mm)]
        for grid in document.grids:
            told += [
                *([text(grid.title, bold=True)] if grid.title else []),
                self._grid(grid),
                Spacer(1, 4 * mm),
            ]
        if document.sums:
            told += [KeepTogether([self._sums(document.sums)]), Spacer(1, 5 * mm)]
        told += [text(note) for note in document.notes]
        if document.signatures:
            lines = [[text("_" * 24), text(name)] for name in document.signatures]
            told += [Spacer(1, 14 * mm), KeepTogether([self.table(lines, [55 * mm, ROOM - 55 * mm])])]
        if unwritten := told_of(self._pen):
            told += [Spacer(1, 4 * mm), text(unwritten)]
        return told

    def _head(self, document: Document) -> Table:
        """To whom where reading begins, so on the left in most languages, where the window of an envelope is;
        from whom on the other side."""
        to = [self.text(line) for line in document.addressed] or [self.text(" ")]
        since = [self.text(line, bold=place == 0) for place, line in enumerate(document.sender)]
        return self.table([[to, since or [self.text(" ")]]], [ROOM * 0.6, ROOM * 0.4])

    def _grid(self, grid: Grid) -> LongTable:
        """Numbers end at the right in every language: places stand below places."""
        aligns = [Align.RIGHT if one.number else Align.START for one in grid.columns]
        head = [
            self.text(one.heading, bold=True, align=align, whole=True)
            for one, align in zip(grid.columns, aligns, strict=True)
        ]
        rows = [
            self._turned(
                [
                    self.text(cell, align=align, whole=align is Align.RIGHT)
                    for align, cell in zip(aligns, row, strict=True)
                ]
            )
            for row in grid.rows
        ]
        style = [
            *_tight(rtl=self._pen.rtl),
            ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
            ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.grey),
        ]
        widths = self._turned([one.width * mm for one in grid.columns])
        return LongTable([self._turned(head), *rows], colWidths=widths, repeatRows=1, style=style)

    def _sums(self, sums: Sequence[tuple[str, str, bool]]) -> Table:
        """Each label beside its amount."""
        rows = [
            [
                self.text(name, bold=bold, align=Align.END),
                self.text(value, bold=bold, align=Align.RIGHT, whole=True),
            ]
            for name, value, bold in sums
        ]
        return self.table(rows, [ROOM - 45 * mm, 45 * mm])


def _tight(*, rtl: bool) -> list[tuple[Any, ...]]:
    return [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("RIGHTPADDING" if rtl else "LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 0.3 * mm),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0.3 * mm),
    ]


class _Frame:
    """What stands on every page, around the text."""

    def __init__(self, pen: Pen, document: Document) -> None:
        self._pen, self._page = pen, document.page
        self._stamp = pen.fitted(document.stamp, bold=True, size=13, room=ROOM)
        self._footer = [
            pen.fitted(line, bold=False, size=7.5, room=ROOM - 30 * mm) for line in document.footer
        ]

    def draw(self, canvas: Canvas, number: int, pages: int) -> None:
        """On one page."""
        pen, edges, below = self._pen, (MARGIN, WIDTH - MARGIN), MARGIN - 2 * mm
        for place, line in enumerate(reversed(self._footer)):
            pen.place(canvas, edges, below + place * 3.2 * mm, line, size=7.5)
        counted = self._page.format(page=number, pages=pages)
        shown = pen.fitted(counted, bold=False, size=7.5, room=30 * mm)
        pen.place(canvas, edges, below, shown, size=7.5, align=Align.END)
        above = HEIGHT - MARGIN + 2 * mm
        pen.place(canvas, edges, above, self._stamp, bold=True, size=13, align=Align.END)


class _Numbered(Canvas):  # type: ignore[misc]
    """Pages that say how many there are: known when the last one is there."""

    def __init__(self, *arguments: Any, frame: _Frame, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._frame = frame
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - the library's name
        """Keep the page until all are there."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Draw what every page has, and write all of them."""
        for number, page in enumerate(self._pages, 1):
            self.__dict__.update(page)
            self._frame.draw(self, number, len(self._pages))
            super().showPage()
        super().save()
