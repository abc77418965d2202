"""The reporting service: what external servers may read, and how."""

from hms_rt.departments.reporting.service.accounts import Accounts
from hms_rt.departments.reporting.service.delivering import Delivering
from hms_rt.departments.reporting.service.feed import FeedPage
from hms_rt.departments.reporting.service.foundation import ReadState
from hms_rt.departments.reporting.service.months import Months
from hms_rt.departments.reporting.service.snapshots import Snapshots
from hms_rt.departments.reporting.service.standing import Standing
from hms_rt.departments.reporting.service.webhooks import Webhooks

__all__ = ["FeedPage", "ReadState", "ReportingService"]


class ReportingService(Accounts, Snapshots, Webhooks, Delivering, Months, Standing):
    """Everything reporting offers to the doors."""
