"""What beds are, which moves their state allows, what they offer, and who cleans them (DESIGN §8)."""

from hms_rt.departments.beds.model.bed import (
    BY_STAY,
    DEFAULT_RESERVATION,
    MAX_RESERVATION,
    MOVES,
    Bed,
    BedKind,
    BedStatus,
    manual_moves,
)
from hms_rt.departments.beds.model.suitability import Feature, Isolation, Needs, Precaution, unsuitable

__all__ = [
    "BY_STAY",
    "DEFAULT_RESERVATION",
    "MAX_RESERVATION",
    "MOVES",
    "Bed",
    "BedKind",
    "BedStatus",
    "Feature",
    "Isolation",
    "Needs",
    "Precaution",
    "manual_moves",
    "unsuitable",
]
