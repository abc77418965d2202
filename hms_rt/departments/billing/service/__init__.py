"""The service of billing."""

from hms_rt.departments.billing.service.charging import Charging
from hms_rt.departments.billing.service.closing import Days
from hms_rt.departments.billing.service.discounting import Discounting
from hms_rt.departments.billing.service.dunning import Dunning
from hms_rt.departments.billing.service.estimating import Estimating
from hms_rt.departments.billing.service.outstanding import Checklist
from hms_rt.departments.billing.service.packaging import Packaging
from hms_rt.departments.billing.service.refunds import Refunds
from hms_rt.departments.billing.service.refusing import Refusing
from hms_rt.departments.billing.service.rooms import Rooms
from hms_rt.departments.billing.service.selling import Selling, Sold
from hms_rt.departments.billing.service.shifts import Shifts
from hms_rt.departments.billing.service.stating import Stating
from hms_rt.departments.billing.service.tariffs import Tariffs

__all__ = ["BillingService", "Sold"]


class BillingService(
    Tariffs,
    Charging,
    Checklist,
    Selling,
    Refusing,
    Refunds,
    Shifts,
    Discounting,
    Dunning,
    Packaging,
    Estimating,
    Days,
    Stating,
    Rooms,
):
    """From what was done to what was paid.

    Whatever changes a patient's account locks the patient first. Charges are a ledger that only grows.
    """
