"""Requests about beds, housekeeping and inpatients on their way, with what they need made ready."""

from hms_rt.departments.beds.schemas import BedOut
from tests.surface.recipes import REASON, Ask, Recipe, at, plain, today
from tests.surface.things import WARD
from tests.surface.world import World

W = World


async def _assign_bed(world: World) -> Ask:
    waiting, bed = await world.accepted(), await world.bed()
    return Ask({"id": str(waiting.id)}, body={"bed_id": str(bed.id)}, version=waiting.version)


async def _transfer_bed(world: World) -> Ask:
    here, bed = await world.admitted(), await world.bed()
    return Ask({"id": str(here.id)}, body={"bed_id": str(bed.id)}, version=here.version)


async def _cancel_transfer(world: World) -> Ask:
    moved = await world.transferred()
    return Ask({"id": str(moved.id)}, body={"reason": "wrong patient"}, version=moved.version)


async def _new_bed(world: World) -> BedOut:
    return await world.bed()


async def _hold(world: World) -> Ask:
    here, bed = await world.admitted(), await world.bed()
    return Ask({"id": str(here.id)}, body={"bed_id": str(bed.id)}, version=here.version)


async def _release_hold(world: World) -> Ask:
    here = await world.holding()
    return Ask({"id": str(here.id)}, body=REASON, version=here.version)


async def _summary(world: World) -> Ask:
    return Ask({"id": str((await world.summarised()).id)})


async def _swap(world: World) -> Ask:
    here, other = await world.admitted(), await world.admitted()
    return Ask({"id": str(here.id)}, body={"with_admission": str(other.id)}, version=here.version)


async def _hours(world: World) -> Ask:
    day = today()
    return Ask(query={"ward": WARD, "since": f"{day}T00:00:00Z", "until": f"{day}T12:00:00Z"})


async def _birth(world: World) -> Ask:
    here = await world.admitted()
    return Ask({"id": str(here.id)}, body={"born_at": f"{today()}T00:00:00Z"}, version=here.version)


async def _isolate_room(world: World) -> Ask:
    bed = await world.bed_of_its_own()
    return Ask({"code": WARD, "room": bed.room}, body={"isolation": "contact", "organism": "MRSA"}, version=1)


async def _cancel_cleaning(world: World) -> Ask:
    asked = await world.spot_cleaning()
    return Ask({"id": str(asked.id)}, version=asked.version)


async def _room_in(world: World) -> Ask:
    child = await world.child_apart()
    return Ask({"id": str(child.id)}, body={}, version=child.version)


RECIPES: dict[str, Recipe] = {
    "GET /wards/{code}/rooms": plain({"code": WARD}),
    "PATCH /wards/{code}/rooms/{room}": _isolate_room,
    "PATCH /beds/{id}/features": at(_new_bed, {"features": ["oxygen"]}),
    "POST /beds/{id}/cleaning": at(_new_bed, {"note": "coffee on the floor"}),
    "GET /cleaning": plain(ward=WARD),
    "POST /cleaning/{id}/claim": at(W.cleaning),
    "POST /cleaning/{id}/give-back": at(W.claimed_cleaning),
    "POST /cleaning/{id}/finish": at(W.cleaning),
    "POST /cleaning/{id}/cancel": _cancel_cleaning,
    "GET /admissions/{id}/checklist": at(W.admitted),
    "GET /wards/{code}/rounds": plain({"code": WARD}),
    "POST /admissions/{id}/rounds": at(W.admitted, {"text": "slept well"}),
    "POST /admissions/{id}/summary": at(W.admitted, {"diagnoses": "sepsis", "course": "got well"}),
    "GET /admissions/{id}/summaries": _summary,
    "GET /admissions/{id}/summary": _summary,
    "GET /occupancy/hours": _hours,
    "POST /admissions/{id}/hold": _hold,
    "POST /admissions/{id}/release-hold": _release_hold,
    "POST /admissions/{id}/swap": _swap,
    "POST /admissions/{id}/needs": at(W.admitted, {"features": ["oxygen"]}),
    "POST /admissions/{id}/births": _birth,
    "POST /admissions/{id}/room-in": _room_in,
    "POST /admissions/{id}/assign": _assign_bed,
    "POST /admissions/{id}/transfer": _transfer_bed,
    "POST /admissions/{id}/cancel-transfer": _cancel_transfer,
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
