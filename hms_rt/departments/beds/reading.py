"""From rows to answers, cut down to what the audience may see."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.beds import views
from hms_rt.departments.beds.repository import board
from hms_rt.departments.beds.schemas import (
    BedOut,
    BedQuery,
    BuildingNode,
    CleaningOut,
    FacilityNode,
    FreeOut,
    LocationTree,
    RoomNode,
    WardNode,
    WardOut,
)
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.paging import CodeCursor, Page, cut, decode_cursor


def ward_out(row: Row[Any]) -> WardOut:
    """A ward."""
    return WardOut(
        code=row.code,
        name=row.name,
        facility=row.facility_code,
        building=row.building_code,
        version=row.version,
    )


def bed_out(row: Row[Any], audience: Audience) -> BedOut:
    """A bed; who is in it, for whom it is held and organisms only for the clinical audience."""
    value = views.bed_value(row)
    if audience is not Audience.CLINICAL:
        value |= dict.fromkeys(("occupant", "hold", "organism", "room_organism"))
    return BedOut(ward=row.ward_code, **value)


async def beds(connection: AsyncConnection, query: BedQuery, audience: Audience) -> Page[BedOut]:
    """One page of a ward's beds, by code."""
    after = decode_cursor(query.cursor, CodeCursor).code if query.cursor else None
    rows = await board.board_rows(
        connection, ward=query.ward, status=query.status, after=after, limit=query.limit + 1
    )
    shown, next_cursor = cut(rows, query.limit, lambda row: CodeCursor(code=row.code))
    return Page[BedOut](items=[bed_out(row, audience) for row in shown], next_cursor=next_cursor)


def free_out(row: Row[Any], suitable: int, cots: int) -> FreeOut:
    """Beds of a ward by state."""
    return FreeOut(
        ward=row.ward_code, name=row.name, suitable=suitable, cots=cots, **views.occupancy_value(row)
    )


def cleaning_out(row: Row[Any]) -> CleaningOut:
    """A request to housekeeping."""
    return CleaningOut(**views.cleaning_value(row))


def tree(rows: Sequence[Row[Any]]) -> LocationTree:
    """The location tree from rows in order of their path."""
    facilities: list[FacilityNode] = []
    for row in rows:
        if not facilities or facilities[-1].code != row.facility:
            facilities.append(FacilityNode(code=row.facility, name=row.facility_name, buildings=[]))
        buildings = facilities[-1].buildings
        if row.building is None:
            continue
        if not buildings or buildings[-1].code != row.building:
            buildings.append(BuildingNode(code=row.building, name=row.building_name, wards=[]))
        _add_ward(buildings[-1].wards, row)
    return LocationTree(facilities=facilities)


def _add_ward(wards: list[WardNode], row: Row[Any]) -> None:
    if row.ward is None:
        return
    if not wards or wards[-1].code != row.ward:
        wards.append(WardNode(code=row.ward, name=row.ward_name, rooms=[]))
    rooms = wards[-1].rooms
    if row.room is None:
        return
    if not rooms or rooms[-1].code != row.room:
        rooms.append(RoomNode(code=row.room, beds=[]))
    if row.bed is not None:
        rooms[-1].beds.append(row.bed)
