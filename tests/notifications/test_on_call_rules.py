"""Rules of on-call duty that the database keeps: attacked by many at once, over two servers, and by SQL."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.schemas.on_call import GroupIn, MemberIn, ShiftIn
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage.postgres import violated
from tests.cli.processes import configured, serving_workers
from tests.conftest import PASSWORD, PersonFactory, command

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


async def furnish(hospital: Hospital, person: PersonFactory, people: int) -> list[uuid.UUID]:
    service = hospital.services.notifications
    group = GroupIn(code="ICU", name="Intensive care", place_kind=PlaceKind.WARD, place="ICU")
    await service.define_group(SYSTEM, command(), group)
    ids = [(await person(Role.DOCTOR)).id for _ in range(people)]
    for user_id in ids:
        await service.add_member(SYSTEM, command(), "ICU", MemberIn(user_id=user_id))
    return ids


async def test_fifty_shifts_for_the_same_night_over_two_servers_and_one_person_gets_it(
    hospital: Hospital, person: PersonFactory, stores: Stores, tmp_path: Path
) -> None:
    doctors = await furnish(hospital, person, 5)
    await person(Role.ADMIN, username="admin")
    async with serving_workers(tmp_path, configured(stores), workers=2) as served:
        async with aiohttp.ClientSession(served.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            signed = {"username": "admin", "password": PASSWORD}
            async with client.post("/api/v1/auth/login", json=signed) as answer:
                assert answer.status == 200
            cookie = "; ".join(f"{one.key}={one.value}" for one in client.cookie_jar)

        async def add(number: int) -> int:
            begins = NOW + number % 7 * HOUR  # all of them overlap
            body = {
                "user_id": str(doctors[number % 5]),
                "starts_at": begins.isoformat(),
                "ends_at": (begins + 12 * HOUR).isoformat(),
            }
            async with (
                aiohttp.ClientSession(served.url, headers={"Cookie": cookie}) as own,
                own.post("/api/v1/on-call/groups/ICU/shifts", json=body) as answer,
            ):
                return answer.status

        statuses = Counter(await asyncio.gather(*(add(number) for number in range(50))))
    assert statuses == {201: 1, 409: 49}
    async with hospital.units.reading() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM notifications_shift"))).scalar_one() == 1


_COPY = (
    "INSERT INTO notifications_shift (id, group_number, exactly_one, member_number, starts_at, ends_at,"
    " version, created_by, created_at) SELECT gen_random_uuid(), group_number, {one}, {member}, {begins},"
    " {ends}, 1, created_by, created_at FROM notifications_shift LIMIT 1"
)
_COVER = (
    "INSERT INTO notifications_cover (id, shift_number, group_number, member_number, starts_at, ends_at,"
    " reason, version, created_by, created_at) SELECT gen_random_uuid(), number, group_number,"
    " member_number, {begins}, {ends}, 'x', 1, created_by, created_at FROM notifications_shift LIMIT 1"
)


def copy(**changed: Any) -> str:
    same = {"one": "exactly_one", "member": "member_number", "begins": "starts_at", "ends": "ends_at"}
    return _COPY.format(**same | changed)


LATER = {"begins": "ends_at", "ends": "ends_at + interval '1 h'"}
OF_OTHER, SECOND = "member_number + 1", "ends_at - interval '1 s'"


@pytest.mark.parametrize(
    ("statements", "rule"),
    [
        ([copy(member=OF_OTHER)], "notifications_shift_one_at_a_time"),
        ([copy(**LATER | {"member": OF_OTHER, "begins": SECOND})], "notifications_shift_one_at_a_time"),
        ([copy(one="false", **LATER)], "notifications_shift_group_fkey"),
        (["UPDATE notifications_group SET exactly_one = false"], "notifications_shift_group_fkey"),
        ([copy(member="member_number + 100", **LATER)], "notifications_shift_member_fkey"),
        ([copy(begins="ends_at")], "notifications_shift_time_check"),
        ([copy(**LATER | {"ends": "ends_at + interval '40 d'"})], "notifications_shift_length_check"),
        ([_COVER.format(begins="starts_at", ends="ends_at")] * 2, "notifications_cover_one_at_a_time"),
        ([_COVER.format(begins="starts_at", ends=LATER["ends"])], "notifications_cover_within_shift"),
    ],
    ids=[
        "same time",
        "by a second",
        "another rule",
        "rule dropped",
        "a stranger",
        "no time",
        "too long",
        "covered twice",
        "beyond the shift",
    ],
)
async def test_sql_past_the_service_is_refused(
    hospital: Hospital, person: PersonFactory, statements: list[str], rule: str
) -> None:
    ids = await furnish(hospital, person, 2)
    shift = ShiftIn(user_id=ids[0], starts_at=NOW, ends_at=NOW + 12 * HOUR)
    await hospital.services.notifications.add_shift(SYSTEM, command(), "ICU", shift)

    async def run() -> None:
        async with hospital.engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))

    with pytest.raises(IntegrityError) as refused:
        await run()
    assert violated(refused.value) == rule


async def test_sql_may_let_the_next_shift_begin_when_one_ends(
    hospital: Hospital, person: PersonFactory
) -> None:
    ids = await furnish(hospital, person, 2)
    shift = ShiftIn(user_id=ids[0], starts_at=NOW, ends_at=NOW + 12 * HOUR)
    await hospital.services.notifications.add_shift(SYSTEM, command(), "ICU", shift)
    async with hospital.engine.begin() as connection:
        await connection.execute(text(copy(**LATER)))
