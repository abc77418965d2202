"""The services, one field per department; made by the composition root, handed to both doors."""

from dataclasses import dataclass

from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.patients.service import PatientsService


@dataclass(frozen=True)
class Services:
    """What the doors may call."""

    identity: IdentityService
    patients: PatientsService
    beds: BedsService
