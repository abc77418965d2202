"""The services, one field per department; made by the composition root, handed to both doors."""

from dataclasses import dataclass

from hms_rt.departments.audit.service import AuditService
from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.boards.service import BoardsService
from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.ipd.service import IpdService
from hms_rt.departments.ipd.service.medication import MedicationService
from hms_rt.departments.lab.service import LabService
from hms_rt.departments.notifications.service import NotificationsService
from hms_rt.departments.opd.service import OpdService
from hms_rt.departments.patients.service import PatientsService
from hms_rt.departments.pharmacy.service import PharmacyService


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
