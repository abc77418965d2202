"""Shapes of notifications, on-call duty and timers on the wire."""

from hms_rt.departments.notifications.schemas.notifications import NotificationOut, NotificationQuery, Seen

__all__ = ["NotificationOut", "NotificationQuery", "Seen"]
