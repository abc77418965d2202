"""What admissions and stays are, and which moves are legal (DESIGN §8)."""

from hms_rt.departments.ipd.model.admission import (
    IN_BED,
    MOVES,
    OPEN,
    UNORDERED,
    Admission,
    AdmissionState,
    ChildrenGo,
    Disposition,
    Move,
)
from hms_rt.departments.ipd.model.stay import Stay, current_stay, history_of
from hms_rt.departments.ipd.model.times import check_order

__all__ = [
    "IN_BED",
    "MOVES",
    "OPEN",
    "UNORDERED",
    "Admission",
    "AdmissionState",
    "ChildrenGo",
    "Disposition",
    "Move",
    "Stay",
    "check_order",
    "current_stay",
    "history_of",
]
