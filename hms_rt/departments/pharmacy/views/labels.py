"""Labels for dispensed medicines as PDF: what it is, for whom, how to take it, and until when.

A page is one label of a label printer, 76 by 51 mm. The bar code (Code 128) holds the number of the
prescription, such as ``RX000123``, with bars from 0.25 mm and a quiet zone of ten of them on either side
(ISO/IEC 15417): who hands over scans it and sees what belongs together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.views.instructions import Taken, instruction
from hms_rt.departments.pharmacy.views.speech import words
from hms_rt.departments.pharmacy.views.speech.words import Words
from hms_rt.kernel.languages import isolated, language_of
from hms_rt.paper.fonts import font
from hms_rt.paper.missing import tell_on_label
from hms_rt.paper.writing import Pen, width

WIDTH, HEIGHT = round(76 * mm), round(51 * mm)
MARGIN = 7
ROOM = WIDTH - 2 * MARGIN
NARROW_BAR = mm / 4
BAR_HEIGHT = 7 * mm
SIZE, LARGE, SMALLEST = 8, 9, 5
LINE = 9
"""Lengths on the page are whole points, of 0.35 mm."""
MOST_LINES = 5
"""Of the instruction and the note together; what is longer is set smaller, at last cut with an ellipsis."""


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says. ``patient`` is a name, or for a restricted patient none; ``lots`` with how much of
    each; ``use_by`` is the first of their last days; ``taken`` is None where only the note says how."""

    number: int
    patient: str | None
    mrn: str
    medicine: Medicine
    taken: Taken | None
    note: str | None
    quantity: Decimal
    lots: Sequence[tuple[str, Decimal]]
    use_by: date
    dispensed_at: datetime
    initials: str
    series: str = "RX"


def barcode(number: int, series: str = "RX") -> str:
    """What the bars say of the labels of a prescription, or of a sale (``OTC``)."""
    return f"{series}{number:06}"


def initials(name: str) -> str:
    """Of who dispensed: the first letters of the words of a name, at most four."""
    return "".join(word[0].upper() for word in name.split()[:4])


def pdf(labels: Sequence[Label], *, language: str, zone: ZoneInfo) -> bytes:
    """The labels as a PDF, one to a page; the same labels give the same bytes."""
    written = BytesIO()
    canvas = Canvas(written, pagesize=(WIDTH, HEIGHT), invariant=True)
    for label in labels:
        _page(canvas, label, language_of(language), zone)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def _page(canvas: Canvas, label: Label, language: str, zone: ZoneInfo) -> None:
    said_in, locale, pen = words(language), Locale.parse(language), Pen(language)
    who = " ".join(isolated(each, language) for each in (label.patient, label.mrn) if each)
    what = _what(label.medicine, said_in, locale)
    below = HEIGHT - MARGIN - LARGE
    for text in (who, what):
        _line(canvas, pen, below, text, LARGE, bold=True)
        below -= LINE + 2
    size, lines = _told(pen, label, language)
    for line in lines:
        _line(canvas, pen, below, line, size)
        below -= LINE if size == SIZE else size + 1
    below -= 2
    for text in _facts(label, said_in, locale, zone):
        _line(canvas, pen, below, text, SIZE)
        below -= LINE
    tell_on_label(canvas, pen, (MARGIN, WIDTH - MARGIN), MARGIN + round(BAR_HEIGHT) + 3)
    bars = Code128(
        barcode(label.number, label.series), barWidth=NARROW_BAR, barHeight=BAR_HEIGHT, quiet=False
    )
    bars.drawOn(canvas, MARGIN + 10 * NARROW_BAR, MARGIN)
    canvas.setFont(font(bold=True), LARGE)
    canvas.drawRightString(WIDTH - MARGIN, MARGIN + 3, barcode(label.number, label.series))


def _what(medicine: Medicine, said_in: Words, locale: Locale) -> str:
    """Name, strength and form: ``Amoxicillin 500 mg capsule (Betamox)``; of a liquid, in how much."""
    strength = f"{_number(medicine.strength, locale)} {medicine.strength_unit}"
    if medicine.per != 1:
        strength += f"/{_number(medicine.per, locale)} {medicine.dispense_unit}"
    brand = f" ({medicine.brand})" if medicine.brand else ""
    what = isolated(f"{medicine.generic} {strength}", locale.language)
    return f"{what} {said_in.form(medicine.form)}{brand}"


def _facts(label: Label, said_in: Words, locale: Locale, zone: ZoneInfo) -> list[str]:
    language, unit = locale.language, label.medicine.dispense_unit
    several = len(label.lots) > 1
    lots = ", ".join(f"{lot} ({_number(much, locale)})" if several else lot for lot, much in label.lots)
    on = format_date(label.dispensed_at.astimezone(zone).date(), format="medium", locale=locale)
    use_by = format_date(label.use_by, format="medium", locale=locale)
    quantity = isolated(f"{_number(label.quantity, locale)} {unit}", language)
    return [
        f"{said_in.quantity}: {quantity}",
        said_in.lots.format(lots=isolated(lots, language), until=isolated(use_by, language)),
        said_in.dispensed.format(on=isolated(on, language), by=isolated(label.initials, language)),
    ]


def _told(pen: Pen, label: Label, language: str) -> tuple[int, list[str]]:
    """How to take it and the prescriber's note, wrapped; in smaller type before anything is cut."""
    taken = instruction(label.taken, language) if label.taken is not None else None
    texts = [each for each in (taken, label.note) if each]
    for size in range(SIZE, SMALLEST - 1, -1):
        lines = [
            line for text in texts for line in pen.lines(pen.legible(text), bold=False, size=size, room=ROOM)
        ]
        most = MOST_LINES * LINE // (LINE if size == SIZE else size + 1)
        if len(lines) <= most:
            return size, lines
    return size, [*lines[: most - 1], " ".join(lines[most - 1 :]) + " …"]


def _number(number: Decimal, locale: Locale) -> str:
    return str(format_decimal(number.normalize(), locale=locale, decimal_quantization=False))


def _line(canvas: Canvas, pen: Pen, height: int, text: str, size: int, *, bold: bool = False) -> None:
    """One line of text, set smaller where it does not fit, and cut only if it were too small to read."""
    legible = pen.legible(text, bold=bold)
    while size > SMALLEST and width(legible, bold=bold, size=size) > ROOM:
        size -= 1
    shown = pen.fitted(legible, bold=bold, size=size, room=ROOM)
    pen.place(canvas, (MARGIN, WIDTH - MARGIN), height, shown, bold=bold, size=size)
