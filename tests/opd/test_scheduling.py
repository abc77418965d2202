"""Schedules grow slots once, absences block them, and nobody is booked twice at one time."""

import uuid
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.opd.model.schedule import AbsenceKind
from hms_rt.departments.opd.schemas.scheduling import (
    AbsenceIn,
    AbsenceMade,
    AbsenceQuery,
    AbsenceRevoked,
    ScheduleEnd,
    ScheduleQuery,
)
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import PersonFactory, command
from tests.opd.bookings import MONDAY, Bookings
from tests.opd.conftest import MORNING, Opd, Query, refused

TUESDAY = MONDAY + timedelta(days=1)
REASON = "conference"


async def absence(opd: Opd, first: date, days: int = 1, **said: object) -> AbsenceMade:
    begin = datetime.combine(first, time.min, tzinfo=UTC)
    body = AbsenceIn.model_validate(
        {
            "kind": AbsenceKind.LEAVE,
            "starts_at": begin,
            "ends_at": begin + timedelta(days=days),
            "reason": REASON,
            **said,
        }
    )
    return await opd.service.add_absence(SYSTEM, command(), body)


async def test_a_pattern_has_slots_for_ninety_days_and_grows_by_the_day_once(
    bookings: Bookings, clock: ManualClock, query: Query
) -> None:
    made = await bookings.schedule()
    assert made.grown_until == MONDAY + timedelta(days=90)
    first, *_ = shown = await bookings.slots(last_day=TUESDAY)
    assert (len(shown), first.starts_at, first.free) == (8, datetime(2026, 3, 2, 9, tzinfo=UTC), 1)
    assert first.doctor == "Test Person"
    service = bookings.opd.service
    assert await service.grow_slots(SYSTEM, command()) == 0
    days = "SELECT count(DISTINCT day) AS days, count(*) AS slots FROM opd_slot"
    assert tuple((await query(days))[0]) == (26, 104)
    clock.advance(timedelta(days=3))
    assert [await service.grow_slots(SYSTEM, command()) for _ in range(2)] == [1, 0]
    await query("UPDATE opd_schedule SET grown_until = first_day - 1")  # as if it had never been done
    assert await service.grow_slots(SYSTEM, command()) == 1
    assert tuple((await query(days))[0]) == (28, 112)


async def test_free_slots_come_in_pages_and_past_ones_are_not_free(
    bookings: Bookings, clock: ManualClock
) -> None:
    await bookings.schedule()
    assert [len(await bookings.slots(limit=limit)) for limit in (3, 50)] == [3, 16]
    await bookings.book((await bookings.today())[0])
    assert len(await bookings.slots(first_day=MONDAY, last_day=MONDAY, free=True)) == 3
    clock.advance(timedelta(hours=1, minutes=31))  # half past nine, UTC: the second slot is over, too
    assert [slot.free for slot in await bookings.today()] == [0, 0, 1, 1]
    await refused(Code.INVALID, bookings.slots(first_day=MONDAY, last_day=MONDAY + timedelta(days=92)))
    await refused(Code.NOT_FOUND, bookings.slots("NONE"))


async def test_a_doctor_cannot_be_planned_in_two_places(
    bookings: Bookings, person: PersonFactory, query: Query
) -> None:
    await bookings.schedule()
    clash = bookings.schedule("EYE", starts=time(10, 45), ends=time(12))
    assert "clinic GEN" in (await refused(Code.CONFLICT, clash)).detail
    await bookings.schedule("EYE", starts=time(11), ends=time(12))
    nurse = await person(Role.NURSE)
    await refused(Code.INVALID, bookings.schedule(doctor_id=nurse.id))
    await refused(Code.INVALID, bookings.schedule(doctor_id=uuid.uuid4()))
    await refused(Code.NOT_FOUND, bookings.schedule("NONE"))
    with pytest.raises(IntegrityError, match="the doctor is elsewhere"):
        await query("UPDATE opd_slot SET starts_at = starts_at - interval '5 min' WHERE clinic_code = 'EYE'")


