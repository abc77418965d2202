"""Appointments from the booking to the day, and what happens to them on it."""

from datetime import time, timedelta

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.opd.model.appointment import AppointmentState
from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.opd.schemas.appointments import (
    AppointmentCancel,
    AppointmentOut,
    AppointmentQuery,
)
from hms_rt.departments.opd.schemas.queue import DayEndIn, QueueQuery, TransferIn
from hms_rt.departments.opd.schemas.visits import VisitIn
from hms_rt.departments.patients.schemas import PatientUpdate
from hms_rt.departments.patients.schemas.details import DeathIn, WhyIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage.postgres import violated
from tests.conftest import PersonFactory, command
from tests.opd.bookings import MONDAY, Bookings
from tests.opd.conftest import MORNING, NOW, Opd, Query, refused

S = AppointmentState
GONE = AppointmentCancel(reason="patient called")


async def states(opd: Opd, **query: object) -> list[tuple[str, str]]:
    page = await opd.service.appointments(SYSTEM, command(), AppointmentQuery.model_validate(query))
    return [(item.patient_name, item.state) for item in page.items]


async def read(opd: Opd, booked: AppointmentOut) -> AppointmentOut:
    return await opd.service.appointment(SYSTEM, command(), booked.id)


async def test_a_slot_takes_as_many_as_it_has_places_and_one_patient_once(
    bookings: Bookings, opd: Opd
) -> None:
    await bookings.schedule(capacity=2)
    slot = (await bookings.today())[0]
    curie = await opd.patient()
    booked = await bookings.book(slot, curie, note="brings a letter")
    assert (booked.state, booked.clinic, booked.category, booked.version) == (S.BOOKED, "GEN", "A", 1)
    assert "already" in (await refused(Code.CONFLICT, bookings.book(slot, curie))).detail
    await bookings.book(slot)
    assert "is full" in (await refused(Code.CONFLICT, bookings.book(slot))).detail
    cancelled = await opd.service.cancel_appointment(opd.reception, command(), booked.id, GONE)
    assert (cancelled.state, cancelled.reason) == (S.CANCELLED, "patient called")
    assert [slot.booked for slot in await bookings.today()] == [1, 0, 0, 0]
    await bookings.book(slot, curie)
    await refused(Code.INVALID, bookings.book((await bookings.today())[1], category="Z"))


async def test_overbooking_takes_authority_and_has_an_end(
    bookings: Bookings, opd: Opd, person: PersonFactory
) -> None:
    await bookings.schedule(overbook=1)
    slot = (await bookings.today())[0]
    regular = await bookings.book(slot, overbook=True, by=SYSTEM)
    assert not regular.overbooked, "there was room"
    await refused(Code.FORBIDDEN, bookings.book(slot, overbook=True))
    stranger = await person(Role.DOCTOR, clinic="EYE")
    await refused(Code.FORBIDDEN, bookings.book(slot, overbook=True, by=stranger))
    squeezed = await bookings.book(slot, overbook=True, by=bookings.doctor)
    assert squeezed.overbooked
    no = bookings.book(slot, overbook=True, by=bookings.doctor)
    assert "any further" in (await refused(Code.CONFLICT, no)).detail
    await opd.service.cancel_appointment(SYSTEM, command(), regular.id, GONE)
    assert "is full" in (await refused(Code.CONFLICT, bookings.book(slot))).detail.lower()


async def test_a_rescheduled_appointment_keeps_its_history_and_frees_its_place(
    bookings: Bookings, opd: Opd, clock: ManualClock
) -> None:
    await bookings.schedule()
    await bookings.schedule("EYE", starts=time(14), ends=time(15))
    first, second, *_ = await bookings.today()
    booked = await bookings.book(first, category="B")
    clock.advance(timedelta(minutes=1))
    onward = await bookings.reschedule(booked, second)
    assert (onward.rescheduled_from, onward.state, onward.category) == (booked.id, S.BOOKED, "B")
    assert (await read(opd, booked)).state == S.RESCHEDULED
    last = await bookings.reschedule(onward, (await bookings.slots("EYE"))[0])
    assert (last.clinic, last.category) == ("EYE", "A"), "the other clinic has no B"
    assert [slot.booked for slot in await bookings.today()] == [0, 0, 0, 0]
    for one in (booked, last):
        steps = (await opd.service.appointment_history(SYSTEM, command(), one.id)).items
        assert [(step.move, step.after, step.reason) for step in steps] == [
            ("book", "booked", None),
            ("reschedule", "rescheduled", "patient asked"),
            ("book", "booked", None),
            ("reschedule", "rescheduled", "patient asked"),
            ("book", "booked", None),
        ]
    again = await refused(Code.ILLEGAL_MOVE, bookings.reschedule(booked, first))
    assert again.fields["legal"] == []


