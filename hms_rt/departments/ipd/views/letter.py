"""The discharge summary as a letter, in PDF."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, SimpleDocTemplate, Spacer

from hms_rt.departments.ipd.views.letter_words import words
from hms_rt.kernel.languages import isolated, language_of
from hms_rt.paper.missing import told_of
from hms_rt.paper.text import Text
from hms_rt.paper.writing import Pen

SECTIONS = ("diagnoses", "course", "procedures", "medication", "follow_up")
SIZE, AFTER = 10, 2 * mm


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
    pen, said_in = Pen(language_of(language)), words(language)
    told: list[Flowable] = [Text(pen, said_in["title"], size=16, after=AFTER)]
    told += [Text(pen, line, size=SIZE, after=AFTER) for line in _about(letter, pen.language, zone)]
    for section in SECTIONS:
        if letter.body.get(section):
            told.append(Text(pen, said_in[section], bold=True, size=12, before=4 * mm, after=AFTER))
            told += [Text(pen, line, size=SIZE, after=AFTER) for line in letter.body[section].splitlines()]
    at = isolated(letter.written_at.astimezone(zone).strftime("%Y-%m-%d %H:%M"), pen.language)
    told += [Spacer(1, 6 * mm), Text(pen, said_in["written"].format(number=letter.number, at=at), size=SIZE)]
    if unwritten := told_of(pen):
        told.append(Text(pen, unwritten, size=SIZE))
    out = BytesIO()
    # `invariant`: the same letter is the same bytes, whenever it is printed
    SimpleDocTemplate(out, pagesize=A4, title=said_in["title"], invariant=1).build(told)
    return out.getvalue()


def _about(letter: Letter, language: str, zone: tzinfo) -> list[str]:
    """Whose letter it is, and of which stay."""
    said_in = words(language)
    who = [isolated(letter.name, language), isolated(letter.mrn, language)]
    if letter.birth_date is not None:
        who.insert(1, f"{said_in['born']} {isolated(letter.birth_date.isoformat(), language)}")
    since, until = (
        isolated(at.astimezone(zone).date().isoformat(), language) if at else said_in["today"]
        for at in (letter.admitted_at, letter.discharged_at)
    )
    stay = said_in["stay"].format(ward=isolated(letter.ward, language), since=since, until=until)
    return [("، " if language == "ar" else ", ").join(who), stay]
