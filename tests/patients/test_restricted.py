"""A restricted patient's name: for those who treat, and in no other list, room or answer.

The rooms are those that the server has, so that one which is new cannot slip through.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from channels import CHANNELS
from hms_rt.app import Hospital
from hms_rt.departments.beds.schemas import BedQuery
from hms_rt.departments.ipd.schemas import AdmissionQuery, HoldIn
from hms_rt.departments.ipd.schemas.medication import DoseQuery
from hms_rt.departments.lab.schemas.alerts import AlertQuery
from hms_rt.departments.lab.schemas.ordering import LabOrderIn, LabOrderQuery, SpecimenIn, When, WorklistQuery
from hms_rt.departments.lab.schemas.results import ResultIn
from hms_rt.departments.opd.schemas.appointments import AppointmentIn, AppointmentQuery
from hms_rt.departments.opd.schemas.queue import ClinicIn, QueueQuery, TokenIn, TokenQuery
from hms_rt.departments.opd.schemas.scheduling import ScheduleIn, SlotQuery
from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionQuery
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, command
from tests.lab.conftest import CATALOGUE
from tests.pharmacy.conftest import Pharmacy, line, pharmacy

__all__ = ["pharmacy"]

CANARY = "Zzcanary"
WHY = WhyIn(reason="known to everybody")
CANDID = {Audience.CLINICAL, Audience.OWN}
"""Who treats; a doctor's own list is of the doctor's patients."""
NAMELESS = {"hospital", "cleaning", "stock"}
"""Rooms that show no patient to anybody."""
ELSEWHERE = {"me", "cashier"}
"""Their departments' tests hold them to name nobody: titles of notifications, numbers of invoices."""
PLACES = {
    "ward": "ICU",
    "clinic": "GEN",
    "day": "GEN",
    "dispensary": "MAIN",
    "cleaning": "ICU",
    "stock": "MAIN",
}


@pytest.fixture
def clock() -> ManualClock:
    """A Monday morning."""
    return ManualClock(datetime(2026, 3, 2, 7, 30, tzinfo=UTC))


@pytest_asyncio.fixture
async def canary(pharmacy: Pharmacy, hospital: Hospital) -> uuid.UUID:
    """A patient whom every department has something to do with, and whose record is closed after that."""
    services = pharmacy.services
    canary = await pharmacy.patient(CANARY)
    beds = await services.beds.beds(SYSTEM, command(), BedQuery(ward="ICU"))
    here = await pharmacy.inpatient(beds.items[0].id, canary)
    await services.ipd.hold(SYSTEM, command(), here.id, HoldIn(bed_id=beds.items[1].id))
    await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    schedule = ScheduleIn(
        doctor_id=pharmacy.doctor.id,
        weekdays=(1,),
        starts=time(10),
        ends=time(11),
        slot_minutes=30,
        first_day=date(2026, 3, 2),
    )
    await services.opd.define_schedule(SYSTEM, command(), "GEN", schedule)
    slot = (await services.opd.slots(SYSTEM, "GEN", SlotQuery())).items[0]
    booking = AppointmentIn(slot_id=slot.id, patient_id=canary, note=f"Mr {CANARY} junior")
    await services.opd.book(SYSTEM, command(), booking)
    await services.opd.issue(SYSTEM, command(), "GEN", TokenIn(patient_id=canary))
    for entry in CATALOGUE:
        await services.lab.define_test(SYSTEM, command(), entry)
    for place in ({"ward": "ICU"}, {"clinic": "GEN"}):
        wanted = LabOrderIn(patient_id=canary, tests=["LAC", "CULT"], **place)
        order = await services.lab.order(SYSTEM, command(), wanted)
        taken = SpecimenIn(kind=CATALOGUE[0].specimen_kind)
        specimen = await services.lab.collect(SYSTEM, command(), order.id, taken)
        await services.lab.receive(SYSTEM, command(), specimen.id, When())
        await services.lab.enter_result(SYSTEM, command(), order.tests[0].id, ResultIn(value="9.0"))
    await pharmacy.active(line(), patient_id=canary, admission_id=here.id)
    await services.patients.restrict(SYSTEM, command(expected_version=1), canary, WHY)
    return canary


