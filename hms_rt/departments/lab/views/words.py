"""What specimen labels say, one entry per language; another language gets the English words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.order import Priority
from hms_rt.kernel.languages import language_of


@dataclass(frozen=True, slots=True)
class Words:
    """What a label says, in one language."""

    born: str
    taken: str
    kinds: Sequence[str]
    urgencies: tuple[str, str]
    """Of an urgent test, and of one that comes before all others."""

    def kind(self, kind: SpecimenKind) -> str:
        """The name of what was taken."""
        return self.kinds[list(SpecimenKind).index(kind)]

    @property
    def urgency(self) -> Mapping[Priority, str]:
        """What marks a priority; routine has no mark."""
        return dict(zip((Priority.URGENT, Priority.STAT), self.urgencies, strict=True))


WORDS: Mapping[str, Words] = {
    "en": Words(
        "born",
        "taken",
        ("Blood", "Serum", "Plasma", "Urine", "Stool", "CSF", "Sputum", "Swab", "Tissue", "Other"),
        ("URGENT", "STAT"),
    ),
    "de": Words(
        "geb.",
        "entn.",
        ("Blut", "Serum", "Plasma", "Urin", "Stuhl", "Liquor", "Sputum", "Abstrich", "Gewebe", "Sonstiges"),
        ("DRINGEND", "NOTFALL"),
    ),
    "es": Words(
        "nac.",
        "toma",
        ("Sangre", "Suero", "Plasma", "Orina", "Heces", "LCR", "Esputo", "Frotis", "Tejido", "Otro"),
        ("URGENTE", "INMEDIATO"),
    ),
    "fr": Words(
        "né(e)",
        "prél.",
        ("Sang", "Sérum", "Plasma", "Urine", "Selles", "LCR", "Crachat", "Frottis", "Tissu", "Autre"),
        ("URGENT", "IMMÉDIAT"),
    ),
    "nl": Words(
        "geb.",
        "afn.",
        ("Bloed", "Serum", "Plasma", "Urine", "Feces", "Liquor", "Sputum", "Uitstrijk", "Weefsel", "Overig"),
        ("SPOED", "CITO"),
    ),
    "it": Words(
        "nato/a",
        "prel.",
        (
            "Sangue",
            "Siero",
            "Plasma",
            "Urina",
            "Feci",
            "Liquor",
            "Espettorato",
            "Tampone",
            "Tessuto",
            "Altro",
        ),
        ("URGENTE", "EMERGENZA"),
    ),
    "pt": Words(
        "nasc.",
        "colh.",
        ("Sangue", "Soro", "Plasma", "Urina", "Fezes", "LCR", "Expetoração", "Zaragatoa", "Tecido", "Outro"),
        ("URGENTE", "EMERGÊNCIA"),
    ),
    "pl": Words(
        "ur.",
        "pobr.",
        ("Krew", "Surowica", "Osocze", "Mocz", "Kał", "PMR", "Plwocina", "Wymaz", "Tkanka", "Inne"),
        ("PILNE", "CITO"),
    ),
    "tr": Words(
        "doğ.",
        "alındı",
        ("Kan", "Serum", "Plazma", "İdrar", "Dışkı", "BOS", "Balgam", "Sürüntü", "Doku", "Diğer"),
        ("ACİL", "ÇOK ACİL"),
    ),
    "ru": Words(
        "род.",
        "взято",
        ("Кровь", "Сыворотка", "Плазма", "Моча", "Кал", "СМЖ", "Мокрота", "Мазок", "Ткань", "Другое"),
        ("СРОЧНО", "CITO"),
    ),
    "uk": Words(
        "нар.",
        "взято",
        ("Кров", "Сироватка", "Плазма", "Сеча", "Кал", "СМР", "Мокротиння", "Мазок", "Тканина", "Інше"),
        ("ТЕРМІНОВО", "CITO"),
    ),
    "ar": Words(
        "الميلاد",
        "السحب",
        ("دم", "مصل", "بلازما", "بول", "براز", "سائل نخاعي", "بلغم", "مسحة", "نسيج", "أخرى"),
        ("عاجل", "طارئ"),
    ),
}


def words(language: str) -> Words:
    """What labels say in a language."""
    return WORDS[language_of(language)]
