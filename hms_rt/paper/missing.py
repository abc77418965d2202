"""What a paper says of letters that no font here has: no ``?`` without saying what it stands for."""

from collections.abc import Mapping
from unicodedata import name

from reportlab.pdfgen.canvas import Canvas

from hms_rt.kernel.languages import language_of
from hms_rt.paper.fonts import MISSING
from hms_rt.paper.writing import Pen

SMALL = 5
"""Of the sentence on a label, in points."""

MOST_NAMED = 4

SENTENCES: Mapping[str, str] = {
    "en": "{mark} stands for letters that could not be written here: {letters}.",
    "de": "{mark} steht für Zeichen, die hier nicht geschrieben werden konnten: {letters}.",
    "es": "{mark} sustituye a letras que no se han podido escribir aquí: {letters}.",
    "fr": "{mark} remplace des lettres qui n’ont pas pu être écrites ici : {letters}.",
    "nl": "{mark} staat voor tekens die hier niet geschreven konden worden: {letters}.",
    "it": "{mark} sta per lettere che qui non è stato possibile scrivere: {letters}.",
    "pt": "{mark} substitui letras que não foi possível escrever aqui: {letters}.",
    "pl": "{mark} zastępuje litery, których nie udało się tu zapisać: {letters}.",
    "tr": "{mark}, burada yazılamayan harflerin yerine konmuştur: {letters}.",
    "ru": "{mark} стоит вместо букв, которые здесь не удалось написать: {letters}.",
    "uk": "{mark} стоїть замість літер, які тут не вдалося написати: {letters}.",
    "ar": "العلامة {mark} بدل حروف تعذرت كتابتها هنا: {letters}.",
}


def told_of(pen: Pen) -> str:
    """The sentence for what ``pen`` could not write; nothing if it could write all."""
    if not pen.missing:
        return ""
    named = [f"U+{ord(one):04X} {name(one, '').title()}".strip() for one in sorted(pen.missing)]
    listed = ", ".join(named[:MOST_NAMED]) + (" …" if len(named) > MOST_NAMED else "")
    return SENTENCES[language_of(pen.language)].format(mark=MISSING, letters=listed)


def tell_on_label(canvas: Canvas, pen: Pen, edges: tuple[float, float], baseline: float) -> None:
    """Their codes in one small line of a label, between two abscissae; nothing if ``pen`` could write all."""
    if pen.missing:
        codes = " ".join(f"U+{ord(one):04X}" for one in sorted(pen.missing))
        shown = pen.fitted(f"{MISSING} = {codes}", bold=False, size=SMALL, room=edges[1] - edges[0])
        pen.place(canvas, edges, baseline, shown, size=SMALL)
