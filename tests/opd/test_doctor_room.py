"""A doctor's own list over all clinics: after every change, what was told equals what is there."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.opd import views
from hms_rt.departments.opd.schemas.queue import CancelIn, NextIn, QueueQuery, TransferIn
from hms_rt.departments.opd.schemas.visits import VisitIn
from hms_rt.departments.patients.schemas import MergeIn, PatientUpdate
from hms_rt.departments.patients.schemas.details import DeathIn, WhyIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import ClientFactory, PersonFactory, SocketFactory, command
from tests.opd.bookings import MONDAY, Bookings
from tests.opd.conftest import NOW, Opd, Query, refused

Shown = list[tuple[str, str, str]]


async def listed(hospital: Hospital, query: Query, doctor: Principal) -> Shown:
    """Who is on the list, where and in which state: as heard from every change, and the same when read."""
    heard: dict[str, Any] = {}
    stream = views.doctor_stream(doctor.id)
    for row in await query("SELECT ops FROM change_log WHERE stream = :name ORDER BY version", name=stream):
        for op in row.ops:
            if op["op"] == "put":
                heard[op["key"]] = op["value"]
            else:
                heard.pop(op["key"], None)
    async with hospital.units.reading() as connection:
        fresh = await hospital.services.opd.doctor_state(connection, str(doctor.id))
    assert heard == fresh
    shown = [(one["clinic"], one["patient_name"] or "", one["state"]) for one in heard.values()]
    return sorted(shown)


async def test_appointments_of_every_clinic_follow_the_day_that_each_is_in(
    bookings: Bookings, opd: Opd, hospital: Hospital, clock: ManualClock, query: Query
) -> None:
    await bookings.schedule()
    await bookings.schedule("EYE", starts="13:00", ends="14:00")
    tomorrow = await bookings.slots(first_day=MONDAY + timedelta(days=1))
    eyes = await bookings.slots("EYE", first_day=MONDAY, last_day=MONDAY)
    curie, hahn = await opd.patient("Curie"), await opd.patient("Hahn")
    first = await bookings.book((await bookings.today())[0], curie)
    await bookings.book(eyes[0], hahn)
    later = await bookings.book(tomorrow[0], hahn)
    doctor = bookings.doctor
    assert await listed(hospital, query, doctor) == [("EYE", "Hahn", "booked"), ("GEN", "Curie", "booked")]
    arrived = await bookings.arrive(first)
    assert arrived.token.doctor_id == doctor.id
    rename = PatientUpdate(family_name="Sklodowska")
    await opd.services.patients.update(SYSTEM, command(expected_version=1), curie, rename)
    assert await listed(hospital, query, doctor) == [
        ("EYE", "Hahn", "booked"),
        ("GEN", "Sklodowska", "arrived"),
        ("GEN", "Sklodowska", "waiting"),
    ]
    called = await opd.call_next()
    await opd.service.serve(SYSTEM, command(), called.id, NOW)
    await opd.service.done(SYSTEM, command(), called.id, NOW)
    assert await listed(hospital, query, doctor) == [("EYE", "Hahn", "booked")]
    clock.advance(timedelta(days=1))
    await opd.service.close_past_days(SYSTEM, command())
    assert await listed(hospital, query, doctor) == [("GEN", "Hahn", "booked")]
    await opd.services.patients.record_death(SYSTEM, command(), hahn, DeathIn())
    assert await listed(hospital, query, doctor) == []
    assert (await opd.service.appointment(SYSTEM, command(), later.id)).state == "cancelled"


async def test_numbers_for_a_doctor_wait_for_that_doctor_and_go_with_who_sees_the_patient(
    bookings: Bookings, opd: Opd, hospital: Hospital, query: Query, person: PersonFactory
) -> None:
    doctor, other = bookings.doctor, await person(Role.DOCTOR, clinic="GEN", counter="G1")
    curie = await opd.patient("Curie")
    hers = await opd.issue(patient_id=curie, doctor_id=doctor.id)
    await opd.issue()
    assert await listed(hospital, query, doctor) == [("GEN", "Curie", "waiting")]
    theirs = await opd.service.queue(opd.nurse, command(), "GEN", QueueQuery(doctor=doctor.id))
    assert [token.id for token in theirs.tokens] == [hers.id]
    await refused(Code.INVALID, opd.issue(doctor_id=opd.nurse.id))

    anybody = await opd.call_next(doctor=other.id)
    assert anybody.doctor_id is None
    await opd.service.cancel(SYSTEM, command(), (await opd.issue()).id, CancelIn(reason="gone"))
    none = opd.service.call_next(SYSTEM, command(), "GEN", NextIn(counter="G2", doctor=other.id))
    assert "for this doctor" in (await refused(Code.CONFLICT, none)).detail

    visit = await opd.service.open_visit(opd.nurse, command(), VisitIn(clinic="GEN", patient_id=curie))
    assert (await opd.call_next("G2", doctor=doctor.id)).id == hers.id
    await opd.service.consult(other, command(), visit.id, NOW)
    assert await listed(hospital, query, doctor) == []
    assert await listed(hospital, query, other) == [("GEN", "Curie", "serving")]
    away = await opd.service.transfer(SYSTEM, command(), hers.id, TransferIn(clinic="EYE"))
    assert away.doctor_id is None
    assert await listed(hospital, query, other) == []
    await opd.call(away, "E1")
    await opd.service.serve(SYSTEM, command(), away.id, NOW)
    back = await opd.service.transfer(SYSTEM, command(), away.id, TransferIn(clinic="GEN"))
    assert (back.doctor_id, back.queued_at) == (other.id, hers.queued_at)
    into = await opd.patient("Sklodowska")
    merge = MergeIn(from_id=curie, reason="registered twice")
    await opd.services.patients.merge(SYSTEM, command(expected_version=1), into, merge)
    assert await listed(hospital, query, other) == [("GEN", "Sklodowska", "waiting")]
    with pytest.raises(IntegrityError):
        await query("UPDATE opd_token SET doctor_id = id WHERE id = :id", id=back.id)


async def test_the_list_is_the_doctors_own_and_for_who_receives_patients_everywhere(
    opd: Opd, client_as: ClientFactory, socket_of: SocketFactory
) -> None:
    client = await client_as(Role.DOCTOR, clinic="GEN", counter="G1")
    me = (await (await client.get("/api/v1/auth/me")).json())["id"]
    hidden = await opd.patient("Meitner")
    why = WhyIn(reason="works here")
    await opd.services.patients.restrict(SYSTEM, command(expected_version=1), hidden, why)
    token = await opd.issue(patient_id=hidden, doctor_id=me)
    key = f"token:{token.id}"

    async def joins(who: Any, room: str = f"doctor:{me}") -> Any:
        socket = await socket_of(who, "/opd")
        return await socket.call("subscribe", {"room": room}, namespace="/opd")

    own, received = await joins(client), await joins(await client_as(Role.RECEPTION))
    assert (own["audience"], own["state"][key]["patient_name"]) == ("own", "Meitner")
    assert (received["audience"], received["state"][key]["patient_name"]) == ("staff", "Restricted")
    for who in (
        await client_as(Role.DOCTOR, clinic="GEN"),
        await client_as(Role.NURSE, clinic="GEN"),
        await client_as(Role.PHARMACY, clinic="GEN"),
    ):
        assert (await joins(who))["error"]["code"] == "forbidden"
    admin = await client_as(Role.ADMIN)
    for room in ("doctor:0190a000-0000-7000-8000-000000000001", "doctor:curie", f"doctor:{me.upper()}"):
        assert (await joins(admin, room))["error"]["code"] == "unknown_room"
