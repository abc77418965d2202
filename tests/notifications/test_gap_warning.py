"""Who is in charge hears of a gap of a rota once, and again a day before; when it opens anew, anew."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.notifications.model.gap_warning import GapTold, warn
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.schemas.notifications import NotificationQuery
from hms_rt.departments.notifications.schemas.on_call import (
    GapQuery,
    GroupIn,
    GroupUpdate,
    MemberIn,
    ShiftIn,
    Withdrawal,
)
from hms_rt.departments.notifications.service import Kind, NotificationsService
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def test_a_gap_is_told_once_and_again_when_it_is_near_and_grows_without_being_told() -> None:
    far = (NOW + 3 * DAY, NOW + 7 * DAY)
    told, known = warn([far], [], NOW)
    assert told == known == [GapTold(*far, told_again=False)]
    grown = (NOW + 3 * DAY, NOW + 7 * DAY + HOUR)
    told, known = warn([grown], known, NOW + HOUR)
    assert (told, known) == ([], [GapTold(*grown, told_again=False)])
    told, known = warn([grown], known, NOW + 2 * DAY)
    assert told == known == [GapTold(*grown, told_again=True)]
    assert warn([grown], known, NOW + 2 * DAY + HOUR) == ([], known)
    assert warn([], known, NOW + 2 * DAY + HOUR) == ([], [])
    parts = [(NOW + 3 * DAY, NOW + 4 * DAY), (NOW + 5 * DAY, NOW + 7 * DAY)]
    assert warn(parts, known, NOW + 2 * DAY + HOUR) == ([], [GapTold(*one, told_again=True) for one in parts])
    soon = (NOW, NOW + HOUR)
    assert warn([soon], [], NOW)[0] == [GapTold(*soon, told_again=True)]


async def test_administrators_and_the_wards_charge_nurse_hear_of_it_in_time(
    hospital: Hospital, clock: ManualClock, person: PersonFactory
) -> None:
    service: NotificationsService = hospital.services.notifications
    admin = await person(Role.ADMIN)
    charge = await person(Role.NURSE, charge_nurse="ICU")
    other = await person(Role.NURSE, charge_nurse="MED")
    doctor = await person(Role.DOCTOR)
    group = GroupIn(code="ICU-DOC", name="Doctors of ICU", place_kind=PlaceKind.WARD, place="ICU")
    await service.define_group(SYSTEM, command(), group)
    await service.add_member(SYSTEM, command(), "ICU-DOC", MemberIn(user_id=doctor.id))

    async def shift(begins: datetime, ends: datetime) -> None:
        wanted = ShiftIn(user_id=doctor.id, starts_at=begins, ends_at=ends)
        made = await service.add_shift(SYSTEM, command(), "ICU-DOC", wanted)
        shifts.append((made.id, made.version))

    async def waiting(due: dict[str, datetime]) -> bool:
        query = text("SELECT EXISTS (SELECT FROM timers WHERE state = 'waiting' AND run_at <= :now)")
        async with hospital.engine.connect() as connection:
            return bool((await connection.execute(query, due)).scalar_one())

    async def told(who: Principal) -> list[tuple[str, str]]:
        due = {"now": clock.now()}
        while await waiting(due):  # whoever fires them, this or the server's own loop
            await hospital.durable_timers.run_due()
            await asyncio.sleep(0.01)
        mine = await service.list_own(who, NotificationQuery(kind=Kind.ON_CALL_GAP))
        return [
            (one.title.removeprefix("Nobody is on call for ICU-DOC "), one.priority) for one in mine.items
        ]

    shifts: list[tuple[uuid.UUID, int]] = []
    await shift(NOW, NOW + 5 * DAY)
    await shift(NOW + 6 * DAY, NOW + 20 * DAY)
    assert await told(admin) == []
    clock.advance(HOUR)
    gap = "from 2026-03-07 07:00 to 2026-03-08 07:00"
    assert await told(admin) == await told(charge) == [(gap, "normal")]
    assert await told(other) == []
    shown = await service.gaps(SYSTEM, "ICU-DOC", GapQuery())
    assert (shown.gaps[0].starts_at, shown.gaps[0].ends_at) == (NOW + 5 * DAY, NOW + 6 * DAY)
    for _ in range(3):
        clock.advance(DAY)
        assert await told(admin) == [(gap, "normal")]
    clock.advance(DAY)
    assert await told(admin) == [(gap, "high"), (gap, "normal")]
    await shift(NOW + 5 * DAY, NOW + 6 * DAY)
    clock.advance(HOUR)
    assert len(await told(admin)) == 2
    last, version = shifts[-1]
    await service.cancel_shift(SYSTEM, command(expected_version=version), last, Withdrawal(reason="ill"))
    clock.advance(HOUR)
    assert [priority for _, priority in await told(charge)] == ["high", "high", "normal"]
    version = (await service.group(SYSTEM, "ICU-DOC")).version
    closing = command(expected_version=version)
    await service.change_group(SYSTEM, closing, "ICU-DOC", GroupUpdate(active=False))
    clock.advance(20 * DAY)
    assert len(await told(admin)) == 3
    reopening = command(expected_version=version + 1)
    await service.change_group(SYSTEM, reopening, "ICU-DOC", GroupUpdate(active=True))
    assert len(await told(admin)) == 4
