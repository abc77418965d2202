"""The discharge summary as a letter, in PDF."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer

_SYSTEM_FONTS = (
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),  # Debian, Ubuntu
    Path("/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf"),  # Fedora, RHEL
    Path("/usr/share/fonts/TTF/DejaVuSans.ttf"),  # Arch
)
"""Where a font for many scripts is found; without one, the font that comes with reportlab (Latin only)."""

SECTIONS = ("diagnoses", "course", "procedures", "medication", "follow_up")

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Discharge summary",
        "born": "born",
        "stay": "Ward {ward}, {since} to {until}",
        "today": "present",
        "diagnoses": "Diagnoses",
        "course": "Course",
        "procedures": "Procedures",
        "medication": "Medication at home",
        "follow_up": "Follow-up",
        "written": "Version {number}, written {at}",
    },
    "de": {
        "title": "Entlassungsbericht",
        "born": "geb.",
        "stay": "Station {ward}, {since} bis {until}",
        "today": "heute",
        "diagnoses": "Diagnosen",
        "course": "Verlauf",
        "procedures": "Eingriffe",
        "medication": "Medikation zu Hause",
        "follow_up": "Weiteres Vorgehen",
        "written": "Fassung {number}, verfasst am {at}",
    },
    "es": {
        "title": "Informe de alta",
        "born": "nac.",
        "stay": "Sala {ward}, del {since} al {until}",
        "today": "presente",
        "diagnoses": "Diagnósticos",
        "course": "Evolución",
        "procedures": "Procedimientos",
        "medication": "Medicación en casa",
        "follow_up": "Seguimiento",
        "written": "Versión {number}, escrita el {at}",
    },
    "fr": {
        "title": "Compte rendu d'hospitalisation",
        "born": "né(e) le",
        "stay": "Service {ward}, du {since} au {until}",
        "today": "ce jour",
        "diagnoses": "Diagnostics",
        "course": "Évolution",
        "procedures": "Actes",
        "medication": "Traitement à domicile",
        "follow_up": "Suivi",
        "written": "Version {number}, rédigée le {at}",
    },
}
"""What the letter says, by language; another language gets the English words."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a summary tells; ``body`` has a text for each section that was written."""

    name: str
    mrn: str
    birth_date: date | None
    ward: str
    admitted_at: datetime | None
    discharged_at: datetime | None
    number: int
    written_at: datetime
    body: Mapping[str, str]


def summary_pdf(letter: Letter, language: str, zone: tzinfo) -> bytes:
    """The letter on A4, in the words of ``language``; times in ``zone``."""
    words, font = WORDS.get(language, WORDS["en"]), _font()
    plain = ParagraphStyle("plain", fontName=font, fontSize=10, leading=14, spaceAfter=2 * mm)
    head = ParagraphStyle("head", parent=plain, fontSize=12, leading=16, spaceBefore=4 * mm)
    title = ParagraphStyle("title", parent=plain, fontSize=16, leading=22)
    born = f", {words['born']} {letter.birth_date.isoformat()}" if letter.birth_date else ""
    since, until = (
        at.astimezone(zone).date().isoformat() if at else words["today"]
        for at in (letter.admitted_at, letter.discharged_at)
    )
    told: list[Flowable] = [
        Paragraph(words["title"], title),
        Paragraph(escape(f"{letter.name}{born}, {letter.mrn}"), plain),
        Paragraph(escape(words["stay"].format(ward=letter.ward, since=since, until=until)), plain),
    ]
    for section in SECTIONS:
        if letter.body.get(section):
            told.append(Paragraph(words[section], head))
            told += [Paragraph(escape(line) or " ", plain) for line in letter.body[section].splitlines()]
    at = letter.written_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    told += [Spacer(1, 6 * mm), Paragraph(words["written"].format(number=letter.number, at=at), plain)]
    out = BytesIO()
    # `invariant`: the same letter is the same bytes, whenever it is printed
    SimpleDocTemplate(out, pagesize=A4, title=words["title"], invariant=1).build(told)
    return out.getvalue()


@cache
def _font() -> str:
    for path in _SYSTEM_FONTS:
        if path.is_file():
            pdfmetrics.registerFont(TTFont("summary", str(path)))
            return "summary"
    return "Helvetica"
