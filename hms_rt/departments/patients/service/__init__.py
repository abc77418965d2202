"""The service of patients: registration and search, and the clinical record."""

from hms_rt.departments.patients.model.patient import PatientBrief, Sex
from hms_rt.departments.patients.repository.repointing import Repointed, repoint
from hms_rt.departments.patients.service.care import CareRelation
from hms_rt.departments.patients.service.for_departments import brief, lock
from hms_rt.departments.patients.service.merging import Merging
from hms_rt.departments.patients.service.moving_in import Comparison, MovingIn, identity_of
from hms_rt.departments.patients.service.record import ClinicalRecord
from hms_rt.departments.patients.service.registration import Registration

__all__ = [
    "CareRelation",
    "Comparison",
    "PatientBrief",
    "PatientsService",
    "Repointed",
    "Sex",
    "brief",
    "identity_of",
    "lock",
    "repoint",
]


class PatientsService(Registration, Merging, MovingIn, ClinicalRecord):
    """Everything that can be done with patients.

    Public methods take the principal and the command; ``lock`` and ``brief`` are for other departments,
    inside their transactions. Records the events of ``events.py``.
    """

    lock = staticmethod(lock)
    brief = staticmethod(brief)
