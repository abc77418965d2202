"""Requests to on-call duty and to timers that succeed, with what they need made ready."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

from hms_rt.departments.notifications.model.on_call import PlaceKind
from hms_rt.departments.notifications.schemas.on_call import (
    CoverIn,
    GroupIn,
    GroupOut,
    MemberIn,
    RotaIn,
    RotaOut,
    ShiftIn,
    ShiftOut,
)
from hms_rt.departments.notifications.service import Kind, Subject
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.kernel.timers import TimerState
from hms_rt.storage import timers
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import command
from tests.surface.recipes import REASON, Ask, Recipe, today
from tests.surface.things import CLINIC, WARD
from tests.surface.world import World

NIGHT = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "begins": "20:00", "ends": "08:00"}


async def group(world: World, members: int = 0) -> tuple[GroupOut, list[uuid.UUID]]:
    service = world.services.notifications
    new = GroupIn(code=world.fresh("OC"), name="Surgeons", place_kind=PlaceKind.HOSPITAL)
    made = await service.define_group(SYSTEM, command(), new)
    ids = [(await world.person(Role.DOCTOR)).id for _ in range(members)]
    for user_id in ids:
        made = await service.add_member(SYSTEM, command(), made.code, MemberIn(user_id=user_id))
    return made, ids


async def shift(world: World) -> tuple[ShiftOut, list[uuid.UUID]]:
    """The first of two members is on call."""
    made, ids = await group(world, 2)
    now = world.hospital.clock.now()
    new = ShiftIn(user_id=ids[0], starts_at=now, ends_at=now + timedelta(hours=12))
    return await world.services.notifications.add_shift(SYSTEM, command(), made.code, new), ids


async def rota(world: World) -> RotaOut:
    made, ids = await group(world, 1)
    lines = [{"user_id": ids[0], **NIGHT}]
    new = RotaIn.model_validate({"valid_from": today(), "valid_until": today(), "lines": lines})
    return await world.services.notifications.add_rota(SYSTEM, command(), made.code, new)


async def _group(world: World) -> Ask:
    made, _ = await group(world)
    return Ask({"code": made.code}, version=made.version)


async def _define(world: World) -> Ask:
    return Ask(body={"code": world.fresh("OC"), "name": "Surgeons", "place_kind": "hospital"})


async def _rename(world: World) -> Ask:
    made, _ = await group(world)
    return Ask({"code": made.code}, body={"name": "Anaesthetists"}, version=made.version)


async def _join(world: World) -> Ask:
    made, _ = await group(world)
    return Ask({"code": made.code}, body={"user_id": str((await world.person(Role.DOCTOR)).id)})


async def _leave(world: World) -> Ask:
    made, (user_id,) = await group(world, 1)
    return Ask({"code": made.code}, body={"user_id": str(user_id)})


async def _add_rota(world: World) -> Ask:
    made, (user_id,) = await group(world, 1)
    lines = [{"user_id": str(user_id), **NIGHT}]
    days = {"valid_from": today(), "valid_until": today()}
    return Ask({"code": made.code}, body={**days, "weeks": 1, "lines": lines})


async def _end_rota(world: World) -> Ask:
    made = await rota(world)
    return Ask({"id": str(made.id)}, body=REASON, version=made.version)


async def _add_shift(world: World) -> Ask:
    made, (user_id,) = await group(world, 1)
    now = world.hospital.clock.now()
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=8)).isoformat()}
    return Ask({"code": made.code}, body={"user_id": str(user_id), **times})


async def _cancel_shift(world: World) -> Ask:
    made, _ = await shift(world)
    return Ask({"id": str(made.id)}, body=REASON, version=made.version)


async def _cover(world: World) -> Ask:
    made, ids = await shift(world)
    return Ask({"id": str(made.id)}, body={"user_id": str(ids[1]), **REASON}, version=made.version)


async def _swap(world: World) -> Ask:
    made, ids = await shift(world)
    later = ShiftIn(user_id=ids[1], starts_at=made.ends_at, ends_at=made.ends_at + timedelta(hours=12))
    other = await world.services.notifications.add_shift(SYSTEM, command(), made.group, later)
    return Ask(body={"shift_id": str(made.id), "other_id": str(other.id), **REASON})


async def _cancel_cover(world: World) -> Ask:
    made, ids = await shift(world)
    by = CoverIn(user_id=ids[1], reason="ill")
    covered = await world.services.notifications.cover(SYSTEM, command(), made.id, by)
    return Ask({"id": str(covered.covers[0].id)}, body=REASON)


async def _retry(world: World) -> Ask:
    key = world.fresh("T")

    async def give_up(uow: UnitOfWork) -> None:
        await timers.set_timer(uow, "test.surface", key, uow.now)
        await uow.connection.exec_driver_sql(
            f"UPDATE timers SET state = '{TimerState.DEAD.value}', ended_at = now() WHERE key = '{key}'"
        )

    await world.hospital.units.execute(SYSTEM, command(), type(None), give_up)
    (row,) = await world.query("SELECT id FROM timers WHERE key = :key", key=key)
    return Ask({"id": str(row.id)})


async def _acknowledge(world: World) -> Ask:
    """Something told to whoever asks in ``test_idempotency``."""
    told: list[uuid.UUID] = []
    who = world.clients[0] if world.clients else await world.everybody()
    me = uuid.UUID((await (await who.get("/api/v1/auth/me")).json())["id"])

    async def tell(uow: UnitOfWork) -> None:
        told[:] = await world.services.notifications.notify(
            uow,
            [me],
            Kind.REVIEW_DUE,
            "A review is due",
            Subject("lab_test", "1"),
            acknowledge_within=timedelta(hours=1),
        )

    await world.hospital.units.execute(SYSTEM, command(), type(None), tell)
    return Ask({"id": str(told[0])})


async def _ward(world: World) -> Ask:
    return Ask({"code": WARD})


async def _clinic(world: World) -> Ask:
    return Ask({"code": CLINIC})


async def _prefer(world: World) -> Ask:
    return Ask(body={"muted": ["result_released"], "language": "en"})


RECIPES_ON_CALL: Mapping[str, Recipe] = {
    "POST /on-call/groups": _define,
    "GET /on-call/groups/{code}": _group,
    "PATCH /on-call/groups/{code}": _rename,
    "POST /on-call/groups/{code}/members": _join,
    "POST /on-call/groups/{code}/members/remove": _leave,
    "GET /on-call/groups/{code}/rotas": _group,
    "POST /on-call/groups/{code}/rotas": _add_rota,
    "POST /on-call/rotas/{id}/end": _end_rota,
    "GET /on-call/groups/{code}/shifts": _group,
    "POST /on-call/groups/{code}/shifts": _add_shift,
    "POST /on-call/shifts/{id}/cancel": _cancel_shift,
    "POST /on-call/shifts/{id}/cover": _cover,
    "POST /on-call/swaps": _swap,
    "POST /on-call/covers/{id}/cancel": _cancel_cover,
    "GET /on-call/groups/{code}/gaps": _group,
    "POST /timers/{id}/retry": _retry,
    "GET /wards/{code}/census": _ward,
    "GET /wards/{code}/census.pdf": _ward,
    "GET /clinics/{code}/queue.pdf": _clinic,
    "POST /notifications/{id}/acknowledge": _acknowledge,
    "PUT /notifications/preferences": _prefer,
}
"""Endpoint -> a request that somebody with every role may make with success."""
