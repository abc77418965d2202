"""Who works in the demo hospital, who lies there already, and which screens hang on its walls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from hms_rt.kernel.principal import Role

PASSWORD = "demo-hospital"  # noqa: S105 - of the demo alone, printed at every start
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Employee:
    """An account of the demo; the first of each role is printed."""

    username: str
    name: str
    role: Role


STAFF: Sequence[Employee] = (
    Employee("admin", "Ada Admin", Role.ADMIN),
    Employee("doctor", "Dr Daniela Doctor", Role.DOCTOR),
    Employee("doctor2", "Dr Dmitri Doctor", Role.DOCTOR),
    Employee("nurse", "Nora Nurse", Role.NURSE),
    Employee("nurse2", "Noah Nurse", Role.NURSE),
    Employee("reception", "Rita Reception", Role.RECEPTION),
    Employee("cashier", "Carla Cashier", Role.RECEPTION),
    Employee("pharmacy", "Paul Pharmacy", Role.PHARMACY),
    Employee("lab", "Lena Laboratory", Role.LAB),
    Employee("lab2", "Luis Laboratory", Role.LAB),
)


@dataclass(frozen=True, slots=True)
class Screen:
    """An unattended screen and the room that it is bound to."""

    name: str
    room: str
    path: str


SCREENS: Sequence[Screen] = (
    Screen("Intensive care", "/beds ward:ICU", "/screens/ward/ICU"),
    Screen("Internal medicine", "/beds ward:MED", "/screens/ward/MED"),
    Screen("Surgery", "/beds ward:SUR", "/screens/ward/SUR"),
    Screen("General medicine, waiting room", "/opd clinic:GEN", "/screens/opd/GEN"),
    Screen("Cardiology, waiting room", "/opd clinic:CAR", "/screens/opd/CAR"),
    Screen("Emergency, waiting room", "/opd clinic:ER", "/screens/opd/ER"),
    Screen("Pharmacy, waiting room", "/pharmacy dispensary:MAIN", "/screens/dispensary/MAIN"),
    Screen("Cashier, waiting room", "/billing cashier:K1", "/screens/cashier/K1"),
)

DESKS: Sequence[tuple[str, str, str]] = (
    ("pharmacy", "Prescriptions", "/screens/pharmacy/MAIN"),
    ("pharmacy", "Stock of the dispensary", "/screens/stock/MAIN"),
    ("nurse", "Cupboard of intensive care", "/screens/stock/ICU-CUP"),
    ("cashier", "Cashier: shift and dues", "/screens/cashier/K1"),
)
"""Pages that somebody works with: account, name, path."""

INPATIENTS: Mapping[str, int] = {"ICU": 7, "MED": 16, "SUR": 11, "PED": 8, "MAT": 7}
"""How many lie in each ward when the demo opens, and stay."""

# fmt: off
_FAMILY = (
    "Abebe", "Achebe", "Aguilar", "Ahmadi", "Bauer", "Bergström", "Castro", "Çelik", "Chaudhry",
    "Costa", "Diallo", "Đặng", "El-Sayed", "Eriksson", "Fischer", "Gonçalves", "Gupta", "Hakimi",
    "Hernández", "Hoang", "Ito", "Jankowski", "Jiménez", "Kaya", "Keller", "Khan", "Lehtonen", "Levy",
    "Li", "Lindqvist", "Mbeki", "Mendoza", "Molnár", "Moreno", "Mwangi", "Nielsen", "Novák", "Ogawa",
    "Park", "Peeters", "Ramos", "Rasmussen", "Sahin", "Santos", "Ström", "Traoré", "Ueda", "Vargas",
    "Øystein",
)
_FEMALE = (
    "Adaeze", "Birgit", "Carmen", "Dilnoza", "Esther", "Fiona", "Gülay", "Hyejin", "Ingrid", "Jasmin",
    "Kamala", "Lucía", "Miriam", "Noor", "Olivia",
)
_MALE = (
    "Abdul", "Björn", "Carlos", "Dawit", "Emre", "Farid", "Gustavo", "Hiroshi", "Ismail", "José",
    "Kofi", "Lars", "Mateusz", "Nils", "Oleg",
)
# fmt: on
_BORN = date(1938, 4, 9)


MARKS: Sequence[tuple[str, Mapping[str, str | bool]]] = (
    ("ICU", {"isolation": True}),
    ("MED", {"isolation": True}),
    ("MED", {"isolation": True}),
    ("MED", {"status": "out_of_service", "reason": "lamp and call button are being repaired"}),
    ("MED", {"status": "cleaning"}),
    ("SUR", {"status": "out_of_service", "reason": "the bed's motor is broken"}),
    ("SUR", {"status": "cleaning"}),
    ("PED", {"isolation": True}),
)
"""What some beds are marked with when the demo opens: (ward, change)."""


@dataclass(frozen=True, slots=True)
class Inpatient:
    """Somebody who is in a bed already."""

    mrn: str
    ward: str
    body: Mapping[str, str]


def inpatients() -> list[Inpatient]:
    """The same people at every start, of many names and ages; children in paediatrics."""
    found = []
    places = [ward for ward, number in INPATIENTS.items() for _ in range(number)]
    for number, ward in enumerate(places):
        female = ward == "MAT" or number % 2 == 0
        given = _FEMALE if female else _MALE
        born = _BORN + timedelta(days=(number * 613) % 24_000)
        if ward == "PED":
            born = date(2012 + number % 12, 1 + number % 12, 1 + number % 28)
        if ward == "MAT":
            born = date(1986 + number % 16, 1 + number % 12, 1 + number % 28)
        mrn = f"DEMO-{number + 1:03}"
        body = {
            "mrn": mrn,
            "family_name": _FAMILY[number % len(_FAMILY)],
            "given_name": given[number * 7 % len(given)],
            "sex": "female" if female else "male",
            "birth_date": born.isoformat(),
        }
        found.append(Inpatient(mrn, ward, body))
    return found
