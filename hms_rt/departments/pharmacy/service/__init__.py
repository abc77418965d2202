"""The service of the pharmacy."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from hms_rt.departments.patients.events import AllergiesChanged, PatientsMerged, PatientsUnmerged
from hms_rt.departments.pharmacy.events import ShelfChanged, StockMoved
from hms_rt.departments.pharmacy.service.cupboards import Cupboards
from hms_rt.departments.pharmacy.service.expiry import EXPIRY, Expiry
from hms_rt.departments.pharmacy.service.formulary import Formulary
from hms_rt.departments.pharmacy.service.foundation import (
    Facility,
    InpatientWard,
    KnownAllergies,
    recorded_allergies,
)
from hms_rt.departments.pharmacy.service.labels import Labels
from hms_rt.departments.pharmacy.service.levels import Levels
from hms_rt.departments.pharmacy.service.outstanding import Checklist
from hms_rt.departments.pharmacy.service.reading import Reading
from hms_rt.departments.pharmacy.service.recalls import RECALL, Recalls
from hms_rt.departments.pharmacy.service.rooms import Rooms
from hms_rt.departments.pharmacy.service.sale_labels import SaleLabels
from hms_rt.departments.pharmacy.service.sale_reading import SaleReading
from hms_rt.departments.pharmacy.service.sale_returns import SaleReturns
from hms_rt.departments.pharmacy.service.selling import Selling
from hms_rt.departments.pharmacy.service.stock import Stock
from hms_rt.departments.pharmacy.service.write_offs import WriteOffs
from hms_rt.kernel.changes import Event
from hms_rt.kernel.timers import Timer
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

__all__ = ["Facility", "InpatientWard", "KnownAllergies", "PharmacyService", "recorded_allergies"]


class PharmacyService(
    Formulary,
    Reading,
    Stock,
    Levels,
    Expiry,
    WriteOffs,
    Recalls,
    Cupboards,
    Selling,
    SaleReturns,
    SaleReading,
    SaleLabels,
    Labels,
    Checklist,
    Rooms,
):
    """From the formulary to the medicine in the patient's hand.

    Whatever changes a prescription locks it (the patient first, where both are locked) and records
    ``PrescriptionChanged``, which the projector turns into changes of ``pharmacy/dispensary:<code>``.
    """

    def projectors(self) -> Mapping[type[Event], Sequence[Projector]]:
        """What the pharmacy tells its people of: stock that moves, allergies that become known."""
        return {
            StockMoved: (self.watch_levels, self.watch_expiry),
            ShelfChanged: (self.watch_shelf,),
            AllergiesChanged: (self.allergies_changed,),
            PatientsMerged: (self.patients_merged,),
            PatientsUnmerged: (self.patients_unmerged,),
        }

    def timer_callbacks(self) -> Mapping[str, Callable[[UnitOfWork, Timer], Awaitable[None]]]:
        """Every kind of durable timer that the pharmacy sets."""
        return {EXPIRY: self.look_at_expiry, RECALL: self.tell_of_recall}
