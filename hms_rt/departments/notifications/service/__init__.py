"""The service of notifications: telling users, on-call duty, and timers that failed."""

from hms_rt.departments.notifications.model.notification import Kind, Priority, Subject
from hms_rt.departments.notifications.service.duty import DutyRoster
from hms_rt.departments.notifications.service.timers import FailedTimers

__all__ = ["Kind", "NotificationsService", "Priority", "Subject"]


class NotificationsService(DutyRoster, FailedTimers):
    """Everything notifications offer, to the doors and to other departments."""
