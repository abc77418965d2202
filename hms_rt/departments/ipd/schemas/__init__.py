"""Shapes of admissions and stays on the wire."""

from hms_rt.departments.ipd.schemas.answers import (
    AdmissionCursor,
    AdmissionEventOut,
    AdmissionHistory,
    AdmissionOut,
    AdmissionQuery,
    StayOut,
)
from hms_rt.departments.ipd.schemas.commands import (
    AdmissionIn,
    BedChoice,
    CancelIn,
    CorrectionIn,
    DepartureIn,
    DischargeOrderIn,
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
    "CancelIn",
    "CorrectionIn",
    "DepartureIn",
    "DischargeOrderIn",
    "StayOut",
    "Timed",
    "TransferIn",
]
