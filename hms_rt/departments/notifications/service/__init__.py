"""The service of notifications: telling users, on-call duty, and timers that failed."""

from hms_rt.departments.notifications.model.notification import Batch, Kind, Priority, Subject
from hms_rt.departments.notifications.model.wording import Phrase, Wording, say
from hms_rt.departments.notifications.service.duty import DutyRoster
from hms_rt.departments.notifications.service.privacy import Privacy
from hms_rt.departments.notifications.service.receipts import Receipt, Receipts
from hms_rt.departments.notifications.service.timed import Timed
from hms_rt.departments.notifications.service.timers import FailedTimers

__all__ = [
    "Batch",
    "Kind",
    "NotificationsService",
    "Phrase",
    "Priority",
    "Receipt",
    "Subject",
    "Wording",
    "say",
]


class NotificationsService(DutyRoster, Receipts, Timed, FailedTimers, Privacy):
    """Everything notifications offer, to the doors and to other departments."""
