"""What is drawn: joined letters in the order they are seen, whole words, no letter lost without a word."""

import random
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

import hatch_build
from hms_rt import paper
from hms_rt.departments.billing.views.formats import Formats
from hms_rt.departments.boards.views import words as boards
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.order import Priority
from hms_rt.departments.lab.views import labels
from hms_rt.departments.lab.views.labels import Label
from hms_rt.kernel.languages import LANGUAGES, isolated
from hms_rt.kernel.money import Currency
from hms_rt.paper import Line, Sheet, document, fonts
from hms_rt.paper.document import Column, Document, Grid
from hms_rt.paper.ordering import ordered
from hms_rt.paper.writing import Pen, width

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
MUCH = "2.5 mL (60 mg)"


def read(content: bytes) -> str:
    """What a paper says, joined forms as plain letters, in the order they are seen."""
    pages = [page.extract_text() for page in PdfReader(BytesIO(content)).pages]
    return re.sub(r"\s+", " ", normalize("NFKC", " ".join(pages)))


def seen(text: str, language: str = "ar") -> str:
    """How a line looks, from left to right, joined forms as plain letters."""
    pen = Pen(language)
    return normalize("NFKC", pen.seen(pen.legible(text)))


def test_arabic_letters_are_joined_and_stand_from_right_to_left() -> None:
    pen = Pen("ar")
    assert pen.legible("فاتورة") == "\ufed3\ufe8e\ufe97\ufeee\ufead\ufe93", "initial, final, ... isolated"
    assert pen.seen(pen.legible("فاتورة")) == "\ufe93\ufead\ufeee\ufe97\ufe8e\ufed3"
    assert seen("فاتورة MAIN-12") == "MAIN-12 ةروتاف"
    assert seen("Curie, Marie") == "Curie, Marie"
    assert seen("Dr. أحمد (علي) Ltd", "en") == "Dr. (يلع) دمحأ Ltd"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("كبسولة (Betamox)", "(Betamox) ةلوسبك"),
        ("Amoxicillin 500 mg (Betamox) كبسولة", "ةلوسبك Amoxicillin 500 mg (Betamox)"),
        ("أ (ب [ج] د)", "(د [ج] ب) أ"),
        (f"تناول {isolated(MUCH, 'ar')}، 3 مرات", f"تارم 3 ،{MUCH} لوانت"),
        (f"ولد {isolated('1980-02-03', 'ar')}", "1980-02-03 دلو"),
    ],
)
def test_brackets_doses_and_dates_keep_their_sense_in_arabic_sentences(told: str, shown: str) -> None:
    assert seen(told).replace("\u00a0", " ") == shown.replace("\u00a0", " ")


def test_ordering_only_moves_and_mirrors_never_loses_a_character() -> None:
    seeded = random.Random(5)
    mirrored = str.maketrans("()[]{}", ")(][}{")
    for _ in range(300):
        line = "".join(seeded.choices("ابجد abc 0123456789 ()[]{} -/.,:٪", k=seeded.randrange(1, 60)))
        for rtl in (True, False):
            shown = ordered(line, rtl=rtl)
            plain = [sorted(each.translate(mirrored) + each) for each in (line, shown)]
            assert plain[0] == plain[1]


def test_amounts_in_dinars_have_their_sign_before_the_digits_and_the_currency_behind_them() -> None:
    formats = Formats("ar", UTC, Currency("KWD", 3))
    assert seen(formats.money(Decimal("-1234.5"))).replace("\u00a0", " ") == ".ك.د -1,234.500"
    assert seen(formats.amount(Decimal("-0.125"))) == "-0.125"
    assert seen(formats.rate(Decimal("19.5"))) == "19.5%"
    assert seen(formats.day(date(2026, 11, 23))) == "2026/11/23", "from the right: day, month, year"
    assert "23" in seen(formats.moment(NOW))


