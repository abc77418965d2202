"""The service of the pharmacy."""

from hms_rt.departments.pharmacy.service.dispensing import Dispensing
from hms_rt.departments.pharmacy.service.formulary import Formulary
from hms_rt.departments.pharmacy.service.foundation import (
    InpatientWard,
    KnownAllergies,
    recorded_allergies,
)
from hms_rt.departments.pharmacy.service.outstanding import Checklist
from hms_rt.departments.pharmacy.service.reading import Reading
from hms_rt.departments.pharmacy.service.recalls import Recalls
from hms_rt.departments.pharmacy.service.rooms import Rooms
from hms_rt.departments.pharmacy.service.stock import Stock
from hms_rt.departments.pharmacy.service.write_offs import WriteOffs

__all__ = ["InpatientWard", "KnownAllergies", "PharmacyService", "recorded_allergies"]


class PharmacyService(Formulary, Reading, Stock, WriteOffs, Recalls, Dispensing, Checklist, Rooms):
    """From the formulary to the medicine in the patient's hand.

    Whatever changes a prescription locks it (the patient first, where both are locked) and records
    ``PrescriptionChanged``, which the projector turns into changes of ``pharmacy/dispensary:<code>``.
    """
