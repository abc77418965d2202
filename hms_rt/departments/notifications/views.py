"""The stream of each user, and how a notification looks on it."""

import uuid
from typing import Any

from hms_rt.departments.notifications.model.notification import Notification
from hms_rt.kernel.clock import rfc3339

STREAM_KIND = "notifications/user"


def user_stream(user_id: uuid.UUID) -> str:
    """The stream of one user's notifications."""
    return f"{STREAM_KIND}:{user_id}"


def value(notification: Notification) -> dict[str, Any]:
    """A notification as snapshot and changes both show it."""
    return {
        "id": str(notification.id),
        "kind": notification.kind.value,
        "title": notification.title,
        "subject": {"type": notification.subject.type, "id": notification.subject.id},
        "patient_id": str(notification.patient_id) if notification.patient_id is not None else None,
        "priority": notification.priority.value,
        "wants_acknowledgement": notification.wants_acknowledgement,
        "expires_at": rfc3339(notification.expires_at) if notification.expires_at is not None else None,
        "created_at": rfc3339(notification.created_at),
        "seen_at": rfc3339(notification.seen_at) if notification.seen_at is not None else None,
    }
