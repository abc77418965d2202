"""REST of notifications: the caller's own, read receipts, preferences, and who read what the caller told."""

from hms_rt.departments.notifications.schemas.notifications import (
    NotificationOut,
    NotificationQuery,
    PreferencesShape,
    Seen,
    SeenOut,
    SentDetails,
    SentOut,
    SentQuery,
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
    """Newest first; `unseen=true` leaves out what was seen, `unacknowledged=true` what nobody waits for."""
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


@routes.post(
    "/notifications/{id}/acknowledge",
    answer=NotificationOut,
    permission=Permission.NOTIFICATIONS_OWN,
    summary="Acknowledge a notification",
)
async def acknowledge(call: Call[None, None]) -> NotificationOut:
    """For those that want it; repeating it changes nothing. Others are only marked as seen."""
    return await call.services.notifications.acknowledge(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/notifications/sent",
    query=SentQuery,
    answer=Page[SentOut],
    permission=Permission.NOTIFICATIONS_OWN,
    summary="What the caller's commands told others",
)
async def sent(call: Call[None, SentQuery]) -> Page[SentOut]:
    """Newest first, with how many were told, have seen and have acknowledged it."""
    return await call.services.notifications.sent(call.principal, call.query)


@routes.get(
    "/notifications/sent/{id}",
    answer=SentDetails,
    permission=Permission.NOTIFICATIONS_OWN,
    summary="Who has read what the caller told",
)
async def sent_details(call: Call[None, None]) -> SentDetails:
    """Everybody who was told, with when they saw and acknowledged it."""
    return await call.services.notifications.sent_details(call.principal, call.path_uuid("id"))


@routes.get(
    "/notifications/preferences",
    answer=PreferencesShape,
    permission=Permission.NOTIFICATIONS_OWN,
    summary="How the caller wants to be told",
)
async def preferences(call: Call[None, None]) -> PreferencesShape:
    """Muted kinds, quiet hours, language."""
    return await call.services.notifications.preferences(call.principal)


@routes.put(
    "/notifications/preferences",
    body=PreferencesShape,
    answer=PreferencesShape,
    permission=Permission.NOTIFICATIONS_OWN,
    summary="Say how you want to be told",
)
async def prefer(call: Call[PreferencesShape, None]) -> PreferencesShape:
    """Replaces all of it. What is critical is always shown at once."""
    return await call.services.notifications.prefer(call.principal, call.command, call.body)
