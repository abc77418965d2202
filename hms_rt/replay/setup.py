"""Makes what a log needs before its first event: wards, beds, clinics, counters, tests, assignments.

Everything is defined through the API by an administrator, and only where it is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hms_rt.kernel.principal import AssignmentKind, Role
from hms_rt.replay.client import RefusedError, Session
from hms_rt.replay.mapping import Clinic, LogMapping, Schedule, Ward
from hms_rt.replay.staff import Staff, assign, users_by_name

PER_PATIENT = 1.1
"""Beds per patient at the busiest moment: some wait for cleaning."""

ON_TOP = 4
"""Further beds of every ward that the mapping does not size."""

WEEK = timedelta(days=7)

CLINIC_ROLES = frozenset({Role.DOCTOR, Role.NURSE, Role.RECEPTION})
WARD_ROLES = (Role.DOCTOR, Role.NURSE)


async def prepare(
    office: Session, mapping: LogMapping, *, busiest: Mapping[str, int], staff: Staff
) -> dict[str, list[str]]:
    """Define what is missing, assign the staff; answers the counters of each clinic.

    Raises ``RefusedError`` where the administrator may not, or where something is defined otherwise.
    """
    for ward in mapping.setup.wards:
        wanted = ward.beds or round(busiest.get(ward.code, 0) * PER_PATIENT) + ON_TOP
        await define_ward(office, ward.code, ward.name, beds_of(ward, wanted))
    counters = {clinic.code: await define_clinic(office, clinic) for clinic in mapping.setup.clinics}
    for test in mapping.setup.tests:
        await unless_there(office, "/lab/catalogue", test)
    await _assign(office, staff, mapping, counters)
    await _schedule(office, staff, mapping.setup.schedules)
    return counters


async def _schedule(office: Session, staff: Staff, schedules: Sequence[Schedule]) -> None:
    """Slots of a week; where there are some already, they stay as they are."""
    if not schedules:
        return
    doctor, *_ = sorted(staff.usernames(Role.DOCTOR))
    doctor_id = (await users_by_name(office, [doctor]))[doctor]["id"]
    today = datetime.now(UTC).date()
    days = {"first_day": today.isoformat(), "last_day": (today + WEEK).isoformat()}
    for one in schedules:
        pattern = {**one.model_dump(exclude={"clinic"}), **days, "weekdays": list(range(1, 8))}
        await unless_there(office, f"/clinics/{one.clinic}/schedules", {"doctor_id": doctor_id, **pattern})


def beds_of(ward: Ward, number: int) -> list[tuple[str, str]]:
    """Room and code of ``number`` beds, such as ``("01", "01-A")``."""
    letters = "ABCDEFGHIJKLMNOPQRST"
    places = (divmod(place, ward.beds_per_room) for place in range(number))
    return [(f"{room + 1:02}", f"{room + 1:02}-{letters[place]}") for room, place in places]


async def define_ward(office: Session, code: str, name: str, beds: Sequence[tuple[str, str]]) -> None:
    """A ward and its beds (room, code)."""
    await unless_there(office, "/wards", {"code": code, "name": name})
    there = {bed["code"] for bed in await office.all("/beds", ward=code)}
    for room, bed in beds:
        if bed not in there:
            await unless_there(office, "/beds", {"ward": code, "room": room, "code": bed})


async def define_clinic(office: Session, clinic: Clinic) -> list[str]:
    """A clinic and its counters; answers their codes."""
    await unless_there(office, "/clinics", {"code": clinic.code, "name": clinic.name})
    codes = [f"{clinic.code}-{number}" for number in range(1, clinic.counters + 1)]
    for number, code in enumerate(codes, start=1):
        await unless_there(
            office, f"/clinics/{clinic.code}/counters", {"code": code, "name": f"Counter {number}"}
        )
    return codes


async def unless_there(office: Session, path: str, body: Mapping[str, object]) -> bool:
    """Create it; False if it was there already."""
    try:
        await office.post(path, body)
    except RefusedError as refused:
        if refused.code != "conflict":
            raise
        return False
    return True


async def _assign(
    office: Session, staff: Staff, mapping: LogMapping, counters: Mapping[str, Iterable[str]]
) -> None:
    wards = [(AssignmentKind.WARD.value, ward.code) for ward in mapping.setup.wards]
    clinics = [(AssignmentKind.CLINIC.value, clinic.code) for clinic in mapping.setup.clinics]
    places = [(AssignmentKind.COUNTER.value, code) for codes in counters.values() for code in codes]
    await assign(office, staff.usernames(*WARD_ROLES), wards)
    on_call = [(AssignmentKind.ON_CALL.value, code) for _, code in (*wards, *clinics)]
    await assign(office, staff.usernames(Role.DOCTOR), on_call)
    serving = sorted(CLINIC_ROLES | mapping.serving_roles())
    await assign(office, staff.usernames(*serving), [*clinics, *places])