async def test_no_room_shows_the_name_but_to_those_who_treat_and_none_keeps_it_once_restricted(
    canary: uuid.UUID, hospital: Hospital, services: Services, pharmacy: Pharmacy
) -> None:
    for restricted in (True, False):
        seen = await audiences(hospital, services, {**PLACES, "doctor": str(pharmacy.doctor.id)})
        for (name, audience), shown in seen.items():
            room = name.split()[1].split(":")[0]
            clinical = audience in CANDID and room not in NAMELESS
            staff = audience is Audience.STAFF and room not in {*NAMELESS, "ward"} and not restricted
            staff = staff or (
                audience is Audience.STAFF and not restricted and name in {"/lab ward:ICU", "/ipd ward:ICU"}
            )
            assert (CANARY in shown) == (clinical or staff), (name, audience, restricted)
        if restricted:
            await services.patients.unrestrict(SYSTEM, command(expected_version=2), canary, WHY)


async def test_lists_and_answers_show_the_name_to_those_who_treat_alone(
    canary: uuid.UUID, services: Services, pharmacy: Pharmacy, person: PersonFactory
) -> None:
    reception, lab = await person(Role.RECEPTION), await person(Role.LAB)
    opd = services.opd

    async def lists(who: Principal) -> dict[str, Any]:
        asked: dict[str, Callable[[], Any]] = {
            "queue": lambda: opd.queue(who, command(), "GEN", QueueQuery()),
            "tokens": lambda: opd.tokens(who, command(), "GEN", TokenQuery()),
            "appointments": lambda: opd.appointments(who, command(), AppointmentQuery()),
            "admissions": lambda: services.ipd.admissions(who, command(), AdmissionQuery()),
            "beds": lambda: services.beds.beds(who, command(), BedQuery(ward="ICU")),
            "worklist": lambda: services.lab.worklist(who, command(), WorklistQuery()),
            "orders": lambda: services.lab.orders(who, command(), LabOrderQuery()),
            "alerts": lambda: services.lab.alerts(who, command(), AlertQuery()),
            "prescriptions": lambda: services.pharmacy.prescriptions(who, command(), PrescriptionQuery()),
            "doses": lambda: services.medication.doses(who, command(), DoseQuery(ward="ICU")),
        }
        may = {
            reception.id: ("queue", "tokens", "appointments", "admissions", "beds"),
            lab.id: ("worklist", "orders", "alerts"),
            pharmacy.pharmacist.id: ("prescriptions", "doses"),
            pharmacy.doctor.id: (
                *("queue", "tokens", "appointments", "admissions", "beds"),
                *("orders", "alerts", "prescriptions", "doses"),
            ),
        }
        return {name: (await asked[name]()).model_dump_json() for name in may[who.id]}

    for name, said in (await lists(pharmacy.doctor)).items():
        assert CANARY in said, name
    mrn = (await services.patients.get(SYSTEM, command(), canary)).mrn
    for who, knows_mrn in ((reception, False), (lab, True), (pharmacy.pharmacist, True)):
        for name, said in (await lists(who)).items():
            assert CANARY not in said, name
            assert str(canary) in said or name == "beds", (name, "the entry is there")
            assert (mrn in said) == knows_mrn, name


async def audiences(
    hospital: Hospital, services: Services, places: Mapping[str, str]
) -> dict[tuple[str, Audience], str]:
    """What each audience of each room sees, from the changes alone."""
    seen = {}
    for channel in CHANNELS:
        for kind in channel.rooms(services):
            if kind.name in ELSEWHERE:
                continue
            place = places[kind.name] if kind.takes_argument else ""
            stream = kind.streams.stream(place)
            state = await told(hospital, stream)
            async with hospital.units.reading() as connection:
                fresh = await kind.streams.read(connection, place)
            assert state == fresh, (stream, "what was told equals what is there")
            for audience, view in kind.views.items():
                shown = json.dumps([view(key, value) for key, value in state.items()])
                room = f"{kind.name}:{place}" if place else kind.name
                seen[f"{kind.namespace} {room}", audience] = shown
    return seen


async def told(hospital: Hospital, stream: str) -> dict[str, Any]:
    """What a client has that heard every change."""
    heard: dict[str, Any] = {}
    async with hospital.engine.connect() as connection:
        query = text("SELECT ops FROM change_log WHERE stream = :name ORDER BY version")
        for row in await connection.execute(query, {"name": stream}):
            for op in row.ops:
                if op["op"] == "put":
                    heard[op["key"]] = op["value"]
                else:
                    heard.pop(op["key"], None)
    return heard
