"""What the demo's pharmacy keeps, and what things cost in the demo hospital. Prices are invented."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

DISPENSARY = "MAIN"
CUPBOARDS: Mapping[str, str] = {"ICU": "ICU-CUP", "MED": "MED-CUP"}
"""Ward -> the store that is its cupboard."""

STORES: Sequence[Json] = (
    {"code": DISPENSARY, "name": "Main dispensary", "kind": "dispensary"},
    {"code": "ICU-CUP", "name": "Cupboard of intensive care", "kind": "ward", "ward": "ICU"},
    {"code": "MED-CUP", "name": "Cupboard of internal medicine", "kind": "ward", "ward": "MED"},
    {"code": "QUAR", "name": "Quarantine", "kind": "quarantine"},
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A medicine of the formulary: how it is usually prescribed, and how much of it lies where.

    ``lots``: (store, days until the last day of use, quantity); the numbers of lots follow from them.
    ``level``: from which quantity on the dispensary orders.
    """

    entry: Json
    dose: str
    route: str
    per_day: int
    days: int
    level: str
    lots: Sequence[tuple[str, int, str]]

    @property
    def code(self) -> str:
        """Its code in the formulary."""
        return str(self.entry["code"])

    def line(self, **rest: object) -> Json:
        """A line of a prescription, the usual course of it."""
        usual = {"kind": "times_per_day", "per_day": self.per_day}
        return {
            "medicine": self.code,
            "dose": self.dose,
            "route": self.route,
            "frequency": usual,
            "duration_days": self.days,
            **rest,
        }


def _tablet(code: str, generic: str, strength: str, atc: str, **rest: Any) -> Json:
    return {
        "code": code,
        "generic": generic,
        "form": "tablet",
        "strength": strength,
        "strength_unit": "mg",
        "per": "1",
        "dispense_unit": "tablet",
        "atc": atc,
        **rest,
    }


def _ampoule(code: str, generic: str, strength: str, per: str, atc: str, **rest: Any) -> Json:
    made = {"form": "injection", "dispense_unit": "mL", "per": per}
    return {**_tablet(code, generic, strength, atc), **made, **rest}


FORMULARY: Sequence[Kept] = (
    Kept(
        _tablet("AMOX500", "Amoxicillin", "500", "J01CA04", form="capsule", dispense_unit="capsule"),
        "500", "oral", 3, 5, "300", (("MAIN", 420, "1200"), ("MAIN", 61, "180"), ("MED-CUP", 420, "60")),
    ),
    Kept(
        _tablet("PARA500", "Paracetamol", "500", "N02BE01", daily_max="4000"),
        "500", "oral", 3, 3, "500", (("MAIN", 700, "3000"), ("ICU-CUP", 700, "80"), ("MED-CUP", 700, "200")),
    ),
    Kept(
        _tablet("IBU400", "Ibuprofen", "400", "M01AE01", daily_max="2400"),
        "400", "oral", 3, 4, "200", (("MAIN", 512, "900"), ("MAIN", 24, "40"), ("MED-CUP", 24, "30")),
    ),
    Kept(
        _tablet("METF850", "Metformin", "850", "A10BA02"),
        "850", "oral", 2, 30, "600", (("MAIN", 365, "1800"),),
    ),
    Kept(
        _tablet("RAMI5", "Ramipril", "5", "C09AA05"),
        "5", "oral", 1, 30, "400", (("MAIN", 290, "380"),),
    ),
    Kept(
        _tablet("ATOR20", "Atorvastatin", "20", "C10AA05"),
        "20", "oral", 1, 30, "300", (("MAIN", 610, "900"),),
    ),
    Kept(
        _tablet("PANT40", "Pantoprazole", "40", "A02BC02"),
        "40", "oral", 1, 14, "200", (("MAIN", 455, "700"), ("MED-CUP", 455, "56"), ("ICU-CUP", 455, "28")),
    ),
    Kept(
        _ampoule("MORPH10", "Morphine", "10", "1", "N02AA01", controlled=True),
        "10", "subcutaneous", 2, 2, "40",
        (("MAIN", 240, "60"), ("ICU-CUP", 12, "15"), ("MED-CUP", 240, "20")),
    ),
    Kept(
        _ampoule("NORA1", "Noradrenaline", "1", "1", "C01CA03"),
        "1", "intravenous", 1, 1, "60", (("MAIN", 88, "50"), ("ICU-CUP", 310, "60")),
    ),
    Kept(
        _ampoule("CEFT1", "Ceftriaxone", "1000", "10", "J01DD04", form="powder"),
        "1000", "intravenous", 1, 5, "200", (("MAIN", 530, "900"), ("ICU-CUP", 530, "200")),
    ),
)  # fmt: skip

RECALLED: Json = {"medicine": "METF850", "lot": "METF-R17", "quantity": "90"}
"""A lot that its maker recalls."""

FOR_THE_CLINIC = ("AMOX500", "PARA500", "IBU400", "METF850", "RAMI5", "ATOR20", "PANT40")
"""What the clinics' doctors prescribe, in turn."""

FOR_THE_WARD = ("PARA500", "PANT40", "MORPH10")
"""What nurses take from the cupboards."""

CURRENCY = "EUR"
CASHIERS: Sequence[Json] = (
    {"code": "K1", "name": "Cashier, ground floor"},
    {"code": "K2", "name": "Cashier, emergency"},
)

SERVICES: Sequence[Json] = (
    {"code": "CONS", "name": "Consultation", "kind": "consultation", "source": "*"},
    {"code": "CONS-ER", "name": "Emergency consultation", "kind": "consultation", "source": "ER"},
    {"code": "PHA", "name": "Pharmacy", "kind": "consultation", "source": "PHA", "chargeable": False},
    {"code": "LAB", "name": "Laboratory test", "kind": "test", "source": "*"},
    {"code": "MEDICINE", "name": "Medicine", "kind": "medicine", "source": "*"},
    {"code": "BED", "name": "Day in a ward", "kind": "bed_day", "source": "*"},
    {"code": "BED-ICU", "name": "Day in intensive care", "kind": "bed_day", "source": "ICU"},
    {"code": "DRESS", "name": "Wound dressing", "kind": "procedure"},
    {"code": "SUTURE", "name": "Wound closure", "kind": "procedure"},
)

PRICES: Mapping[str, str] = {
    "CONS": "38.00",
    "CONS-ER": "92.50",
    "LAB": "7.35",
    "MEDICINE": "0.185",
    "BED": "310.00",
    "BED-ICU": "1450.00",
    "DRESS": "24.90",
    "SUTURE": "86.00",
}
"""Service -> net price of one unit, in the demo's currency."""
