"""A ward's census and a clinic's queue as sheets of paper."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from hms_rt.departments.boards.schemas import CensusBed, CensusOut, CensusVitals
from hms_rt.departments.boards.views.words import words
from hms_rt.departments.opd.model.token import Priority
from hms_rt.departments.opd.schemas.queue import ClinicOut, QueueOut, TokenOut
from hms_rt.kernel.languages import isolated, language_of
from hms_rt.paper import UPRIGHT, Line, Sheet

COLUMNS = (
    ("bed", 15),
    ("patient", 48),
    ("age_sex", 16),
    ("record", 26),
    ("doctor", 28),
    ("warnings", 50),
    ("vitals", 56),
    ("open", 40),
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
WARNS = 5
QUEUE_COLUMNS = (
    ("number", 20),
    ("patient", 60),
    ("record", 29),
    ("state", 45),
    ("appointment", 22),
    ("since", 16),
)
Words = Mapping[str, str]


def census_sheet(census: CensusOut, zone: ZoneInfo, language: str = "en") -> Sheet:
    """Every bed by room, also the empty ones: a bed that is missing on paper would be looked for."""
    said = words(language)
    told = [said["occupied_of"].format(occupied=census.occupied, total=census.total), said["state_above"]]
    if not census.vitals_known:
        told.append(said["no_vitals"])
    return Sheet(
        title=f"{census.name} ({census.ward})",
        moment=f"{census.at.astimezone(zone):%Y-%m-%d  %H:%M}",
        note=" ".join([*told, said["confidential"]]),
        columns=[(said[name], wide) for name, wide in COLUMNS],
        lines=[_line(bed, census.at, zone, said, language_of(language)) for bed in census.beds],
        language=language_of(language),
    )


def queue_sheet(
    clinic: ClinicOut, queue: QueueOut, at: datetime, zone: ZoneInfo, language: str = "en"
) -> Sheet:
    """Everybody who is not finished, in the order of being called, and from which number to go on by hand."""
    said, sums = words(language), queue.summary
    day = isolated(str(queue.day), language)
    told = said["waiting_of"].format(waiting=sums.waiting, day=day, last=sums.last_number)
    return Sheet(
        title=f"{clinic.name} ({clinic.code})",
        moment=f"{at.astimezone(zone):%Y-%m-%d  %H:%M}",
        note=" ".join([told, said["state_above"], said["confidential"]]),
        columns=[(said[name], wide) for name, wide in QUEUE_COLUMNS],
        lines=[_queued(token, zone, said) for token in queue.tokens],
        page=UPRIGHT,
        language=language_of(language),
    )


def _queued(token: TokenOut, zone: ZoneInfo, said: Words) -> Line:
    """A number without a patient has no name."""
    state = said[f"token_{token.state.value}"]
    urgent = token.priority is not Priority.ROUTINE
    marked = f"! {said[f'priority_{token.priority.value}']}" if urgent else ""
    return Line(
        (
            token.label,
            token.patient_name or "",
            token.mrn or "",
            ", ".join(filter(None, (marked, state, token.counter))),
            f"{token.due_at.astimezone(zone):%H:%M}" if token.due_at is not None else "",
            f"{token.queued_at.astimezone(zone):%H:%M}",
        ),
        strong=frozenset({0, 1, 3} if urgent else {0, 1}),
    )


def _line(bed: CensusBed, now: datetime, zone: ZoneInfo, said: Words, language: str) -> Line:
    one, isolation = bed.patient, _isolation(bed, said)
    if one is None:
        return Line((bed.code, f"({said[f'bed_{bed.status}']})", "", "", "", "".join(isolation), "", ""))
    age = str(one.age) if one.age is not None else "?"
    known = one.allergies or ([said["none_known"]] if one.allergies_asked else [said["not_asked"]])
    warns = bool(isolation or one.allergies)
    return Line(
        (
            bed.code,
            one.name,
            f"{age} {said.get(f'sex_{one.sex}', '?')}",
            one.mrn,
            one.doctor or "",
            ("! " if warns else "") + ", ".join([*isolation, *known]),
            _vitals(one.vitals, now, zone) if one.vitals is not None else "",
            "; ".join(_open(bed, said, language)),
        ),
        strong=frozenset({0, 1, WARNS} if warns else {0, 1}),
    )


def _isolation(bed: CensusBed, said: Words) -> list[str]:
    if bed.isolation_kind is not None:
        return [said[f"isolation_{bed.isolation_kind}"]]
    return [said["isolation"]] if bed.isolation else []


def _open(bed: CensusBed, said: Words, language: str) -> list[str]:
    """Where a cot stands, whether its patient leaves, and what departments have open (``2 open orders`` in
    the census), in the language of the paper."""
    told = [said["beside"].format(bed=isolated(bed.beside, language))] if bed.beside is not None else []
    if bed.patient is None:
        return told
    if bed.patient.leaving:
        told.append(said["leaving"])
    for one in bed.patient.outstanding:
        count, _, kind = one.partition(" ")
        told.append(said.get(f"open_{kind.replace(' ', '_')}", one).format(count=count))
    return told


def _vitals(vitals: CensusVitals, now: datetime, zone: ZoneInfo) -> str:
    """Such as ``06:10 RR 18 SpO2 96 BP 120/70 HR 88 T 37.4``; with the day, if it is another one."""
    at, read = vitals.at.astimezone(zone), vitals.readings
    moment = f"{at:%H:%M}" if at.date() == now.astimezone(zone).date() else f"{at:%d.%m. %H:%M}"
    told = {name: f"{short} {read[name]}" for name, short in SHORT if name in read}
    pressure = [read.get("systolic", "?"), read.get("diastolic", "?")]
    before = [told.pop(name) for name in ("respiratory_rate", "spo2_percent", "fio2_percent") if name in told]
    middle = [f"BP {'/'.join(pressure)}"] if {"systolic", "diastolic"} & read.keys() else []
    return " ".join([moment, *before, *middle, *told.values()])
