"""The service of inpatients: admissions, stays, corrections, and reading them."""

from hms_rt.departments.ipd.service.admissions import Admissions
from hms_rt.departments.ipd.service.bedside import Bedside
from hms_rt.departments.ipd.service.births import Births
from hms_rt.departments.ipd.service.care import encounter_of, patient_of_admission, wards_of_patient
from hms_rt.departments.ipd.service.corrections import Corrections
from hms_rt.departments.ipd.service.deaths import Deaths
from hms_rt.departments.ipd.service.holding import Holding
from hms_rt.departments.ipd.service.hours import Hours
from hms_rt.departments.ipd.service.medication_place import ward_of_inpatient
from hms_rt.departments.ipd.service.needs import PatientNeeds
from hms_rt.departments.ipd.service.stays import Stays
from hms_rt.departments.ipd.service.swapping import Swapping

__all__ = ["IpdService", "encounter_of", "patient_of_admission", "ward_of_inpatient", "wards_of_patient"]


class IpdService(
    Admissions, PatientNeeds, Stays, Holding, Swapping, Births, Corrections, Deaths, Hours, Bedside
):
    """Everything that can be done with inpatients.

    Locks are taken in the order patient, admission, stays, beds. Every move is appended to the history and
    audited; ``AdmissionChanged`` is recorded when the state changed, ``StayMoved`` when the patient came
    into a bed, went to another or left. What boards show of it is published by the department of beds.
    """
