"""Furnishes the demo hospital through the API, as its own staff; a second run changes nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from hms_rt.demo.cast import ADMIN, MARKS, SCREENS, STAFF, Employee, Inpatient, Screen, inpatients
from hms_rt.demo.shops import furnish_shops, shops_there
from hms_rt.kernel.principal import Role
from hms_rt.replay.client import Account, RefusedError, Server, Session
from hms_rt.replay.log import header
from hms_rt.replay.mapping import LogMapping, find_mapping
from hms_rt.replay.setup import prepare, unless_there
from hms_rt.replay.staff import Staff

CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class SeededScreen:
    """A screen; ``link`` is the path of its single-use link, or empty once a browser took it."""

    name: str
    path: str
    link: str


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was furnished, for the welcome and for the day."""

    employees: Sequence[Employee]
    accounts: Mapping[Role, Sequence[Account]]
    screens: Sequence[SeededScreen]


def day_file() -> Path:
    """The event log of the demo's day."""
    return Path(str(resources.files("hms_rt.demo") / "day.csv"))


def accounts(password: str) -> dict[Role, tuple[Account, ...]]:
    """The staff's accounts by role."""
    found: dict[Role, tuple[Account, ...]] = {}
    for employee in STAFF:
        found[employee.role] = (*found.get(employee.role, ()), Account(employee.username, password))
    return found


async def seed(url: str, password: str) -> Seeded:
    """Accounts, wards, clinics, tests, assignments, inpatients, screens, pharmacy and tills.

    Raises what a replay's preparations raise: ``RefusedError``, ``SignInError``, ``UnreachableError``.
    """
    people = accounts(password)
    mapping = find_mapping(None, header(day_file()))
    async with Server(url, connections=CONCURRENCY) as server:
        office = Session(server, Account(ADMIN, password))
        devices = {device["name"]: device for device in await office.all("/devices", limit=200)}
        screens = await asyncio.gather(
            *(_screen(office, screen, devices.get(screen.name)) for screen in SCREENS)
        )
        furnished, stocked = await asyncio.gather(_furnished(office), shops_there(office))
        if not furnished or not stocked:
            await asyncio.gather(*(_employ(office, employee, password) for employee in STAFF))
        if not furnished:
            await _furnish(server, office, mapping, people)
        if not stocked:
            await furnish_shops(office, Staff(server, people))
    return Seeded(STAFF, people, screens)


async def _furnished(office: Session) -> bool:
    """The last thing that furnishing makes is the last patient in a bed."""
    last = inpatients()[-1]
    return bool((await office.get("/patients", mrn=last.mrn))["items"])


async def _employ(office: Session, employee: Employee, password: str) -> None:
    await unless_there(
        office,
        "/users",
        {
            "username": employee.username,
            "display_name": employee.name,
            "password": password,
            "roles": [employee.role.value],
        },
    )


async def _furnish(
    server: Server, office: Session, mapping: LogMapping, people: Mapping[Role, Sequence[Account]]
) -> None:
    staff = Staff(server, people)
    await prepare(office, mapping, busiest={}, staff=staff)
    everybody = inpatients()
    for start in range(0, len(everybody) - 1, CONCURRENCY):
        group = everybody[start : min(start + CONCURRENCY, len(everybody) - 1)]
        await asyncio.gather(*(_admit(staff, patient) for patient in group))
    await _mark(staff)
    await _admit(staff, everybody[-1])


async def _mark(staff: Staff) -> None:
    """A ward in use: some beds isolated, one out of service, one contaminated long ago and being cleaned."""
    nurse = staff.of(Role.NURSE, "")
    for ward, change in MARKS:
        beds = await nurse.all("/beds", ward=ward)
        wanted = "available" if "status" in change else "occupied"
        bed = next(bed for bed in reversed(beds) if bed["status"] == wanted and not bed["isolation"])
        await nurse.patch(f"/beds/{bed['id']}", change, version=bed["version"])


async def _admit(staff: Staff, patient: Inpatient) -> None:
    """Register and put to bed; what an interrupted start did already is not repeated."""
    key = f"demo:{patient.mrn}"
    reception, doctor, nurse = (staff.of(r, key) for r in (Role.RECEPTION, Role.DOCTOR, Role.NURSE))
    try:
        made = (await reception.post("/patients", patient.body, key=key)).value
        body = {"patient_id": made["id"], "ward": patient.ward, "reason": "demo: here since yesterday"}
        admission = (await doctor.post("/admissions", body, key=f"{key}:request")).value
        path = f"/admissions/{admission['id']}"
        await nurse.post(f"{path}/accept", {}, key=f"{key}:accept")
        await nurse.post(f"{path}/assign", {"ward": patient.ward}, key=f"{key}:assign")
    except RefusedError as refused:
        if refused.code != "conflict":
            raise


async def _screen(office: Session, screen: Screen, device: Mapping[str, Any] | None) -> SeededScreen:
    """The screen and a link for it; one that is in use keeps its cookie and gets no new link."""
    if device is None:
        made = (await office.post("/devices", {"name": screen.name, "rooms": [screen.room]})).value
        return SeededScreen(screen.name, screen.path, str(made["path"]))
    if device["enrolled"]:
        return SeededScreen(screen.name, screen.path, "")
    renewed = (await office.post(f"/devices/{device['id']}/link")).value
    return SeededScreen(screen.name, screen.path, str(renewed["path"]))
