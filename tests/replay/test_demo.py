"""The demo hospital: furnished through the API, once, and its day can be played."""

from collections import Counter

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.demo.cast import INPATIENTS, PASSWORD, SCREENS, STAFF
from hms_rt.demo.seed import day_file, seed
from hms_rt.departments.identity.schemas import UserNew
from hms_rt.kernel.principal import Role
from hms_rt.replay.report import Outcome
from hms_rt.replay.run import ReplaySettings, replay
from tests.conftest import command


@pytest.fixture
async def url(hospital: Hospital, server: TestServer) -> str:
    admin = UserNew.model_validate(
        {"username": "admin", "display_name": "Admin", "password": PASSWORD, "roles": [Role.ADMIN]}
    )
    await hospital.services.identity.create_admin(command(), admin)
    return str(server.make_url("/")).rstrip("/")


async def test_the_hospital_is_furnished_once_and_its_day_can_be_played(hospital: Hospital, url: str) -> None:
    seeded = await seed(url, PASSWORD)
    assert {employee.role for employee in seeded.employees} == set(Role)
    assert len({screen.link for screen in seeded.screens}) == len(SCREENS)

    async def counted() -> dict[str, int]:
        async with hospital.engine.connect() as connection:
            names = ("identity_user", "identity_device", "patients_patient", "beds_bed", "ipd_stay")
            return {
                n: (await connection.execute(text(f"SELECT count(*) FROM {n}"))).scalar_one() for n in names
            }

    furnished = await counted()
    assert furnished["ipd_stay"] == sum(INPATIENTS.values())
    assert furnished["identity_user"] == len(STAFF)
    again = await seed(url, PASSWORD)
    assert await counted() == furnished
    assert all(screen.link for screen in again.screens), "nobody opened the first links"

    report = await replay(
        ReplaySettings(
            file=day_file(), accounts=seeded.accounts, url=url, limit=150, run="test", concurrency=1
        )
    )
    outcomes = Counter(line.outcome for line in report.lines)
    assert outcomes == {Outcome.APPLIED: 150}, [line for line in report.lines if line.reason]
