"""Shapes of admissions and stays on the wire."""

from hms_rt.departments.ipd.schemas.answers import (
    AdmissionCursor,
    AdmissionEventOut,
    AdmissionHistory,
    AdmissionOut,
    AdmissionQuery,
    BirthOut,
    HeldBedOut,
    StayOut,
)
from hms_rt.departments.ipd.schemas.commands import (
    AdmissionIn,
    BedChoice,
    BirthIn,
    CancelIn,
    CorrectionIn,
    DepartureIn,
    DischargeOrderIn,
    HoldIn,
    NeedsIn,
    SwapIn,
    Timed,
    TransferIn,
)

__all__ = [
    "AdmissionCursor",
    "AdmissionEventOut",
    "AdmissionHistory",
    "AdmissionIn",
    "AdmissionOut",
    "AdmissionQuery",
    "BedChoice",
    "BirthIn",
    "BirthOut",
    "CancelIn",
    "CorrectionIn",
    "DepartureIn",
    "DischargeOrderIn",
    "HeldBedOut",
    "HoldIn",
    "NeedsIn",
    "StayOut",
    "SwapIn",
    "Timed",
    "TransferIn",
]
