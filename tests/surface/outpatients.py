"""Requests about schedules, slots, appointments and visits, with what they need made ready."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import text

from hms_rt.departments.opd.events import AppointmentChanged
from hms_rt.departments.opd.model.schedule import AbsenceKind
from hms_rt.departments.opd.schemas.appointments import AppointmentIn, AppointmentOut, ArriveIn
from hms_rt.departments.opd.schemas.queue import Late
from hms_rt.departments.opd.schemas.scheduling import (
    AbsenceIn,
    AbsenceMade,
    ScheduleIn,
    ScheduleOut,
    SlotOut,
    SlotQuery,
)
from hms_rt.departments.opd.schemas.visits import VisitIn, VisitOut
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import command
from tests.surface.recipes import REASON, Ask, Recipe
from tests.surface.things import CLINIC
from tests.surface.world import World

AFTER = timedelta(hours=1)


def _tomorrow() -> Any:
    return (datetime.now(UTC) + timedelta(days=1)).date()


async def schedule(world: World, **said: Any) -> ScheduleOut:
    """A doctor of her own sees many patients, tomorrow and the week after."""
    doctor = await world.account(Role.DOCTOR)
    wanted: dict[str, Any] = {
        "doctor_id": doctor.id,
        "weekdays": (_tomorrow().isoweekday(),),
        "starts": time(9),
        "ends": time(10),
        "slot_minutes": 60,
        "capacity": 50,
        "first_day": _tomorrow(),
        **said,
    }
    return await world.services.opd.define_schedule(SYSTEM, command(), CLINIC, ScheduleIn(**wanted))


async def slot(world: World) -> SlotOut:
    """A free one of tomorrow."""
    made = await schedule(world)
    query = SlotQuery(doctor=made.doctor_id, limit=1)
    return (await world.services.opd.slots(SYSTEM, CLINIC, query)).items[0]


async def booked(world: World) -> AppointmentOut:
    """An appointment of tomorrow."""
    free, patient = await slot(world), await world.patient()
    body = AppointmentIn(slot_id=free.id, patient_id=patient.id)
    return await world.services.opd.book(SYSTEM, command(), body)


async def due(world: World) -> AppointmentOut:
    """An appointment whose time is now: of the doctor's of tomorrow, moved here past the service."""
    made = await booked(world)
    now = world.hospital.clock.now()
    day = now.astimezone(world.hospital.settings.zone).date()
    at = {"id": made.slot_id, "day": day, "starts_at": now, "ends_at": now + AFTER}

    async def work(uow: UnitOfWork) -> None:
        await uow.connection.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
        for table, key in (("opd_slot", "id"), ("opd_appointment", "slot_id")):
            moved = f"UPDATE {table} SET day = :day, starts_at = :starts_at, ends_at = :ends_at"
            await uow.connection.execute(text(f"{moved} WHERE {key} = :id"), at)
        await uow.connection.execute(text("SET LOCAL session_replication_role = origin"))
        shown = (made.id, made.patient_id, made.clinic, day, made.state, Cause.BOOKED, made.doctor_id)
        uow.record(AppointmentChanged(*shown))

    await world.hospital.units.execute(SYSTEM, command(), type(None), work)
    return made


async def arrived(world: World) -> AppointmentOut:
    """Somebody who is here."""
    return await world.services.opd.arrive(SYSTEM, command(), (await due(world)).id, ArriveIn())


async def absence(world: World) -> AbsenceMade:
    """A doctor's leave."""
    doctor, now = await world.account(Role.DOCTOR), world.hospital.clock.now()
    wanted = AbsenceIn(
        doctor_id=doctor.id,
        kind=AbsenceKind.LEAVE,
        starts_at=now,
        ends_at=now + timedelta(days=1),
        reason="conference",
    )
    return await world.services.opd.add_absence(SYSTEM, command(), wanted)


def _of(thing: Any, body: Any = None) -> Recipe:
    async def recipe(world: World) -> Ask:
        made = await thing(world)
        return Ask({"id": str(made.id)}, body=body, version=made.version)

    return recipe


