"""Shapes of rooms and beds on the wire."""

from hms_rt.departments.beds.schemas.beds import (
    BedChange,
    BedCleaningOut,
    BedCommand,
    BedIn,
    BedOut,
    BedQuery,
    Features,
    FeaturesIn,
    HoldOut,
    OccupantOut,
)
from hms_rt.departments.beds.schemas.cleaning import (
    CleaningCommand,
    CleaningCursor,
    CleaningIn,
    CleaningOut,
    CleaningQuery,
)
from hms_rt.departments.beds.schemas.free import (
    FreeBeds,
    FreeOut,
    FreeQuery,
    OccupancyOut,
)
from hms_rt.departments.beds.schemas.places import (
    BuildingNode,
    FacilityNode,
    LocationTree,
    RoomNode,
    ShortCode,
    WardIn,
    WardNode,
    WardOut,
)

__all__ = [
    "BedChange",
    "BedCleaningOut",
    "BedCommand",
    "BedIn",
    "BedOut",
    "BedQuery",
    "BuildingNode",
    "CleaningCommand",
    "CleaningCursor",
    "CleaningIn",
    "CleaningOut",
    "CleaningQuery",
    "FacilityNode",
    "Features",
    "FeaturesIn",
    "FreeBeds",
    "FreeOut",
    "FreeQuery",
    "HoldOut",
    "LocationTree",
    "OccupancyOut",
    "OccupantOut",
    "RoomNode",
    "ShortCode",
    "WardIn",
    "WardNode",
    "WardOut",
]