async def test_leave_blocks_slots_and_its_revocation_opens_them(bookings: Bookings, opd: Opd) -> None:
    await bookings.schedule()
    booked = await bookings.book((await bookings.today())[0])
    leave = await absence(opd, MONDAY, doctor_id=bookings.doctor.id)
    assert (leave.to_move.slots, leave.to_move.appointments) == (4, 1)
    assert [(slot.free, slot.blocked) for slot in await bookings.today()] == [(0, REASON)] * 4
    free = (await bookings.today())[1]
    assert REASON in (await refused(Code.CONFLICT, bookings.book(free))).detail
    holiday = await absence(opd, MONDAY, days=2, kind=AbsenceKind.HOLIDAY, reason="public holiday")
    assert holiday.to_move.slots == 4  # Tuesday's; Monday's have their reason already
    service = opd.service
    revoked = await service.revoke_absence(SYSTEM, command(), leave.id, AbsenceRevoked(reason="stays here"))
    assert revoked.revoked
    assert {slot.blocked for slot in await bookings.slots(last_day=TUESDAY)} == {"public holiday"}
    again = service.revoke_absence(SYSTEM, command(), leave.id, AbsenceRevoked(reason="stays here"))
    await refused(Code.CONFLICT, again)
    listed = await service.absences(opd.reception, AbsenceQuery(doctor=bookings.doctor.id))
    assert [item.id for item in listed.items] == [holiday.id]
    await service.revoke_absence(SYSTEM, command(), holiday.id, AbsenceRevoked(reason="was an error"))
    assert {slot.blocked for slot in await bookings.slots(last_day=TUESDAY)} == {None}
    assert (await opd.service.appointment(opd.reception, command(), booked.id)).state == "booked"


async def test_slots_that_grow_into_an_absence_are_blocked(bookings: Bookings, opd: Opd) -> None:
    await absence(opd, TUESDAY, clinic="GEN")
    await absence(opd, MONDAY, clinic="EYE")
    await bookings.schedule()
    assert [slot.blocked for slot in await bookings.slots(last_day=TUESDAY)] == [None] * 4 + [REASON] * 4


async def test_a_pattern_that_ends_takes_its_slots_along_but_not_the_patients(
    bookings: Bookings, opd: Opd, query: Query
) -> None:
    made = await bookings.schedule()
    tuesday = await bookings.slots(first_day=TUESDAY, last_day=TUESDAY)
    kept = await bookings.book(tuesday[0])
    ended = await opd.service.end_schedule(
        SYSTEM, command(expected_version=1), made.id, ScheduleEnd(last_day=MONDAY, reason=REASON)
    )
    assert (ended.last_day, ended.to_move.appointments, ended.to_move.slots) == (MONDAY, 1, 100)
    left = await bookings.slots(first_day=TUESDAY, last_day=TUESDAY)
    assert [(slot.id, slot.blocked) for slot in left] == [(kept.slot_id, REASON)]
    assert len(await bookings.today()) == 4
    listed = await opd.service.schedules(opd.reception, "GEN", ScheduleQuery(doctor=bookings.doctor.id))
    assert [item.last_day for item in listed.items] == [MONDAY]
    stale = ScheduleEnd(last_day=MONDAY, reason=REASON)
    await refused(
        Code.STALE_VERSION, opd.service.end_schedule(SYSTEM, command(expected_version=1), made.id, stale)
    )
    again = await bookings.schedule(first_day=TUESDAY)
    assert again.id != made.id
    moved = await bookings.reschedule(kept, (await bookings.slots(first_day=TUESDAY, free=True))[0])
    assert moved.starts_at == kept.starts_at
    assert await query("SELECT 1 FROM opd_slot WHERE booked <> 0 AND withdrawn IS NOT NULL") == []
    assert moved.starts_at > MORNING
