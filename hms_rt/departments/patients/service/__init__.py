"""The service of patients: registration and search, and the clinical record."""

from hms_rt.departments.patients.model.allergy import Allergy
from hms_rt.departments.patients.model.entry import ContextKind, EntryKind
from hms_rt.departments.patients.model.patient import PatientBrief, Sex
from hms_rt.departments.patients.projector import mark_deceased
from hms_rt.departments.patients.repository.repointing import Repointed, repoint
from hms_rt.departments.patients.schemas.record import ContextRef, EntryNew
from hms_rt.departments.patients.service.allergies import Allergies
from hms_rt.departments.patients.service.care import CareRelation
from hms_rt.departments.patients.service.details import Details
from hms_rt.departments.patients.service.flags import Flags
from hms_rt.departments.patients.service.for_departments import allergies, brief, living, lock
from hms_rt.departments.patients.service.last_vitals import LastVitals, Taken, Vitals
from hms_rt.departments.patients.service.merging import Merging
from hms_rt.departments.patients.service.moving_in import Comparison, MovingIn, identity_of
from hms_rt.departments.patients.service.newborns import register_newborn
from hms_rt.departments.patients.service.order_context import OrderContext
from hms_rt.departments.patients.service.record import ClinicalRecord
from hms_rt.departments.patients.service.record_types import RecordTypes
from hms_rt.departments.patients.service.registration import Registration

__all__ = [
    "Allergy",
    "CareRelation",
    "Comparison",
    "ContextKind",
    "ContextRef",
    "EntryKind",
    "EntryNew",
    "PatientBrief",
    "PatientsService",
    "Repointed",
    "Sex",
    "Taken",
    "Vitals",
    "allergies",
    "brief",
    "identity_of",
    "lock",
    "repoint",
]


class PatientsService(
    Registration,
    Details,
    Flags,
    Allergies,
    Merging,
    MovingIn,
    ClinicalRecord,
    LastVitals,
    RecordTypes,
    OrderContext,
):
    """Everything that can be done with patients.

    Public methods take the principal and the command; ``lock``, ``living``, ``brief``,
    ``allergies``, ``mark_deceased``, ``write_entry``, ``check_encounter`` and ``of_encounter`` are for
    other departments, inside their transactions. Records the events of ``events.py``.
    """

    lock = staticmethod(lock)
    living = staticmethod(living)
    brief = staticmethod(brief)
    allergies = staticmethod(allergies)
    mark_deceased = staticmethod(mark_deceased)
    register_newborn = staticmethod(register_newborn)
