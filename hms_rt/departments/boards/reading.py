"""A ward's census as a sheet of paper."""

from zoneinfo import ZoneInfo

from hms_rt.departments.boards.schemas import CensusBed, CensusOut
from hms_rt.paper import Line, Sheet

COLUMNS = (
    ("Bed", 15),
    ("Patient", 56),
    ("Age, sex", 20),
    ("Record", 27),
    ("Doctor", 34),
    ("Allergies, isolation", 57),
    ("Open", 70),
)
SEXES = {"female": "F", "male": "M", "other": "X", "unknown": "?"}
WARNS = 5


def census_sheet(census: CensusOut, zone: ZoneInfo) -> Sheet:
    """Every bed by room, also the empty ones: a bed that is missing on paper would be looked for."""
    told = f"{census.occupied} of {census.total} beds occupied. State of the time above."
    return Sheet(
        title=f"{census.name} ({census.ward})",
        moment=f"{census.at.astimezone(zone):%Y-%m-%d  %H:%M}",
        note=f"{told} Confidential: destroy when replaced.",
        columns=COLUMNS,
        lines=[_line(bed) for bed in census.beds],
    )


def _line(bed: CensusBed) -> Line:
    one, isolation = bed.patient, ["ISOLATION"] if bed.isolation else []
    if one is None:
        return Line((bed.code, f"({bed.status.replace('_', ' ')})", "", "", "", "".join(isolation), ""))
    age = str(one.age) if one.age is not None else "?"
    known = one.allergies or (["none known"] if one.allergies_asked else ["not asked"])
    warns = bool(isolation or one.allergies)
    return Line(
        (
            bed.code,
            one.name,
            f"{age} {SEXES.get(one.sex, '?')}",
            one.mrn,
            one.doctor or "",
            ("! " if warns else "") + ", ".join([*isolation, *known]),
            "; ".join([*(["leaving"] if one.leaving else []), *one.outstanding]),
        ),
        strong=frozenset({0, 1, WARNS} if warns else {0, 1}),
    )
