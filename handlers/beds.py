"""REST of rooms and beds."""

from hms_rt.departments.beds.schemas import (
    BedChange,
    BedIn,
    BedOut,
    BedQuery,
    FeaturesIn,
    FreeBeds,
    FreeQuery,
    LocationTree,
    WardIn,
    WardOut,
)
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("beds", "Rooms and beds: the location tree, bed states, free beds")


@routes.get(
    "/locations", answer=LocationTree, permission=Permission.PLACES_READ, summary="All places as a tree"
)
async def locations(call: Call[None, None]) -> LocationTree:
    """Facility, building, ward, room, bed."""
    return await call.services.beds.locations(call.principal)


@routes.get(
    "/wards", query=PageQuery, answer=Page[WardOut], permission=Permission.PLACES_READ, summary="All wards"
)
async def list_wards(call: Call[None, PageQuery]) -> Page[WardOut]:
    """Wards by code."""
    return await call.services.beds.wards(call.principal, call.query)


@routes.post(
    "/wards",
    body=WardIn,
    answer=WardOut,
    status=201,
    location="/wards/{code}",
    permission=Permission.BED_DEFINE,
    command="beds.define_ward",
    summary="Define a ward",
)
async def define_ward(call: Call[WardIn, None]) -> WardOut:
    """A ward; its facility and building are made when they are new."""
    return await call.services.beds.define_ward(call.principal, call.command, call.body)


@routes.get(
    "/wards/{code:code}",
    answer=WardOut,
    permission=Permission.PLACES_READ,
    versioned=True,
    summary="One ward",
)
async def get_ward(call: Call[None, None]) -> WardOut:
    """Name and place of a ward."""
    return await call.services.beds.ward(call.principal, call.path_code("code"))


@routes.get(
    "/beds", query=BedQuery, answer=Page[BedOut], permission=Permission.BED_READ, summary="Beds of a ward"
)
async def list_beds(call: Call[None, BedQuery]) -> Page[BedOut]:
    """Beds by code; who lies in them is told to the ward's clinical staff only."""
    return await call.services.beds.beds(call.principal, call.command, call.query)


@routes.post(
    "/beds",
    body=BedIn,
    answer=BedOut,
    status=201,
    location="/beds/{id}",
    permission=Permission.BED_DEFINE,
    command="beds.define_bed",
    summary="Define a bed",
)
async def define_bed(call: Call[BedIn, None]) -> BedOut:
    """A bed, and its room if that is new."""
    return await call.services.beds.define_bed(call.principal, call.command, call.body)


@routes.get(
    "/beds/free",
    query=FreeQuery,
    answer=FreeBeds,
    permission=Permission.BEDS_FREE,
    summary="Free beds of the hospital, no names",
)
async def free_beds(call: Call[None, FreeQuery]) -> FreeBeds:
    """Beds of every ward by state; ``suitable`` counts the available ones that have what is needed."""
    return await call.services.beds.free(call.principal, call.query)


@routes.get("/beds/{id}", answer=BedOut, permission=Permission.BED_READ, versioned=True, summary="One bed")
async def get_bed(call: Call[None, None]) -> BedOut:
    """State, flag and, for the ward's clinical staff, occupant of a bed."""
    return await call.services.beds.bed(call.principal, call.command, call.path_uuid("id"))


@routes.patch(
    "/beds/{id}",
    body=BedChange,
    answer=BedOut,
    permission=Permission.BED_STATUS,
    command="beds.change",
    versioned=True,
    summary="Change a bed's state or flag",
)
async def change_bed(call: Call[BedChange, None]) -> BedOut:
    """The legal moves are those of the bed's state machine; an illegal one is told with the legal ones."""
    return await call.services.beds.change(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.patch(
    "/beds/{id}/features",
    body=FeaturesIn,
    answer=BedOut,
    permission=Permission.BED_DEFINE,
    command="beds.set_features",
    versioned=True,
    summary="Say what a bed is equipped with",
)
async def set_features(call: Call[FeaturesIn, None]) -> BedOut:
    """Replaces the list. A patient who needs what the bed lacks is put there only with a reason."""
    return await call.services.beds.set_features(
        call.principal, call.command, call.path_uuid("id"), call.body
    )
