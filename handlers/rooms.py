"""REST of rooms: what they are kept for."""

from hms_rt.departments.beds.schemas import RoomIsolationIn, RoomList, RoomOut
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("rooms", "Rooms: isolation and cohorts")


@routes.get(
    "/wards/{code:code}/rooms",
    answer=RoomList,
    permission=Permission.BED_READ,
    summary="The rooms of a ward and what they are kept for",
)
async def list_rooms(call: Call[None, None]) -> RoomList:
    """Organisms are shown to the ward's clinical staff only."""
    return await call.services.beds.rooms(call.principal, call.path_code("code"))


@routes.patch(
    "/wards/{code:code}/rooms/{room:text}",
    body=RoomIsolationIn,
    answer=RoomOut,
    permission=Permission.ROOM_ISOLATE,
    command="beds.isolate_room",
    versioned=True,
    summary="Keep a room for an isolation, or no longer",
)
async def isolate_room(call: Call[RoomIsolationIn, None]) -> RoomOut:
    """Only patients in that isolation come in, or for a reason. Replaces what was said before."""
    return await call.services.beds.isolate_room(
        call.principal, call.command, call.path_code("code"), call.path_code("room"), call.body
    )
