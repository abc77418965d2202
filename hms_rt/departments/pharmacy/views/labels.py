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
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.views.instructions import (
    LANGUAGES,
    Taken,
    Words,
    instruction,
    language_of,
)
from hms_rt.paper import drawable, fitted, font

WIDTH, HEIGHT = round(76 * mm), round(51 * mm)
MARGIN = 7
ROOM = WIDTH - 2 * MARGIN
NARROW_BAR = mm / 4
BAR_HEIGHT = 7 * mm
SIZE, LARGE, SMALLEST = 8, 9, 5
LINE = 9
"""Lengths on the page are whole points, of 0.35 mm."""
MOST_LINES = 5
"""Of the instruction and the note together; what does not fit is cut with an ellipsis."""


@dataclass(frozen=True, slots=True)
class Label:
    """What one label says. ``patient`` is a name, or for a restricted patient none; ``lots`` with how much of
    each; ``use_by`` is the first of their last days."""

    number: int
    patient: str | None
    mrn: str
    medicine: Medicine
    taken: Taken
    note: str | None
    quantity: Decimal
    lots: Sequence[tuple[str, Decimal]]
    use_by: date
    dispensed_at: datetime
    initials: str


def barcode(number: int) -> str:
    """What the bars of a prescription's labels say."""
    return f"RX{number:06}"


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
    words, locale = LANGUAGES[language], Locale.parse(language)
    top = HEIGHT - MARGIN - LARGE
    who = " ".join(each for each in (label.patient, label.mrn) if each)
    _line(canvas, top, who, LARGE, bold=True)
    _line(canvas, top - LINE - 2, _what(label.medicine, words, locale), LARGE, bold=True)
    below = _paragraphs(canvas, top - 2 * LINE - 3, label, language)
    for text in _facts(label, words, locale, zone):
        _line(canvas, below, text, SIZE)
        below -= LINE
    bars = Code128(barcode(label.number), barWidth=NARROW_BAR, barHeight=BAR_HEIGHT, quiet=False)
    bars.drawOn(canvas, MARGIN + 10 * NARROW_BAR, MARGIN)
    canvas.setFont(font(bold=True), LARGE)
    canvas.drawRightString(WIDTH - MARGIN, MARGIN + 3, barcode(label.number))


def _what(medicine: Medicine, words: Words, locale: Locale) -> str:
    """Name, strength and form: ``Amoxicillin 500 mg capsule (Betamox)``; of a liquid, in how much."""
    strength = f"{_number(medicine.strength, locale)} {medicine.strength_unit}"
    if medicine.per != 1:
        strength += f"/{_number(medicine.per, locale)} {medicine.dispense_unit}"
    brand = f" ({medicine.brand})" if medicine.brand else ""
    return f"{medicine.generic} {strength} {words.form(medicine.form)}{brand}"


def _facts(label: Label, words: Words, locale: Locale, zone: ZoneInfo) -> list[str]:
    unit = label.medicine.dispense_unit
    several = len(label.lots) > 1
    lots = ", ".join(f"{lot} ({_number(much, locale)})" if several else lot for lot, much in label.lots)
    on = format_date(label.dispensed_at.astimezone(zone).date(), format="medium", locale=locale)
    use_by = format_date(label.use_by, format="medium", locale=locale)
    return [
        f"{words.quantity}: {_number(label.quantity, locale)} {unit}",
        f"{words.lot} {lots}, {words.use_by} {use_by}",
        f"{words.dispensed} {on} {words.by} {label.initials}",
    ]


def _paragraphs(canvas: Canvas, top: int, label: Label, language: str) -> int:
    """How to take it and the prescriber's note, wrapped; answers where the next line goes."""
    used = font(bold=False)
    lines: list[str] = []
    for text in (instruction(label.taken, language), label.note or ""):
        shown = "".join(drawable(character, used) for character in text)
        lines += simpleSplit(shown, used, SIZE, ROOM)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], " ".join(lines[MOST_LINES - 1 :]) + " …"]
    for position, text in enumerate(lines):
        _line(canvas, top - position * LINE, text, SIZE)
    return top - len(lines) * LINE - 2


def _number(number: Decimal, locale: Locale) -> str:
    return str(format_decimal(number.normalize(), locale=locale, decimal_quantization=False))


def _line(canvas: Canvas, height: int, text: str, size: int, *, bold: bool = False) -> None:
    """One line of text, set smaller where it does not fit, and cut only if it were too small to read."""
    used = font(bold=bold)
    while size > SMALLEST and stringWidth(text, used, size) > ROOM:
        size -= 1
    canvas.setFont(used, size)
    canvas.drawString(MARGIN, height, fitted(text, used, size, ROOM))
