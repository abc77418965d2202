"""The list of a clinic's appointments: after every change, what was told equals what is there."""

from datetime import timedelta
from typing import Any

from hms_rt.app import Hospital
from hms_rt.departments.opd import views
from hms_rt.departments.opd.schemas.appointments import AppointmentCancel
from hms_rt.departments.patients.schemas import MergeIn, PatientUpdate
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.opd.bookings import MONDAY, Bookings
from tests.opd.conftest import NOW, Opd, Query, refused


async def room(hospital: Hospital, query: Query, clinic: str = "GEN") -> dict[str, Any]:
    """The state that a client has that heard every change; the same as a fresh one."""
    heard: dict[str, Any] = {}
    stream = views.day_stream(clinic)
    for row in await query("SELECT ops FROM change_log WHERE stream = :name ORDER BY version", name=stream):
        for op in row.ops:
            if op["op"] == "put":
                heard[op["key"]] = op["value"]
            else:
                heard.pop(op["key"], None)
    async with hospital.units.reading() as connection:
        fresh = await hospital.services.opd.day_state(connection, clinic)
    assert heard == fresh
    return heard


def people(state: dict[str, Any]) -> list[tuple[str, str]]:
    shown = [value for key, value in state.items() if key.startswith("appointment:")]
    return sorted((value["patient_name"], value["state"]) for value in shown)


async def test_bookings_arrivals_and_the_next_day_reach_the_list(
    bookings: Bookings, opd: Opd, hospital: Hospital, clock: ManualClock, query: Query
) -> None:
    await bookings.schedule()
    today, tomorrow = await bookings.today(), await bookings.slots(first_day=MONDAY + timedelta(days=1))
    curie, noether, meitner = [await opd.patient(name) for name in ("Curie", "Noether", "Meitner")]
    first = await bookings.book(today[0], curie)
    second = await bookings.book(today[1], noether)
    later = await bookings.book(tomorrow[0], meitner)
    assert people(await room(hospital, query)) == [("Curie", "booked"), ("Noether", "booked")]
    await bookings.arrive(first)
    rename = PatientUpdate(family_name="Sklodowska")
    await opd.services.patients.update(SYSTEM, command(expected_version=1), curie, rename)
    assert people(await room(hospital, query)) == [("Noether", "booked"), ("Sklodowska", "arrived")]
    await bookings.reschedule(second, tomorrow[1])
    onward = await bookings.reschedule(later, today[2])
    assert people(await room(hospital, query)) == [("Meitner", "booked"), ("Sklodowska", "arrived")]
    await opd.service.cancel_appointment(
        SYSTEM, command(), onward.id, AppointmentCancel(reason="patient called")
    )
    called = await opd.call_next()
    await opd.service.serve(SYSTEM, command(), called.id, NOW)
    await opd.service.done(SYSTEM, command(), called.id, NOW)
    assert people(await room(hospital, query)) == []
    await bookings.book(today[3], curie)
    clock.advance(timedelta(days=1))
    await opd.service.close_past_days(SYSTEM, command())
    state = await room(hospital, query)
    assert (people(state), state["clinic"]["day"]) == ([("Noether", "booked")], "2026-03-03")


async def test_a_merge_moves_appointments_unless_both_are_in_one_slot(
    bookings: Bookings, opd: Opd, hospital: Hospital, query: Query
) -> None:
    await bookings.schedule(capacity=2)
    slot, other, *_ = await bookings.today()
    into, source = await opd.patient("Curie"), await opd.patient("Sklodowska")
    kept, twice = await bookings.book(slot, into), await bookings.book(slot, source)
    await bookings.book(other, source)
    patients = opd.services.patients
    merge = MergeIn(from_id=source, reason="registered twice")
    clash = patients.merge(SYSTEM, command(expected_version=1), into, merge)
    assert "cancel one appointment first" in (await refused(Code.CONFLICT, clash)).detail
    await opd.service.cancel_appointment(SYSTEM, command(), twice.id, AppointmentCancel(reason="twice"))
    await patients.merge(SYSTEM, command(expected_version=1), into, merge)
    assert people(await room(hospital, query)) == [("Curie", "booked"), ("Curie", "booked")]
    assert kept.patient_id == into
    gone = bookings.book((await bookings.today())[2], source)
    await refused(Code.CONFLICT, gone)
