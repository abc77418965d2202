"""The service of billing."""

from hms_rt.departments.billing.service.charging import Charging
from hms_rt.departments.billing.service.outstanding import Checklist
from hms_rt.departments.billing.service.tariffs import Tariffs

__all__ = ["BillingService"]


class BillingService(Tariffs, Charging, Checklist):
    """From what was done to what was paid.

    Whatever changes a patient's account locks the patient first. Charges are a ledger that only grows.
    """