async def _define(world: World) -> Ask:
    doctor = await world.account(Role.DOCTOR)
    body = {
        "doctor_id": str(doctor.id),
        "weekdays": [1],
        "starts": "09:00",
        "ends": "10:00",
        "slot_minutes": 30,
        "first_day": _tomorrow().isoformat(),
    }
    return Ask({"code": CLINIC}, body=body)


async def _end(world: World) -> Ask:
    made = await schedule(world)
    body = {"last_day": _tomorrow().isoformat(), **REASON}
    return Ask({"id": str(made.id)}, body=body, version=made.version)


async def _add_absence(world: World) -> Ask:
    doctor = await world.account(Role.DOCTOR)
    times = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-02T00:00:00Z"}
    return Ask(body={"doctor_id": str(doctor.id), "kind": "leave", **times, **REASON})


async def _book(world: World) -> Ask:
    free, patient = await slot(world), await world.patient()
    return Ask(body={"slot_id": str(free.id), "patient_id": str(patient.id)})


async def _reschedule(world: World) -> Ask:
    made, free = await booked(world), await slot(world)
    return Ask({"id": str(made.id)}, body={"slot_id": str(free.id), **REASON}, version=made.version)


async def _clinic(world: World) -> Ask:
    await booked(world)
    return Ask({"code": CLINIC})


async def _any(world: World) -> Ask:
    await booked(world)
    return Ask()


async def _announce(world: World) -> Ask:
    (row,) = await world.query("SELECT version FROM opd_clinic WHERE code = :code", code=CLINIC)
    body = {"items": [{"language": "de"}, {"language": "tr"}]}
    return Ask({"code": CLINIC}, body=body, version=row.version)


async def visit(world: World, state: str = "arrived") -> VisitOut:
    """A visit of somebody without a number."""
    patient, opd = await world.patient(), world.services.opd
    made = await opd.open_visit(SYSTEM, command(), VisitIn(clinic=CLINIC, patient_id=patient.id))
    return made if state == "arrived" else await opd.consult(SYSTEM, command(), made.id, Late())


async def _consulted(world: World) -> VisitOut:
    return await visit(world, "in_consultation")


async def _open_visit(world: World) -> Ask:
    patient = await world.patient()
    return Ask(body={"clinic": CLINIC, "patient_id": str(patient.id)})


async def _write_into(world: World) -> Ask:
    made = await visit(world)
    return Ask({"id": str(made.id)}, body={"kind": "vitals", "body": {"heart_rate": 80}})


async def _visits(world: World) -> Ask:
    await visit(world)
    return Ask()


RECIPES: dict[str, Recipe] = {
    "GET /visits": _visits,
    "POST /visits": _open_visit,
    "GET /visits/{id}": _of(visit),
    "GET /visits/{id}/history": _of(visit),
    "POST /visits/{id}/entries": _write_into,
    "POST /visits/{id}/consult": _of(visit, {}),
    "POST /visits/{id}/close": _of(_consulted, {"disposition": "home"}),
    "POST /visits/{id}/leave": _of(visit, REASON),
    "POST /visits/{id}/cancel": _of(visit, REASON),
    "GET /clinics/{code}/announcements": _clinic,
    "PUT /clinics/{code}/announcements": _announce,
    "GET /clinics/{code}/waits": _clinic,
    "GET /clinics/{code}/schedules": _clinic,
    "POST /clinics/{code}/schedules": _define,
    "POST /schedules/{id}/end": _end,
    "GET /absences": _any,
    "POST /absences": _add_absence,
    "POST /absences/{id}/revoke": _of(absence, REASON),
    "GET /clinics/{code}/slots": _clinic,
    "GET /appointments": _any,
    "POST /appointments": _book,
    "GET /appointments/{id}": _of(booked),
    "GET /appointments/{id}/history": _of(booked),
    "POST /appointments/{id}/reschedule": _reschedule,
    "POST /appointments/{id}/cancel": _of(booked, REASON),
    "POST /appointments/{id}/arrive": _of(due, {}),
    "POST /appointments/{id}/no-show": _of(due, {}),
    "POST /appointments/{id}/fulfil": _of(arrived, {}),
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
