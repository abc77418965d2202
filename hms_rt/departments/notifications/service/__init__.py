"""The service of notifications: telling users, on-call duty, and timers that failed."""

from collections.abc import Awaitable, Callable, Mapping

from hms_rt.departments.notifications.model.notification import Batch, Kind, Priority, Subject
from hms_rt.departments.notifications.model.wording import Phrase, Wording, say
from hms_rt.departments.notifications.service.groups import GAPS
from hms_rt.departments.notifications.service.privacy import Privacy
from hms_rt.departments.notifications.service.receipts import Receipt, Receipts
from hms_rt.departments.notifications.service.timed import Timed
from hms_rt.departments.notifications.service.timers import FailedTimers
from hms_rt.departments.notifications.service.warning import GapWarning
from hms_rt.kernel.timers import Timer
from hms_rt.storage.unit_of_work import UnitOfWork

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


class NotificationsService(GapWarning, Receipts, Timed, FailedTimers, Privacy):
    """Everything notifications offer, to the doors and to other departments."""

    def timer_callbacks(self) -> Mapping[str, Callable[[UnitOfWork, Timer], Awaitable[None]]]:
        """Every kind of timer that this department sets."""
        return {**super().timer_callbacks(), GAPS: self._look_for_gaps}
