"""The services, one field per department; made by the composition root, handed to both doors."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hms_rt.departments.audit.service import AuditService
from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.billing.service import BillingService
from hms_rt.departments.boards.service import BoardsService
from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.ipd.service import IpdService
from hms_rt.departments.ipd.service.medication import MedicationService
from hms_rt.departments.lab.service import LabService
from hms_rt.departments.notifications.service import NotificationsService
from hms_rt.departments.opd.service import OpdService
from hms_rt.departments.patients.service import PatientsService
from hms_rt.departments.pharmacy.service import PharmacyService
from hms_rt.departments.reporting.service import ReportingService
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal

Job = Callable[[Principal, Command], Awaitable[object]]


@dataclass(frozen=True)
class Services:
    """What the doors may call."""

    audit: AuditService
    identity: IdentityService
    patients: PatientsService
    notifications: NotificationsService
    beds: BedsService
    opd: OpdService
    ipd: IpdService
    lab: LabService
    pharmacy: PharmacyService
    boards: BoardsService
    medication: MedicationService
    billing: BillingService
    reporting: ReportingService

    def jobs(self) -> tuple[tuple[float, str, str, Job], ...]:
        """What the server does by itself: every so many seconds, its name, the command's, and what."""
        return (
            (5, "expired reservations", "beds.expire", self.beds.release_expired),
            (15, "overdue cleaning", "cleaning.overdue", self.beds.tell_overdue),
            (60, "occupancy by hour", "ipd.finish_hours", self.ipd.finish_hours),
            (10, "medication", "medication.move_on", self.medication.move_on),
            (60, "past days", "opd.past_days", self.opd.close_past_days),
            (600, "slots", "opd.grow_slots", self.opd.grow_slots),
            (2, "critical alerts", "lab.escalate", self.lab.escalate_overdue),
            (15, "refused readers", "reporting.refused", self.reporting.account_for_refusals),
            (60, "unseen corrections", "lab.remind", self.lab.remind_readers),
            (60, "overdue reviews", "lab.remind", self.lab.remind_of_reviews),
        )