async def test_who_arrives_gets_a_number_and_is_fulfilled_by_being_seen(
    bookings: Bookings, opd: Opd, query: Query
) -> None:
    await bookings.schedule()
    slots = await bookings.today()
    done, sent_on, left = [await bookings.book(slot, category="B") for slot in slots[:3]]
    for booked in (done, sent_on, left):
        arrived = await bookings.arrive(booked)
        assert (arrived.state, arrived.token_id) == (S.ARRIVED, arrived.token.id)
        assert (arrived.token.category, arrived.token.due_at) == ("B", booked.starts_at)
        await opd.call(arrived.token)
        await opd.service.serve(SYSTEM, command(), arrived.token.id, NOW)
        if booked is done:
            await opd.service.done(SYSTEM, command(), arrived.token.id, NOW)
        elif booked is sent_on:
            away = TransferIn(clinic="EYE")
            onward = await opd.service.transfer(SYSTEM, command(), arrived.token.id, away)
            assert onward.due_at is None, "there is no appointment over there"
        else:
            await opd.service.requeue(SYSTEM, command(), arrived.token.id, NOW)
    assert [state for _, state in await states(opd)] == [S.FULFILLED, S.FULFILLED, S.ARRIVED]
    await refused(Code.ILLEGAL_MOVE, opd.service.cancel_appointment(SYSTEM, command(), left.id, GONE))
    seen = await opd.service.fulfil(SYSTEM, command(), left.id, NOW)
    assert seen.state == S.FULFILLED
    steps = (await opd.service.appointment_history(SYSTEM, command(), done.id)).items
    assert [step.move for step in steps] == ["book", "arrive", "fulfil"]
    audited = await query("SELECT action FROM audit_log WHERE entity = 'appointment' ORDER BY id")
    assert {"appointment.book", "appointment.arrive", "appointment.fulfil"} <= {row.action for row in audited}


async def test_nobody_arrives_on_another_day(bookings: Bookings, clock: ManualClock) -> None:
    await bookings.schedule()
    tuesday = (await bookings.slots(first_day=MONDAY + timedelta(days=1)))[0]
    booked = await bookings.book(tuesday)
    assert "2026-03-03" in (await refused(Code.CONFLICT, bookings.arrive(booked))).detail
    clock.advance(timedelta(days=1))
    assert (await bookings.arrive(booked)).state == S.ARRIVED


async def test_who_does_not_come_is_missed_by_hand_or_when_the_day_ends(
    bookings: Bookings, opd: Opd, clock: ManualClock, query: Query
) -> None:
    await bookings.schedule()
    by_hand, by_reception, by_timer, came = [await bookings.book(slot) for slot in await bookings.today()]
    early = opd.service.miss(opd.reception, command(), by_hand.id, NOW)
    assert "has not come" in (await refused(Code.CONFLICT, early)).detail
    await bookings.arrive(came)
    clock.advance(timedelta(hours=1, minutes=29))
    missed = await opd.service.miss(opd.reception, command(), by_hand.id, NOW)
    assert missed.state == S.NO_SHOW
    clock.advance(timedelta(minutes=1))  # half past nine, UTC
    ended = await opd.service.day_end(SYSTEM, command(), "GEN", DayEndIn(reason="closed early"))
    assert (ended.closed, ended.missed) == (1, 1)
    assert (await read(opd, by_reception)).reason == "closed early"
    assert (await read(opd, by_timer)).state == S.BOOKED, "its time is still to come"
    clock.advance(timedelta(days=1))
    await opd.service.close_past_days(SYSTEM, command())
    assert (await read(opd, by_timer)).reason == "the day changed"
    assert [state for _, state in await states(opd, first_day=MONDAY)] == [*[S.NO_SHOW] * 3, S.ARRIVED]
    assert [row.booked for row in await query("SELECT booked FROM opd_slot WHERE booked > 0")] == [1] * 4


async def test_lists_go_by_day_doctor_clinic_patient_and_page(
    bookings: Bookings, opd: Opd, person: PersonFactory
) -> None:
    await bookings.schedule()
    curie = await opd.patient("Curie")
    slots = await bookings.slots(last_day=MONDAY + timedelta(days=1))
    for slot in slots[:5]:
        await bookings.book(slot, curie)
    page = await opd.service.appointments(SYSTEM, command(), AppointmentQuery(limit=3, patient=curie))
    rest = AppointmentQuery(limit=3, patient=curie, cursor=page.next_cursor)
    assert len((await opd.service.appointments(SYSTEM, command(), rest)).items) == 2
    for asked, count in (
        ({"last_day": MONDAY}, 4),
        ({"first_day": MONDAY + timedelta(days=1)}, 1),
        ({"clinic": "EYE"}, 0),
        ({"doctor": bookings.doctor.id, "state": "booked"}, 5),
        ({"doctor": curie}, 0),
        ({"to_move": True}, 0),
    ):
        assert len(await states(opd, **asked)) == count, asked
    nurse = await person(Role.NURSE, clinic="EYE")
    seen = await opd.service.appointments(nurse, command(), AppointmentQuery())
    assert seen.items == []


