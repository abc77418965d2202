"""REST of outpatients: what screens say, and how good the promised waits were."""

from hms_rt.departments.opd.schemas.waits import AnnouncementsIn, AnnouncementsOut, WaitsOut, WaitsQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("waits", "Outpatients: announcements, and waits as promised and as they were")


@routes.get(
    "/clinics/{code}/announcements",
    answer=AnnouncementsOut,
    versioned=True,
    permission=Permission.PLACES_READ,
    summary="What is said when somebody is called",
)
async def get_announcements(call: Call[None, None]) -> AnnouncementsOut:
    """In the languages of the clinic, one after the other; the number is spelled by the screen's speech."""
    return await call.services.opd.announcements(call.principal, call.path_code("code"))


@routes.put(
    "/clinics/{code}/announcements",
    body=AnnouncementsIn,
    answer=AnnouncementsOut,
    versioned=True,
    permission=Permission.CLINIC_DEFINE,
    command="opd.announce",
    summary="Say something else when somebody is called",
)
async def set_announcements(call: Call[AnnouncementsIn, None]) -> AnnouncementsOut:
    """If-Match is the version of the clinic. Screens follow at once."""
    opd = call.services.opd
    return await opd.announce(call.principal, call.command, call.path_code("code"), call.body)


@routes.get(
    "/clinics/{code}/waits",
    query=WaitsQuery,
    answer=WaitsOut,
    permission=Permission.QUEUE_READ,
    summary="Promised waits against what then happened",
)
async def get_waits(call: Call[None, WaitsQuery]) -> WaitsOut:
    """Error figures of a queue: of walk-ins, and of patients with an appointment."""
    return await call.services.opd.waits(call.principal, call.path_code("code"), call.query)
