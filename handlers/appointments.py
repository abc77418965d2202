"""REST of outpatients: schedules and absences, slots, appointments."""

from hms_rt.departments.opd.schemas.appointments import (
    AppointmentCancel,
    AppointmentHistory,
    AppointmentIn,
    AppointmentOut,
    AppointmentQuery,
    Arrived,
    ArriveIn,
    RescheduleIn,
)
from hms_rt.departments.opd.schemas.queue import Late
from hms_rt.departments.opd.schemas.scheduling import (
    AbsenceIn,
    AbsenceMade,
    AbsenceOut,
    AbsenceQuery,
    AbsenceRevoked,
    ScheduleEnd,
    ScheduleEnded,
    ScheduleIn,
    ScheduleOut,
    ScheduleQuery,
    SlotOut,
    SlotQuery,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("appointments", "Outpatients: schedules, slots, appointments")


@routes.get(
    "/clinics/{code}/schedules",
    query=ScheduleQuery,
    answer=Page[ScheduleOut],
    permission=Permission.PLACES_READ,
    summary="Weekly patterns of a clinic",
)
async def list_schedules(call: Call[None, ScheduleQuery]) -> Page[ScheduleOut]:
    """When which doctor sees patients, oldest pattern first."""
    return await call.services.opd.schedules(call.principal, call.path_code("code"), call.query)


@routes.post(
    "/clinics/{code}/schedules",
    body=ScheduleIn,
    answer=ScheduleOut,
    status=201,
    versioned=True,
    permission=Permission.SCHEDULE_DEFINE,
    command="opd.define_schedule",
    summary="Define a weekly pattern",
)
async def define_schedule(call: Call[ScheduleIn, None]) -> ScheduleOut:
    """Slots of the next 90 days are made at once, later ones as they come into sight."""
    clinic = call.path_code("code")
    return await call.services.opd.define_schedule(call.principal, call.command, clinic, call.body)


@routes.post(
    "/schedules/{id}/end",
    body=ScheduleEnd,
    answer=ScheduleEnded,
    versioned=True,
    permission=Permission.SCHEDULE_DEFINE,
    command="opd.end_schedule",
    summary="End a weekly pattern",
)
async def end_schedule(call: Call[ScheduleEnd, None]) -> ScheduleEnded:
    """Later slots are gone; the answer says how many appointments are to be moved."""
    return await call.services.opd.end_schedule(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/absences",
    query=AbsenceQuery,
    answer=Page[AbsenceOut],
    permission=Permission.PLACES_READ,
    summary="Leave and holidays",
)
async def list_absences(call: Call[None, AbsenceQuery]) -> Page[AbsenceOut]:
    """Absences that are not over, by when they end."""
    return await call.services.opd.absences(call.principal, call.query)


@routes.post(
    "/absences",
    body=AbsenceIn,
    answer=AbsenceMade,
    status=201,
    versioned=True,
    permission=Permission.SCHEDULE_DEFINE,
    command="opd.add_absence",
    summary="Enter leave or a holiday",
)
async def add_absence(call: Call[AbsenceIn, None]) -> AbsenceMade:
    """Blocks the slots in it; the answer says how many appointments are to be moved."""
    return await call.services.opd.add_absence(call.principal, call.command, call.body)


@routes.post(
    "/absences/{id}/revoke",
    body=AbsenceRevoked,
    answer=AbsenceOut,
    versioned=True,
    permission=Permission.SCHEDULE_DEFINE,
    command="opd.revoke_absence",
    summary="Revoke leave or a holiday",
)
async def revoke_absence(call: Call[AbsenceRevoked, None]) -> AbsenceOut:
    """Slots that no other absence covers can be booked again."""
    opd = call.services.opd
    return await opd.revoke_absence(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/clinics/{code}/slots",
    query=SlotQuery,
    answer=Page[SlotOut],
    permission=Permission.PLACES_READ,
    summary="Slots of a clinic",
)
async def list_slots(call: Call[None, SlotQuery]) -> Page[SlotOut]:
    """By time, with the places that are free; nobody's name but the doctor's."""
    return await call.services.opd.slots(call.principal, call.path_code("code"), call.query)


@routes.get(
    "/appointments",
    query=AppointmentQuery,
    answer=Page[AppointmentOut],
    permission=Permission.APPOINTMENT_READ,
    summary="Appointments",
)
async def list_appointments(call: Call[None, AppointmentQuery]) -> Page[AppointmentOut]:
    """By time, from today on unless told; of a day, clinic, doctor or patient."""
    return await call.services.opd.appointments(call.principal, call.command, call.query)


@routes.post(
    "/appointments",
    body=AppointmentIn,
    answer=AppointmentOut,
    status=201,
    location="/appointments/{id}",
    versioned=True,
    permission=Permission.APPOINTMENT_MANAGE,
    command="opd.book",
    summary="Book an appointment",
)
async def book_appointment(call: Call[AppointmentIn, None]) -> AppointmentOut:
    """409 when the slot is full, blocked or over, or has the patient already."""
    return await call.services.opd.book(call.principal, call.command, call.body)


@routes.get(
    "/appointments/{id}",
    answer=AppointmentOut,
    versioned=True,
    permission=Permission.APPOINTMENT_READ,
    summary="One appointment",
)
async def get_appointment(call: Call[None, None]) -> AppointmentOut:
    """Whatever its state."""
    return await call.services.opd.appointment(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/appointments/{id}/history",
    answer=AppointmentHistory,
    permission=Permission.APPOINTMENT_READ,
    summary="How an appointment came to its time and state",
)
async def get_appointment_history(call: Call[None, None]) -> AppointmentHistory:
    """Through all the times that it was rescheduled to, oldest first."""
    return await call.services.opd.appointment_history(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/appointments/{id}/reschedule",
    body=RescheduleIn,
    answer=AppointmentOut,
    versioned=True,
    permission=Permission.APPOINTMENT_MANAGE,
    command="opd.reschedule",
    summary="Reschedule an appointment",
)
async def reschedule_appointment(call: Call[RescheduleIn, None]) -> AppointmentOut:
    """Answers the appointment that continues it; both are in the history of either."""
    return await call.services.opd.reschedule(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/appointments/{id}/cancel",
    body=AppointmentCancel,
    answer=AppointmentOut,
    versioned=True,
    permission=Permission.APPOINTMENT_MANAGE,
    command="opd.cancel_appointment",
    summary="Cancel an appointment",
)
async def cancel_appointment(call: Call[AppointmentCancel, None]) -> AppointmentOut:
    """The place in the slot is free again."""
    opd = call.services.opd
    return await opd.cancel_appointment(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/appointments/{id}/arrive",
    body=ArriveIn,
    answer=Arrived,
    versioned=True,
    permission=Permission.APPOINTMENT_MANAGE,
    command="opd.arrive",
    summary="The patient with an appointment is here",
)
async def arrive_appointment(call: Call[ArriveIn, None]) -> Arrived:
    """Gives the patient a number of the clinic's queue, due at the time of the appointment."""
    return await call.services.opd.arrive(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/appointments/{id}/no-show",
    body=Late,
    answer=AppointmentOut,
    versioned=True,
    permission=Permission.APPOINTMENT_MANAGE,
    command="opd.miss_appointment",
    summary="Nobody came to an appointment",
)
async def miss_appointment(call: Call[Late, None]) -> AppointmentOut:
    """From its time on; happens by itself when the day is over."""
    return await call.services.opd.miss(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/appointments/{id}/fulfil",
    body=Late,
    answer=AppointmentOut,
    versioned=True,
    permission=Permission.APPOINTMENT_MANAGE,
    command="opd.fulfil_appointment",
    summary="The patient of an appointment was seen",
)
async def fulfil_appointment(call: Call[Late, None]) -> AppointmentOut:
    """For clinics that call nobody; happens by itself when the token is done or transferred."""
    return await call.services.opd.fulfil(call.principal, call.command, call.path_uuid("id"), call.body)
