"""Labels for specimens as PDF: Code 128 and the least that tells whose specimen it is.

A page is one label of a label printer, 50 by 25 mm. The bar code holds the barcode alone, with bars from 0.25
mm, which every scanner in use reads (GS1 asks for 0.25 to 1.016 mm), and the quiet zone of ten such bars on
either side (ISO/IEC 15417). A barcode that needs more room gets a wider page. Dates are ISO 8601, which reads
the same everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.order import Priority
from hms_rt.departments.lab.views.words import Words, words
from hms_rt.kernel.languages import isolated, language_of
from hms_rt.paper.missing import tell_on_label
from hms_rt.paper.writing import Pen

WIDTH, HEIGHT = 50 * mm, 25 * mm
NARROW_BAR = 0.25 * mm
QUIET_ZONE = 10 * NARROW_BAR
BAR_HEIGHT = 8 * mm
MARGIN = 1.5 * mm
SIZE = 6.5
LINE = 2.7 * mm


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says: no diagnosis, no address, nothing that identifying a specimen does not need."""

    barcode: str
    kind: SpecimenKind
    patient_name: str
    mrn: str
    birth_date: date | None
    tests: Sequence[str]
    priority: Priority
    taken_at: datetime


def pdf(labels: Sequence[Label], *, language: str, zone: ZoneInfo) -> bytes:
    """The labels as a PDF, one to a page; the same labels give the same bytes."""
    said_in = words(language)
    written = BytesIO()
    canvas = Canvas(written, pagesize=(WIDTH, HEIGHT), invariant=True)
    for label in labels:
        _page(canvas, Pen(language_of(language)), label, said_in, zone)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def _page(canvas: Canvas, pen: Pen, label: Label, said_in: Words, zone: ZoneInfo) -> None:
    bars = Code128(label.barcode, barWidth=NARROW_BAR, barHeight=BAR_HEIGHT, quiet=False)
    width = max(WIDTH, bars.width + 2 * QUIET_ZONE)
    canvas.setPageSize((width, HEIGHT))
    top, room = HEIGHT - MARGIN - SIZE, width - 2 * MARGIN
    born = label.birth_date.isoformat() if label.birth_date is not None else "-"
    _line(canvas, pen, top, room, label.patient_name, bold=True)
    _line(
        canvas,
        pen,
        top - LINE,
        room,
        f"{isolated(label.mrn, pen.language)}  {said_in.born} {isolated(born, pen.language)}",
    )
    bars.drawOn(canvas, (width - bars.width) / 2, top - LINE * 1.6 - BAR_HEIGHT)
    below = top - LINE * 2.5 - BAR_HEIGHT
    urgent = f"  {said_in.urgency[label.priority]}" if label.priority is not Priority.ROUTINE else ""
    _line(
        canvas,
        pen,
        below,
        room,
        f"{isolated(label.barcode, pen.language)}  {said_in.kind(label.kind)}{urgent}",
        bold=True,
    )
    taken = label.taken_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    _line(
        canvas,
        pen,
        below - LINE,
        room,
        f"{said_in.taken} {isolated(taken, pen.language)}  {' '.join(label.tests)}",
    )
    tell_on_label(canvas, pen, (MARGIN, width - MARGIN), MARGIN)


def _line(canvas: Canvas, pen: Pen, height: float, room: float, text: str, *, bold: bool = False) -> None:
    """One line of text, cut where it does not fit."""
    shown = pen.fitted(text, bold=bold, size=SIZE, room=room)
    pen.place(canvas, (MARGIN, MARGIN + room), height, shown, bold=bold, size=SIZE)
