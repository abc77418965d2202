"""REST of durable timers: what failed for good, for administrators."""

from hms_rt.departments.notifications.schemas.timers import TimerOut, TimerQuery
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("timers", "Durable timers of the server, such as escalations: those that failed")


@routes.get(
    "/timers",
    query=TimerQuery,
    answer=Page[TimerOut],
    permission=Permission.TIMERS,
    summary="Timers by state",
)
async def list_timers(call: Call[None, TimerQuery]) -> Page[TimerOut]:
    """Those that failed for good, unless another state is asked for; newest first."""
    return await call.services.notifications.timers(call.principal, call.query)


@routes.post(
    "/timers/{id}/retry",
    answer=TimerOut,
    permission=Permission.TIMERS,
    summary="Try a failed timer again",
)
async def retry_timer(call: Call[None, None]) -> TimerOut:
    """At once; what it does is done once, however often it is asked for."""
    return await call.services.notifications.retry_timer(call.principal, call.command, call.path_uuid("id"))