def test_lines_are_wrapped_between_words_and_longer_words_anywhere() -> None:
    pen, room = Pen("en"), 60.0
    told = f"Koyko-den v otdelenii {'x' * 40} konec\n\nzweitens"
    lines = pen.lines(told, bold=False, size=9, room=room)
    assert all(width(line, bold=False, size=9) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == told.replace(" ", "").replace("\n", "")
    assert lines[-2:] == ["", "zweitens"]
    assert pen.fitted("Grzegorz Brzęczyszczykiewicz", bold=True, size=9, room=room)[-1] == "…"
    assert pen.fitted("Anna", bold=True, size=9, room=1) == "…"


def invoice(language: str, name: str, amount: str = "1.000") -> Document:
    grid = Grid([Column("Leistung", 140), Column("Plательщика", 20, number=True)], [[name, amount]] * 90)
    return Document(
        title="T", sender=["S"], addressed=[name], facts=[("F", "V")], grids=[grid], language=language,
        sums=[("Summe", amount, True)], notes=["N"], signatures=["U"], footer=["IBAN"], stamp="KOPIE",
    )  # fmt: skip


def test_a_paper_says_which_letters_it_could_not_write_in_each_language() -> None:
    pen = Pen("hi")
    assert (pen.legible("Łअ\u0301?"), pen.missing) == ("Ł??"[:2] + "\u0301?", {"अ"})
    for language in LANGUAGES:
        told = read(document.pdf(invoice(language, "अमर")))
        assert "U+0905" in told, language
        assert "U+0905" not in read(document.pdf(invoice(language, "Łukasz Ёлкин أحمد")))
    specimen = Label("LAB1", SpecimenKind.CSF, "अमर", "M-1", None, ["CRP"], Priority.STAT, NOW)
    assert "U+0905" in read(labels.pdf([specimen], language="pl", zone=ZoneInfo("UTC")))
    named = replace(specimen, patient_name="Łukasz")
    assert "U+" not in read(labels.pdf([named], language="pl", zone=ZoneInfo("UTC")))
    census = Sheet("ICU", "12:00", "note", [("Bed", 20)], [Line(["अमर"])])
    assert "U+0905 Devanagari" in read(paper.pdf(census))


def test_an_amount_is_never_broken_into_two_lines_and_pages_go_on() -> None:
    content = document.pdf(invoice("de", "Konsultation", "1.234.567.890,123"))
    assert content == document.pdf(invoice("de", "Konsultation", "1.234.567.890,123"))
    assert read(content).count("1.234.567.890,123") == 91
    assert len(PdfReader(BytesIO(content)).pages) > 1


def test_what_a_census_warns_of_is_set_smaller_before_it_is_cut() -> None:
    warned = f"! {boards.words('ru')['isolation_protective']}, Penicillin, Latex"
    sheet = Sheet("ICU", "12:00", "note", [("W", 50)], [Line([warned])], language="ru")
    assert warned in read(paper.pdf(sheet))
    assert "..." in read(paper.pdf(replace(sheet, lines=[Line([warned * 3])])))


def test_columns_of_an_arabic_sheet_stand_the_other_way_round() -> None:
    def places(language: str) -> list[float]:
        found: dict[str, float] = {}

        def visit(text: str, _cm: object, tm: list[float], _font: object, _size: object) -> None:
            if text.strip() in ("AAA", "BBB"):
                found[text.strip()] = tm[4]

        sheet = Sheet("ICU", "12:00", "note", [("AAA", 100), ("BBB", 100)], [], language=language)
        PdfReader(BytesIO(paper.pdf(sheet))).pages[0].extract_text(visitor_text=visit)
        return [found["AAA"], found["BBB"]]

    left, right = places("en")
    assert left < right
    left, right = places("ar")
    assert left > right


def test_chinese_japanese_and_korean_names_are_written_in_the_fonts_of_viewers() -> None:
    for name, used in (("山田 タロウ", "HeiseiKakuGo"), ("김철수", "HYGothic"), ("李小龙", "STSong")):
        content = document.pdf(invoice("en", name))
        assert used.encode() in content
        assert name in read(content)
        assert "U+" not in read(content)


def test_the_fonts_that_come_with_the_server_have_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    (shipped,) = [one for one in hatch_build.PACKAGES if one.below == hatch_build.FONTS]
    assert {"DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "LICENSE"} == set(shipped.files.values())
    assert fonts.FOLDERS[0].parts[-4:] == (*hatch_build.FONTS.parts, shipped.name)
    assert [fonts.lacking(language) for language in LANGUAGES] == [""] * len(LANGUAGES)
    monkeypatch.setattr(fonts, "FOLDERS", ())
    monkeypatch.setattr(fonts, "font", fonts.font.__wrapped__)
    for language in LANGUAGES:
        assert bool(fonts.lacking(language)) is (language in fonts.SAMPLES), language
