"""A ward's census and a clinic's queue as sheets of paper."""

from datetime import datetime
from zoneinfo import ZoneInfo

from hms_rt.departments.boards.schemas import CensusBed, CensusOut, CensusVitals
from hms_rt.departments.opd.model.token import Priority
from hms_rt.departments.opd.schemas.queue import ClinicOut, QueueOut, TokenOut
from hms_rt.paper import UPRIGHT, Line, Sheet

COLUMNS = (
    ("Bed", 15),
    ("Patient", 48),
    ("Age, sex", 16),
    ("Record", 26),
    ("Doctor", 28),
    ("Allergies, isolation", 50),
    ("Last vitals", 56),
    ("Open", 40),
)
SHORT = (
    ("respiratory_rate", "RR"),
    ("spo2_percent", "SpO2"),
    ("fio2_percent", "FiO2"),
    ("heart_rate", "HR"),
    ("temperature_c", "T"),
    ("gcs", "GCS"),
)
"""How readings are called on paper; blood pressure stands between oxygen and pulse."""
SEXES = {"female": "F", "male": "M", "other": "X", "unknown": "?"}
WARNS = 5
QUEUE_COLUMNS = (
    ("Number", 20),
    ("Patient", 60),
    ("Record", 29),
    ("State", 45),
    ("Appointment", 22),
    ("Since", 16),
)


def census_sheet(census: CensusOut, zone: ZoneInfo) -> Sheet:
    """Every bed by room, also the empty ones: a bed that is missing on paper would be looked for."""
    told = f"{census.occupied} of {census.total} beds occupied. State of the time above."
    if not census.vitals_known:
        told += " Vitals are not available."
    return Sheet(
        title=f"{census.name} ({census.ward})",
        moment=f"{census.at.astimezone(zone):%Y-%m-%d  %H:%M}",
        note=f"{told} Confidential: destroy when replaced.",
        columns=COLUMNS,
        lines=[_line(bed, census.at, zone) for bed in census.beds],
    )


def queue_sheet(clinic: ClinicOut, queue: QueueOut, at: datetime, zone: ZoneInfo) -> Sheet:
    """Everybody who is not finished, in the order of being called, and from which number to go on by hand."""
    sums = queue.summary
    told = f"{sums.waiting} waiting. Day {queue.day}, last number {sums.last_number}."
    return Sheet(
        title=f"{clinic.name} ({clinic.code})",
        moment=f"{at.astimezone(zone):%Y-%m-%d  %H:%M}",
        note=f"{told} State of the time above. Confidential: destroy when replaced.",
        columns=QUEUE_COLUMNS,
        lines=[_queued(token, zone) for token in queue.tokens],
        page=UPRIGHT,
    )


def _queued(token: TokenOut, zone: ZoneInfo) -> Line:
    """A number without a patient has no name."""
    state = token.state.value.replace("_", " ")
    urgent = token.priority is not Priority.ROUTINE
    return Line(
        (
            token.label,
            token.patient_name or "",
            token.mrn or "",
            ", ".join(filter(None, (f"! {token.priority.value}" * urgent, state, token.counter))),
            f"{token.due_at.astimezone(zone):%H:%M}" if token.due_at is not None else "",
            f"{token.queued_at.astimezone(zone):%H:%M}",
        ),
        strong=frozenset({0, 1, 3} if urgent else {0, 1}),
    )


def _line(bed: CensusBed, now: datetime, zone: ZoneInfo) -> Line:
    one, isolation = bed.patient, _isolation(bed)
    if one is None:
        return Line((bed.code, f"({bed.status.replace('_', ' ')})", "", "", "", "".join(isolation), "", ""))
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
            _vitals(one.vitals, now, zone) if one.vitals is not None else "",
            "; ".join([*_where(bed), *(["leaving"] if one.leaving else []), *one.outstanding]),
        ),
        strong=frozenset({0, 1, WARNS} if warns else {0, 1}),
    )


def _isolation(bed: CensusBed) -> list[str]:
    if bed.isolation_kind is not None:
        return [f"{bed.isolation_kind.upper()} ISOLATION"]
    return ["ISOLATION"] if bed.isolation else []


def _where(bed: CensusBed) -> list[str]:
    return [f"beside {bed.beside}"] if bed.beside is not None else []


def _vitals(vitals: CensusVitals, now: datetime, zone: ZoneInfo) -> str:
    """Such as ``06:10 RR 18 SpO2 96 BP 120/70 HR 88 T 37.4``; with the day, if it is another one."""
    at, read = vitals.at.astimezone(zone), vitals.readings
    moment = f"{at:%H:%M}" if at.date() == now.astimezone(zone).date() else f"{at:%d.%m. %H:%M}"
    told = {name: f"{short} {read[name]}" for name, short in SHORT if name in read}
    pressure = [read.get("systolic", "?"), read.get("diastolic", "?")]
    before = [told.pop(name) for name in ("respiratory_rate", "spo2_percent", "fio2_percent") if name in told]
    middle = [f"BP {'/'.join(pressure)}"] if {"systolic", "diastolic"} & read.keys() else []
    return " ".join([moment, *before, *middle, *told.values()])
