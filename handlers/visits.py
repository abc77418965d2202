"""REST of outpatients: visits from vitals through consultation to orders."""

from hms_rt.departments.opd.schemas.queue import Late
from hms_rt.departments.opd.schemas.visits import (
    VisitClose,
    VisitEnd,
    VisitEntryIn,
    VisitFull,
    VisitHistory,
    VisitIn,
    VisitOut,
    VisitQuery,
)
from hms_rt.departments.patients.schemas.record import EntryOut
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("visits", "Outpatients: visits")


@routes.get(
    "/visits",
    query=VisitQuery,
    answer=Page[VisitOut],
    permission=Permission.VISIT_READ,
    summary="Visits",
)
async def list_visits(call: Call[None, VisitQuery]) -> Page[VisitOut]:
    """Newest first; of a clinic, patient, doctor, day or state."""
    return await call.services.opd.visits(call.principal, call.command, call.query)


@routes.post(
    "/visits",
    body=VisitIn,
    answer=VisitOut,
    status=201,
    location="/visits/{id}",
    versioned=True,
    permission=Permission.VISIT_OPEN,
    command="opd.open_visit",
    summary="Open a visit",
)
async def open_visit(call: Call[VisitIn, None]) -> VisitOut:
    """With the patient's number in the queue, if there is one; 409 while another visit there is open."""
    return await call.services.opd.open_visit(call.principal, call.command, call.body)


@routes.get(
    "/visits/{id}",
    answer=VisitFull,
    permission=Permission.VISIT_READ,
    summary="One visit, with what was ordered",
)
async def get_visit(call: Call[None, None]) -> VisitFull:
    """Orders of the clinic for the patient belong to the open visit by themselves; no ETag, for they come
    without changing the visit's version."""
    return await call.services.opd.visit(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/visits/{id}/history",
    answer=VisitHistory,
    permission=Permission.VISIT_READ,
    summary="How a visit came to its state",
)
async def get_visit_history(call: Call[None, None]) -> VisitHistory:
    """Every change of state, oldest first."""
    return await call.services.opd.visit_history(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/visits/{id}/entries",
    body=VisitEntryIn,
    answer=EntryOut,
    status=201,
    permission=Permission.RECORD_WRITE_VITALS,
    command="opd.write_into_visit",
    summary="Write vitals, a note or a diagnosis",
)
async def write_into_visit(call: Call[VisitEntryIn, None]) -> EntryOut:
    """An entry of the clinical record that belongs to the visit; the first vitals are the triage."""
    return await call.services.opd.write_into(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/visits/{id}/consult",
    body=Late,
    answer=VisitOut,
    versioned=True,
    permission=Permission.VISIT_CONSULT,
    command="opd.consult",
    summary="Begin the consultation",
)
async def consult(call: Call[Late, None]) -> VisitOut:
    """Serves the called number; 409 while it waits."""
    return await call.services.opd.consult(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/visits/{id}/close",
    body=VisitClose,
    answer=VisitOut,
    versioned=True,
    permission=Permission.VISIT_CONSULT,
    command="opd.close_visit",
    summary="Close a visit",
)
async def close_visit(call: Call[VisitClose, None]) -> VisitOut:
    """With the disposition; finishes the number that is served, fulfils the appointment."""
    return await call.services.opd.close_visit(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/visits/{id}/leave",
    body=VisitEnd,
    answer=VisitOut,
    versioned=True,
    permission=Permission.VISIT_OPEN,
    command="opd.leave",
    summary="The patient left without being seen",
)
async def leave_visit(call: Call[VisitEnd, None]) -> VisitOut:
    """Takes the number out of its queue, too."""
    return await call.services.opd.leave(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/visits/{id}/cancel",
    body=VisitEnd,
    answer=VisitOut,
    versioned=True,
    permission=Permission.VISIT_OPEN,
    command="opd.cancel_visit",
    summary="Cancel a visit that was opened by mistake",
)
async def cancel_visit(call: Call[VisitEnd, None]) -> VisitOut:
    """Only before the consultation; afterwards entries are marked as entered in error one by one."""
    return await call.services.opd.cancel_visit(call.principal, call.command, call.path_uuid("id"), call.body)
