"""Every rule of the outpatients attacked by fifty commands at once, over two server processes."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.identity.schemas import AssignmentIn
from hms_rt.departments.opd.schemas.queue import ClinicIn, CounterIn
from hms_rt.departments.opd.schemas.scheduling import ScheduleIn, SlotOut, SlotQuery
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from tests.cli.processes import configured, serving_workers
from tests.conftest import PASSWORD, PersonFactory, command
from tests.opd.conftest import Query

MANY = 50
OF_THE_FIRST_VERSION = ("/death", "/restrict")
"""Commands that change a patient."""
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


class Crowd:
    """Fifty clients, each with a connection of its own, so that both servers get some of them."""

    def __init__(self, url: str, cookie: str) -> None:
        self._url, self._headers = f"{url}/api/v1", {"Cookie": cookie}

    async def at_once(self, several: Iterable[tuple[str, Any]]) -> list[tuple[int, Any]]:
        """Status and answer of each of these commands."""

        async def one(path: str, body: Any) -> tuple[int, Any]:
            headers = {"If-Match": '"1"'} if path.endswith(OF_THE_FIRST_VERSION) else {}
            async with (
                aiohttp.ClientSession(headers=self._headers) as own,
                own.post(self._url + path, json=body, headers=headers) as answer,
            ):
                return answer.status, await answer.json()

        return list(await asyncio.gather(*(one(path, body) for path, body in several)))

    async def statuses(self, several: Iterable[tuple[str, Any]]) -> Counter[int]:
        return Counter(status for status, _ in await self.at_once(several))


async def furnished(hospital: Hospital, person: PersonFactory) -> tuple[list[uuid.UUID], list[SlotOut]]:
    """Fifty patients, and three slots of tomorrow: five places and two more, fifty, and five."""
    opd = hospital.services.opd
    await opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    await opd.define_clinic(SYSTEM, command(), ClinicIn(code="EYE", name="Eyes"))
    await opd.define_counter(SYSTEM, command(), "GEN", CounterIn(code="G1", name="Room 1"))
    everybody = await person(Role.ADMIN, Role.NURSE, username="everybody", clinic="GEN", counter="G1")
    eyes = AssignmentIn(kind=AssignmentKind.CLINIC, place="EYE")
    await hospital.services.identity.assign(SYSTEM, command(), everybody.id, eyes)
    for capacity, overbook in ((5, 2), (50, 0), (5, 0)):
        doctor = await person(Role.DOCTOR)
        pattern = ScheduleIn(
            doctor_id=doctor.id,
            weekdays=(TOMORROW.isoweekday(),),
            starts=time(9),
            ends=time(10),
            slot_minutes=60,
            capacity=capacity,
            overbook=overbook,
            first_day=TOMORROW,
            last_day=TOMORROW,
        )
        await opd.define_schedule(SYSTEM, command(), "GEN", pattern)
    patients = hospital.services.patients
    new = [PatientNew(family_name=f"Patient {number}") for number in range(MANY)]
    ids = [(await patients.register(SYSTEM, command(), each)).id for each in new]
    slots = (await opd.slots(SYSTEM, "GEN", SlotQuery())).items
    return ids, sorted(slots, key=lambda slot: (slot.overbook == 0, -slot.capacity))


async def signed_in(url: str) -> Crowd:
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        login = {"username": "everybody", "password": PASSWORD}
        async with client.post("/api/v1/auth/login", json=login) as answer:
            assert answer.status == 200
        return Crowd(url, "; ".join(f"{one.key}={one.value}" for one in client.cookie_jar))


async def test_fifty_at_once_over_two_servers_break_no_rule(
    hospital: Hospital, person: PersonFactory, stores: Stores, query: Query, tmp_path: Path
) -> None:
    patients, (few, many, other) = await furnished(hospital, person)
    async with serving_workers(tmp_path, configured(stores), workers=2) as served:
        crowd = await signed_in(served.url)

        def bookings(slot: SlotOut, **said: Any) -> list[tuple[str, Any]]:
            body = {"slot_id": str(slot.id), **said}
            return [("/appointments", {"patient_id": str(patient), **body}) for patient in patients]

        # a slot takes five, and two more by authority
        assert await crowd.statuses(bookings(few)) == {201: 5, 409: 45}
        assert await crowd.statuses(bookings(few, overbook=True)) == {201: 2, 409: 48}
        # one patient once in a slot, however many places there are
        twice = [("/appointments", {"slot_id": str(many.id), "patient_id": str(patients[0])})] * MANY
        assert await crowd.statuses(twice) == {201: 1, 409: 49}
        # fifty go to another slot that has five places: five are there, 45 keep what they had
        assert await crowd.statuses(bookings(many)) == {201: 49, 409: 1}
        rows = await query("SELECT id FROM opd_appointment WHERE slot_id = :slot", slot=many.id)
        away = {"slot_id": str(other.id), "reason": "patient asked"}
        moves = [(f"/appointments/{row.id}/reschedule", away) for row in rows]
        assert await crowd.statuses(moves) == {200: 5, 409: 45}
        # one appointment goes on once
        one = await query("SELECT id FROM opd_appointment WHERE slot_id = :slot LIMIT 1", slot=other.id)
        back = {"slot_id": str(many.id), "reason": "patient asked"}
        assert await crowd.statuses([(f"/appointments/{one[0].id}/reschedule", back)] * MANY) == {
            200: 1,
            409: 49,
        }
        # numbers without a gap, one caller of a number, one open visit
        issued = await crowd.at_once([("/clinics/GEN/tokens", {})] * MANY)
        assert sorted(answer["number"] for _, answer in issued) == list(range(1, MANY + 1))
        called = await crowd.statuses([("/clinics/GEN/call-next", {"counter": "G1"})] * MANY)
        assert called == {200: 1, 409: 49}
        visit = {"clinic": "GEN", "patient_id": str(patients[0])}
        assert await crowd.statuses([("/visits", visit)] * MANY) == {201: 1, 409: 49}
        await _a_death_meets_bookings_numbers_and_visits(crowd, query, patients[-1], (few, many, other))
        await _a_restriction_meets_a_queue(crowd, query, patients[-2])
        # a doctor is in one place at a time
        doctor = {"doctor_id": str(few.doctor_id), "weekdays": [1, 2, 3, 4, 5, 6, 7]}
        pattern = {**doctor, "starts": "14:00", "ends": "15:00", "slot_minutes": 20}
        patterns = [("/clinics/GEN/schedules", {**pattern, "first_day": TOMORROW.isoformat()})] * MANY
        assert await crowd.statuses(patterns) == {201: 1, 409: 49}
    counted = "SELECT count(*) FROM opd_appointment a WHERE a.slot_id = s.id AND a.state = 'booked'"
    gone = await query("SELECT count(*) FROM opd_appointment WHERE reason = 'the patient died'")
    rows = await query(f"SELECT booked, ({counted}) AS really FROM opd_slot s WHERE booked > 0 ORDER BY 1")
    assert all(row.booked == row.really for row in rows)
    assert sum(row.booked for row in rows) + gone[0].count >= 57


async def _a_death_meets_bookings_numbers_and_visits(
    crowd: Crowd, query: Query, patient: uuid.UUID, slots: Iterable[SlotOut]
) -> None:
    """Whatever comes first, nobody waits for the dead in the end: not booked, no number, no visit for one."""
    wanted: list[tuple[str, Any]] = [
        ("/appointments", {"patient_id": str(patient), "slot_id": str(slot.id), "overbook": True})
        for slot in slots
    ]
    wanted += [("/clinics/EYE/tokens", {"patient_id": str(patient)})] * 23
    wanted += [("/visits", {"clinic": "EYE", "patient_id": str(patient)})] * 23
    wanted.insert(MANY // 2, (f"/patients/{patient}/death", {}))
    answers = await crowd.at_once(wanted)
    assert {status for status, _ in answers} <= {200, 201, 409}
    assert answers[MANY // 2][0] == 200
    open_ = {
        "opd_appointment": "state = 'booked'",
        "opd_token": "finished_at IS NULL",
        "opd_visit": "finished_at IS NULL AND token_id IS NOT NULL",
    }
    for table, still in open_.items():
        assert not await query(f"SELECT id FROM {table} WHERE patient_id = :id AND {still}", id=patient)
    given = sum("number" in answer for _, answer in answers)
    rows = await query("SELECT reason FROM opd_token WHERE patient_id = :id", id=patient)
    assert [row.reason for row in rows] == ["the patient died"] * given
    sums = await query("SELECT waiting, cancelled FROM opd_queue WHERE clinic_code = 'EYE'")
    assert [(row.waiting, row.cancelled) for row in sums] == [(0, given)] * bool(given)


async def _a_restriction_meets_a_queue(crowd: Crowd, query: Query, patient: uuid.UUID) -> None:
    """Numbers given before and after know it, so that nobody who does not treat is told the name."""
    wanted: list[tuple[str, Any]] = [("/clinics/EYE/tokens", {"patient_id": str(patient)})] * (MANY - 1)
    wanted.insert(MANY // 2, (f"/patients/{patient}/restrict", {"reason": "works here"}))
    assert Counter(status for status, _ in await crowd.at_once(wanted)) == {201: MANY - 1, 200: 1}
    rows = await query("SELECT restricted FROM opd_token WHERE patient_id = :id", id=patient)
    assert [row.restricted for row in rows] == [True] * (MANY - 1)
    told = await query(
        "SELECT DISTINCT ON (op ->> 'key') (op #>> '{value,restricted}') AS restricted FROM change_log,"
        " jsonb_array_elements(ops) op WHERE stream = 'opd/clinic:EYE' AND op #>> '{value,patient_id}' = :id"
        " ORDER BY op ->> 'key', version DESC",
        id=str(patient),
    )
    assert [row.restricted for row in told] == ["true"] * (MANY - 1)
