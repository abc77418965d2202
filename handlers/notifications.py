"""REST of notifications: the caller's own, and read receipts."""

from hms_rt.departments.notifications.schemas.notifications import (
    NotificationOut,
    NotificationQuery,
    Seen,
    SeenOut,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("notifications", "Notifications of the signed-in user")


@routes.get(
    "/notifications",
    query=NotificationQuery,
    answer=Page[NotificationOut],
    permission=Permission.NOTIFICATIONS_OWN,
    summary="The caller's notifications",
)
async def list_own(call: Call[None, NotificationQuery]) -> Page[NotificationOut]:
    """Newest first; `unseen=true` leaves out those that were seen."""
    return await call.services.notifications.list_own(call.principal, call.query)


@routes.post(
    "/notifications/seen",
    body=Seen,
    answer=SeenOut,
    permission=Permission.NOTIFICATIONS_OWN,
    summary="Mark notifications as seen",
)
async def seen(call: Call[Seen, None]) -> SeenOut:
    """Repeating it changes nothing; ids that are not the caller's are ignored."""
    return await call.services.notifications.seen(call.principal, call.command, call.body)
