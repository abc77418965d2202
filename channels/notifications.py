"""Namespace ``/notifications``: room ``me`` shows the caller what is unseen, or waits to be acknowledged."""

from hms_rt.departments.notifications import views
from hms_rt.departments.notifications.schemas.notifications import (
    AcknowledgeNotification,
    NotificationOut,
    Seen,
)
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import forbidden
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.realtime.rooms import RoomKind, StreamKind, everything
from hms_rt.realtime.wire import SocketCommand
from hms_rt.security.permissions import Permission, require
from hms_rt.services import Services

NAMESPACE = "/notifications"


def _audience(principal: Principal, _: str) -> Audience:
    require(principal, Permission.NOTIFICATIONS_OWN)
    if principal.kind is not PrincipalKind.USER:
        raise forbidden("only users have notifications")
    return Audience.OWN


def _own(principal: Principal, _: str) -> str:
    return str(principal.id)


def rooms(services: Services) -> list[RoomKind]:
    """``me``: the stream of whoever asks."""
    return [
        RoomKind(
            namespace=NAMESPACE,
            name="me",
            streams=StreamKind(views.STREAM_KIND, services.notifications.room_state),
            audience=_audience,
            views={Audience.OWN: everything},
            takes_argument=False,
            argument_of=_own,
        )
    ]


def commands(services: Services) -> dict[str, SocketCommand]:
    """The same as by REST."""
    notifications = services.notifications

    async def acknowledge(
        principal: Principal, command: Command, body: AcknowledgeNotification
    ) -> NotificationOut:
        return await notifications.acknowledge(principal, command, body.notification_id)

    return {
        "seen": SocketCommand(
            "notifications.seen",
            Seen,
            notifications.seen,
            "Mark notifications as seen; they leave the room",
            Permission.NOTIFICATIONS_OWN,
        ),
        "acknowledge": SocketCommand(
            "notifications.acknowledge",
            AcknowledgeNotification,
            acknowledge,
            "Acknowledge a notification that wants it; it leaves the room",
            Permission.NOTIFICATIONS_OWN,
        ),
    }