async def test_a_new_name_reaches_appointments(bookings: Bookings, opd: Opd) -> None:
    await bookings.schedule()
    curie = await opd.patient("Curie")
    await bookings.book((await bookings.today())[0], curie)
    await opd.services.patients.update(
        SYSTEM, command(expected_version=1), curie, PatientUpdate(family_name="Sklodowska")
    )
    assert await states(opd) == [("Sklodowska", "booked")]


async def test_an_urgent_arrival_is_called_first(bookings: Bookings, opd: Opd) -> None:
    await bookings.schedule()
    await opd.issue()
    arrived = await bookings.arrive(await bookings.book((await bookings.today())[3]), priority="urgent")
    called = await opd.call_next()
    assert (called.id, called.state) == (arrived.token.id, TokenState.CALLED)


async def test_the_death_of_a_patient_frees_what_was_booked_and_nobody_is_called(
    bookings: Bookings, opd: Opd, hospital: Hospital
) -> None:
    await bookings.schedule()
    curie = await opd.patient()
    slot = (await bookings.today())[0]
    booked = await bookings.book(slot, curie)
    waiting = await opd.issue(patient_id=curie)
    visit = await opd.service.open_visit(SYSTEM, command(), VisitIn(clinic="GEN", patient_id=curie))
    death = DeathIn(occurred_at=MORNING)
    await opd.services.patients.record_death(SYSTEM, command(expected_version=1), curie, death)
    assert (await read(opd, booked)).reason == "the patient died"
    assert [each.booked for each in await bookings.today()] == [0, 0, 0, 0]
    assert await states(opd) == [("Curie", "cancelled")]
    async with hospital.units.reading() as connection:
        assert list(await opd.service.day_state(connection, "GEN") or {}) == ["clinic"]
    called_off = await opd.service.token(SYSTEM, command(), waiting.id)
    assert (called_off.state, called_off.reason) == (TokenState.CANCELLED, "the patient died")
    assert (await opd.service.visit(SYSTEM, command(), visit.id)).state == "left"
    counts = await opd.service.queue(SYSTEM, command(), "GEN", QueueQuery())
    assert (counts.tokens, counts.summary.waiting, counts.summary.cancelled) == ([], 0, 1)
    for planned in (bookings.book(slot, curie), opd.issue(patient_id=curie)):
        assert "has died" in (await refused(Code.CONFLICT, planned)).detail

    again = command(expected_version=2)
    await opd.services.patients.revoke_death(SYSTEM, again, curie, WhyIn(reason="the wrong Curie"))
    assert (await read(opd, booked)).state == "cancelled", "nothing comes back by itself"
    assert (await bookings.book(slot, curie)).state == "booked"


ATTACKS = [
    ("INSERT INTO opd_appointment SELECT gen_random_uuid(), slot_id, clinic_code, doctor_id, day, starts_at,"
     " ends_at, :patient, 'x', 'y', category, '', 'booked', false, since, recorded_at, NULL, NULL, NULL,"
     " NULL, NULL, 1 FROM opd_appointment", "opd_slot_capacity_check"),
    ("UPDATE opd_slot SET booked = 3", "opd_slot_capacity_check"),
    ("UPDATE opd_slot SET booked = -1", "opd_slot_capacity_check"),
    ("UPDATE opd_appointment SET state = 'lost', finished_at = now()", "opd_appointment_state_check"),
    ("UPDATE opd_appointment SET state = 'arrived'", "opd_appointment_arrived_check"),
    ("UPDATE opd_appointment SET state = 'no_show'", "opd_appointment_finished_check"),
    ("UPDATE opd_appointment SET state = 'cancelled', finished_at = now()", "opd_appointment_reason_check"),
    ("UPDATE opd_appointment SET starts_at = now()", "opd_appointment_slot_fkey"),
    ("UPDATE opd_appointment SET category = 'Z'", "opd_appointment_category_fkey"),
    ("UPDATE opd_line SET in_row = 3", "opd_line_in_row_check"),
    ("UPDATE opd_schedule SET weekdays = '{8}'", "opd_schedule_weekdays_check"),
]  # fmt: skip


async def test_the_database_itself_refuses_every_attack_on_a_rule(
    bookings: Bookings, opd: Opd, query: Query
) -> None:
    await bookings.schedule(overbook=1)
    booked = await bookings.book((await bookings.today())[0])
    other = await opd.patient("Noether")
    for statement, rule in ATTACKS:
        said = {"patient": other} if ":patient" in statement else {}
        with pytest.raises(IntegrityError) as raised:
            await query(statement, **said)
        assert violated(raised.value) == rule, statement
    await opd.service.cancel_appointment(SYSTEM, command(), booked.id, GONE)
    with pytest.raises(IntegrityError) as raised:
        await query("UPDATE opd_appointment SET state = 'booked', finished_at = NULL")
    assert violated(raised.value) == "opd_appointment_final_check"
    for statement in ("UPDATE opd_appointment_event SET move = 'x'", "DELETE FROM opd_appointment_event"):
        with pytest.raises(DBAPIError, match="append-only"):
            await query(statement)
