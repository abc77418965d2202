"""The demo hospital: furnished through the API, once, and its day can be played."""

import asyncio
import csv
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.demo.cast import INPATIENTS, PASSWORD, SCREENS, STAFF
from hms_rt.demo.day import clear_up, run_day
from hms_rt.demo.seed import Seeded, day_file, seed
from hms_rt.demo.trade import EVERY_WARD, Queues, Trade
from hms_rt.departments.identity.schemas import UserNew
from hms_rt.kernel.principal import Role
from hms_rt.replay.client import Server
from hms_rt.replay.report import Outcome
from hms_rt.replay.run import ReplaySettings, replay
from hms_rt.replay.staff import Staff
from tests.conftest import command


@pytest.fixture
async def url(hospital: Hospital, server: TestServer) -> str:
    admin = UserNew.model_validate(
        {"username": "admin", "display_name": "Admin", "password": PASSWORD, "roles": [Role.ADMIN]}
    )
    await hospital.services.identity.create_admin(command(), admin)
    return str(server.make_url("/")).rstrip("/")


async def test_the_hospital_is_furnished_once(hospital: Hospital, url: str) -> None:
    seeded = await seed(url, PASSWORD)
    assert {employee.role for employee in seeded.employees} == set(Role)
    assert len({screen.link for screen in seeded.screens}) == len(SCREENS)

    async def counted() -> dict[str, int]:
        async with hospital.engine.connect() as connection:
            names = (
                "identity_user",
                "identity_device",
                "patients_patient",
                "beds_bed",
                "ipd_stay",
                "pharmacy_ledger",
                "billing_charge",
                "billing_payment",
                "billing_shift",
            )
            return {
                n: (await connection.execute(text(f"SELECT count(*) FROM {n}"))).scalar_one() for n in names
            }

    furnished = await counted()
    assert furnished["ipd_stay"] == sum(INPATIENTS.values())
    assert furnished["identity_user"] == len(STAFF)
    again = await seed(url, PASSWORD)
    assert await counted() == furnished
    assert all(screen.link for screen in again.screens), "nobody opened the first links"
    await one_trades(hospital, url, again)


async def one_trades(hospital: Hospital, url: str, seeded: Seeded) -> None:
    """Somebody who is with a doctor gets medicines, a bill, and pays it in two parts; a ward takes a dose."""
    async with Server(url) as server:
        staff = Staff(server, seeded.accounts)
        reception, doctor = staff.of(Role.RECEPTION, ""), staff.of(Role.DOCTOR, "")
        for number in range(3):
            new = {"family_name": f"Walker {number}", "mrn": f"DAY-X{number}"}
            patient = (await reception.post("/patients", new)).value
            token = (await reception.post("/clinics/GEN/tokens", {"patient_id": patient["id"]})).value
            await doctor.post(f"/tokens/{token['id']}/call", {"counter": f"GEN-{number + 1}"})
            await doctor.post(f"/tokens/{token['id']}/serve", {})
        trade = Trade(staff, Queues(waiting=1, ready=1, due=1, part_paid=1))
        for _ in range(EVERY_WARD):
            await trade.round()
    async with hospital.engine.connect() as connection:
        ledger = "SELECT count(*) FROM pharmacy_ledger WHERE kind = 'dispense' AND store"
        expected = {
            "SELECT count(*) FROM pharmacy_dispense WHERE state = 'handed_over' AND store = 'MAIN'": 3,
            f"{ledger} IN ('ICU-CUP', 'MED-CUP')": 1,
            "SELECT count(*) FROM billing_invoice WHERE state = 'paid' AND counter = 'K1'": 3,
            "SELECT count(*) FROM billing_payment": 1 + 4,
            "SELECT count(*) FROM beds_occupant WHERE outstanding > 0": 1,
        }
        assert {query: (await connection.execute(text(query))).scalar_one() for query in expected} == expected


async def days(url: str, seeded: Seeded, *, run: str, limit: int) -> Counter[Outcome]:
    await clear_up(url, seeded)
    settings = ReplaySettings(
        file=day_file(), accounts=seeded.accounts, url=url, limit=limit, run=run, concurrency=4
    )
    return Counter(line.outcome for line in (await replay(settings)).lines)


async def test_an_interrupted_day_leaves_nothing_in_the_way_of_the_next(hospital: Hospital, url: str) -> None:
    seeded = await seed(url, PASSWORD)
    assert await days(url, seeded, run="broken", limit=60) == {Outcome.APPLIED: 60}
    assert await days(url, seeded, run="again", limit=90) == {Outcome.APPLIED: 90}

    await clear_up(url, seeded)
    async with hospital.engine.connect() as connection:
        left = {
            "tokens": "SELECT count(*) FROM opd_token WHERE finished_at IS NULL",
            "tests": "SELECT count(*) FROM lab_test WHERE state NOT IN ('released', 'cancelled')",
            "stays": "SELECT count(*) FROM ipd_stay WHERE ended_at IS NULL",
        }
        found = {n: (await connection.execute(text(query))).scalar_one() for n, query in left.items()}
        kept = "SELECT count(*) FROM opd_appointment WHERE clinic_code = 'CAR' AND state = 'fulfilled'"
        assert (await connection.execute(text(kept))).scalar_one() > 0
    assert found == {"tokens": 0, "tests": 0, "stays": sum(INPATIENTS.values())}


async def test_a_cancelled_day_finishes_what_is_under_way(url: str) -> None:
    seeded = await seed(url, PASSWORD)
    playing = asyncio.create_task(run_day(url, seeded, speed=2000))
    await asyncio.sleep(2)
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(playing, 60)
    running = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
    assert not running & {"replay", "run_day", "Engine._play", "_stop_when_told"}


def test_something_happens_every_few_seconds_and_every_case_ends_as_it_should() -> None:
    with day_file().open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [datetime.fromisoformat(row["Time"]) for row in rows]
    assert times == sorted(times)
    assert max(later - sooner for sooner, later in pairwise(times)) < timedelta(minutes=5)

    cases: dict[str, list[str]] = {}
    for row in rows:
        cases.setdefault(row["Case"], []).append(row["Activity"])
    for activities in cases.values():
        assert activities[0] == "Arrives"
        assert activities.count("Admitted") == activities.count("Goes home")
        left = activities.count("Goes home") + activities.count("Moved to another ward")
        assert left == activities.count("Bed cleaned")
