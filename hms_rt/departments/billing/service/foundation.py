"""What every part of billing's service works with."""

from dataclasses import asdict
from typing import TypeVar
from zoneinfo import ZoneInfo

from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.projector.bed_days import BedDays
from hms_rt.departments.billing.projector.ledger import Ledger
from hms_rt.departments.billing.repository import papers
from hms_rt.departments.billing.schemas.charges import ChargeOut, ProcedureOut
from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.errors import Code, HmsError, not_found
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

T = TypeVar("T")

DEFAULT_FACILITY = "MAIN"
"""Where nobody says another."""


class Foundation:
    """The collaborators of the service; days are those of ``zone``."""

    def __init__(
        self,
        units: UnitsOfWork,
        patients: PatientsService,
        identity: IdentityService,
        zone: ZoneInfo,
        language: str,
    ) -> None:
        self._units = units
        self._patients = patients
        self._identity = identity
        self._zone = zone
        self._language = language
        self._ledger = Ledger(zone)
        self._days = BedDays(self._ledger)


def found(thing: T | None, what: str) -> T:
    """``thing``; raises ``not_found`` for None."""
    if thing is None:
        raise not_found(what)
    return thing


def invalid(field: str, why: str) -> HmsError:
    """A value that no rule of the wire refuses, but billing does."""
    return HmsError(Code.INVALID, f"{field}: {why}")


async def check_facility(uow: UnitOfWork, facility: str) -> None:
    """Refuse a facility that nobody named: a slip of the keys must not begin a series of numbers."""
    if facility != DEFAULT_FACILITY and not await papers.has_facility(uow.connection, facility):
        raise invalid("facility", f"{facility} is named by no counter and no letterhead")


def charge_out(charge: Charge) -> ChargeOut:
    """A charge as it is answered."""
    values = asdict(charge)
    amounts = values.pop("amounts") or {}
    names = ChargeOut.model_fields
    return ChargeOut(
        **{name: values[name] for name in names if name in values},
        **{name: amounts.get(name) for name in ("net", "tax", "gross", "payer_part", "patient_part")},
    )


def procedure_out(charge: Charge) -> ProcedureOut:
    """A procedure as those who treat see it: without what it costs."""
    return ProcedureOut(**{name: getattr(charge, name) for name in ProcedureOut.model_fields})
