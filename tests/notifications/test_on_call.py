"""On-call duty on real servers: groups, rotas, covers, swaps, and who is reached."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pytest
import pytest_asyncio

from hms_rt.app import Hospital
from hms_rt.departments.identity.schemas import UserUpdate
from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.departments.notifications.schemas.on_call import (
    CoverIn,
    GapQuery,
    GroupIn,
    GroupQuery,
    GroupUpdate,
    MemberIn,
    OnCallQuery,
    RotaIn,
    RotaLineIn,
    ShiftIn,
    ShiftOut,
    ShiftQuery,
    SwapIn,
    Withdrawal,
)
from hms_rt.departments.notifications.service import NotificationsService
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import PersonFactory, command

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WHY = Withdrawal(reason="by mistake")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@dataclass
class Duty:
    """Group CARDIO, of which exactly one is on call, and its members."""

    service: NotificationsService
    ada: Principal
    bea: Principal
    cyd: Principal

    async def on_call(self, after: timedelta = timedelta(0), group: str = "CARDIO") -> list[uuid.UUID]:
        async with self.service._units.reading() as connection:
            return await self.service.on_call(connection, group, NOW + after)

    async def shift(self, who: Principal, begins: int, ends: int) -> ShiftOut:
        new = ShiftIn(user_id=who.id, starts_at=NOW + begins * HOUR, ends_at=NOW + ends * HOUR)
        return await self.service.add_shift(SYSTEM, command(), "CARDIO", new)

    async def gaps(self, hours: int) -> list[tuple[int, int]]:
        found = await self.service.gaps(SYSTEM, "CARDIO", GapQuery(since=NOW, until=NOW + hours * HOUR))
        return [((gap.starts_at - NOW) // HOUR, (gap.ends_at - NOW) // HOUR) for gap in found.gaps]


@pytest_asyncio.fixture
async def duty(hospital: Hospital, person: PersonFactory) -> AsyncIterator[Duty]:
    service = hospital.services.notifications
    made = Duty(service, *[await person(Role.DOCTOR) for _ in range(3)])
    group = GroupIn(code="CARDIO", name="Cardiology", place_kind=PlaceKind.WARD, place="ICU")
    await service.define_group(SYSTEM, command(), group)
    for who in (made.ada, made.bea):
        await service.add_member(SYSTEM, command(), "CARDIO", MemberIn(user_id=who.id))
    yield made


async def refused(code: Code, doing: object) -> HmsError:
    with pytest.raises(HmsError) as error:
        await doing  # type: ignore[misc]
    assert error.value.code is code
    return error.value


async def test_a_rota_makes_shifts_and_shows_where_nobody_is_on_call(duty: Duty) -> None:
    lines = [
        RotaLineIn(user_id=duty.ada.id, weekdays=frozenset({1, 2}), begins=time(8), ends=time(20)),
        RotaLineIn(user_id=duty.bea.id, weekdays=frozenset({1}), begins=time(20), ends=time(8)),
    ]
    wanted = RotaIn(valid_from=date(2026, 3, 2), valid_until=date(2026, 3, 15), lines=lines)
    rota = await duty.service.add_rota(SYSTEM, command(), "CARDIO", wanted)
    assert rota.shifts == 6
    assert await duty.on_call(1 * HOUR) == [duty.ada.id]  # 07:00 UTC is 08:00 in Vienna
    assert await duty.on_call(13 * HOUR) == [duty.bea.id]
    assert await duty.on_call(timedelta(0)) == []
    assert await duty.gaps(48) == [(0, 1), (37, 48)]
    (told,) = (await duty.service.list_own(duty.ada, NotificationQuery())).items
    assert (told.kind.value, told.subject.id) == ("on_call_changed", "CARDIO")

    again = await refused(Code.CONFLICT, duty.service.add_rota(SYSTEM, command(), "CARDIO", wanted))
    assert "on call for this group at that time already" in again.detail
    first = await duty.service.shifts(SYSTEM, "CARDIO", ShiftQuery(limit=4))
    rest = await duty.service.shifts(SYSTEM, "CARDIO", ShiftQuery(limit=4, cursor=first.next_cursor))
    assert (len(first.items), len(rest.items), rest.next_cursor) == (4, 2, None)

    ended = await duty.service.end_rota(SYSTEM, command(), rota.id, WHY)
    assert (ended.shifts, ended.ended_at) == (0, NOW)
    assert await duty.service.end_rota(SYSTEM, command(), rota.id, WHY) == ended
    await duty.service.add_rota(SYSTEM, command(), "CARDIO", wanted)


async def test_a_cover_counts_for_its_part_only_and_can_be_taken_back(duty: Duty) -> None:
    shift = await duty.shift(duty.ada, 0, 12)
    part = CoverIn(user_id=duty.bea.id, since=NOW + 4 * HOUR, until=NOW + 6 * HOUR, reason="theatre")
    covered = await duty.service.cover(duty.ada, command(expected_version=shift.version), shift.id, part)
    reached = [await duty.on_call(hour * HOUR) for hour in (3, 4, 5, 6)]
    assert reached == [[duty.ada.id], [duty.bea.id], [duty.bea.id], [duty.ada.id]]
    (shown,) = (await duty.service.now_on_call(SYSTEM, OnCallQuery(at=NOW + 5 * HOUR))).items
    assert [(one.user_id, one.instead_of) for one in shown.people] == [(duty.bea.id, duty.ada.id)]
    await refused(Code.CONFLICT, duty.service.cover(duty.ada, command(), shift.id, part))
    await refused(
        Code.STALE_VERSION,
        duty.service.cover(duty.ada, command(expected_version=shift.version), shift.id, part),
    )
    await duty.service.cancel_cover(duty.bea, command(), covered.covers[0].id, WHY)
    assert await duty.on_call(5 * HOUR) == [duty.ada.id]
    await refused(Code.NOT_FOUND, duty.service.cancel_cover(duty.bea, command(), covered.covers[0].id, WHY))


async def test_a_swap_changes_both_shifts_or_none(duty: Duty) -> None:
    hers, his = await duty.shift(duty.ada, 0, 12), await duty.shift(duty.bea, 12, 24)
    swap = SwapIn(shift_id=hers.id, other_id=his.id, reason="a wedding")
    await duty.service.swap(duty.bea, command(), swap)
    assert [await duty.on_call(hour * HOUR) for hour in (1, 13)] == [[duty.bea.id], [duty.ada.id]]
    third = await duty.shift(duty.bea, 24, 30)
    refusal = SwapIn(shift_id=third.id, other_id=hers.id, reason="once more")
    await refused(Code.CONFLICT, duty.service.swap(duty.ada, command(), refusal))
    assert await duty.on_call(25 * HOUR) == [duty.bea.id]
    assert await duty.gaps(30) == []


async def test_who_may_arrange_what(duty: Duty) -> None:
    shift = await duty.shift(duty.ada, 0, 12)
    stand_in = CoverIn(user_id=duty.bea.id, reason="ill")
    await refused(Code.FORBIDDEN, duty.service.cover(duty.cyd, command(), shift.id, stand_in))
    not_a_member = CoverIn(user_id=duty.cyd.id, reason="ill")
    await refused(Code.INVALID, duty.service.cover(duty.ada, command(), shift.id, not_a_member))
    await refused(
        Code.INVALID,
        duty.service.cover(duty.ada, command(), shift.id, CoverIn(user_id=duty.ada.id, reason="ill")),
    )
    await duty.service.cover(duty.bea, command(), shift.id, stand_in)
    late = ShiftIn(user_id=duty.ada.id, starts_at=NOW - 2 * DAY, ends_at=NOW - DAY)
    past = await duty.service.add_shift(SYSTEM, command(), "CARDIO", late)
    await refused(Code.CONFLICT, duty.service.cancel_shift(SYSTEM, command(), past.id, WHY))
    await refused(Code.CONFLICT, duty.service.cover(duty.ada, command(), past.id, stand_in))
    for doing in (
        duty.service.add_shift(duty.ada, command(), "CARDIO", late),
        duty.service.cancel_shift(duty.ada, command(), shift.id, WHY),
        duty.service.add_member(duty.ada, command(), "CARDIO", MemberIn(user_id=duty.ada.id)),
    ):
        await refused(Code.FORBIDDEN, doing)


async def test_nobody_is_reached_whose_account_is_closed_who_left_or_whose_group_is_inactive(
    duty: Duty, hospital: Hospital
) -> None:
    await duty.shift(duty.ada, 0, 12)
    await duty.shift(duty.bea, 12, 24)
    await hospital.services.identity.update_user(
        SYSTEM, command(expected_version=None), duty.ada.id, UserUpdate(active=False)
    )
    assert (await duty.on_call(HOUR), await duty.gaps(24)) == ([], [(0, 12)])
    await duty.service.remove_member(SYSTEM, command(), "CARDIO", MemberIn(user_id=duty.bea.id))
    assert await duty.gaps(24) == [(0, 24)]
    left = await duty.service.group(SYSTEM, "CARDIO")
    assert [one.user_id for one in left.members] == [duty.ada.id]
    await duty.service.add_member(SYSTEM, command(), "CARDIO", MemberIn(user_id=duty.bea.id))
    await duty.shift(duty.bea, 12, 24)
    assert await duty.on_call(13 * HOUR) == [duty.bea.id]
    closed = GroupUpdate(active=False)
    await duty.service.change_group(SYSTEM, command(), "CARDIO", closed)
    assert (await duty.on_call(13 * HOUR), await duty.on_call(group="NONE")) == ([], [])
    assert (await duty.service.now_on_call(SYSTEM, OnCallQuery())).items == []


async def test_groups_are_found_by_place_nearest_first(duty: Duty) -> None:
    service = duty.service
    for code, kind, place in (
        ("ALL", PlaceKind.HOSPITAL, None),
        ("EYES", PlaceKind.CLINIC, "EYE"),
        ("ICU2", PlaceKind.WARD, "ICU"),
    ):
        new = GroupIn(code=code, name=code, place_kind=kind, place=place, exactly_one=False)
        await service.define_group(SYSTEM, command(), new)
    async with service._units.reading() as connection:
        assert await service.groups_of(connection, ward="ICU", hospital=True) == ["CARDIO", "ICU2", "ALL"]
        assert await service.groups_of(connection, clinic="EYE") == ["EYES"]
        assert await service.groups_of(connection, ward="MED") == []
    wards = await service.groups(SYSTEM, GroupQuery(place_kind=PlaceKind.WARD, limit=1))
    after = await service.groups(SYSTEM, GroupQuery(place_kind=PlaceKind.WARD, cursor=wards.next_cursor))
    assert [one.code for one in (*wards.items, *after.items)] == ["CARDIO", "ICU2"]
    await refused(Code.CONFLICT, service.define_group(SYSTEM, command(), new))
