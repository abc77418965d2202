"""What is alive in a process is counted while it lives, told to the others, and names nobody."""

import json
import time
from dataclasses import replace
from typing import Any

from aiohttp.test_utils import TestServer

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.schemas import BedIn, WardIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, PrincipalKind, Role
from hms_rt.realtime.status import RoomStatus, SlowClient, fullest, read, slowest
from tests.conftest import ClientFactory, WardFactory, command
from tests.listening import HospitalServer
from tests.realtime.conftest import BoardFactory, OtherFactory, RawFactory, turn
from tests.realtime.measured import Moved, eventually, gauge, scrape

ROOM = "ward:ICU"
WARD = {"namespace": "/beds", "kind": "ward", "audience": "clinical"}


async def test_who_is_connected_is_counted_by_namespace_and_audience_and_forgotten_when_gone(
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    dial: RawFactory,
    ward: WardFactory,
) -> None:
    await ward("ICU", beds=1)
    nurse, admin = await client_as(Role.NURSE, ward="ICU"), await client_as(Role.ADMIN)
    boards = [await board_of(nurse, ROOM), await board_of(nurse, ROOM), await board_of(admin, ROOM)]
    idle = await dial(nurse, "/beds", "/notifications")
    clients = {"namespace": "/beds", "audience": "clinical"}
    await gauge(server, 2, "hms_connections", **clients)
    await gauge(server, 1, "hms_connections", namespace="/beds", audience="staff")
    await gauge(server, 1, "hms_connections", namespace="/beds", audience="none")
    await gauge(server, 1, "hms_connections", namespace="/notifications", audience="none")
    await gauge(server, 4, "hms_sockets")
    await gauge(server, 1, "hms_rooms", **WARD)
    await gauge(server, 1, "hms_rooms", namespace="/beds", kind="ward", audience="staff")
    assert (await scrape(server)).value("hms_streams_followed") >= 2  # the ward's, and that of rights
    for raw in [*(board.raw for board in boards), idle]:
        await raw.close()
    await gauge(server, 0, "hms_connections", **clients)
    await gauge(server, 0, "hms_sockets")
    await gauge(server, 0, "hms_rooms", **WARD)


async def test_sweeps_are_counted_and_their_lag_stays_small(server: TestServer) -> None:
    moved = await Moved.since_now(server)

    async def swept() -> bool:
        return await moved.by("hms_sweep_seconds_count") >= 2

    await eventually(swept)
    assert await moved.by("hms_sweep_failures_total") == 0

    async def recent() -> bool:
        return 0 <= (await scrape(server)).value("hms_sweep_lag_seconds") < 2

    await eventually(recent)
    await gauge(server, 1, "hms_redis_up")
    await gauge(server, 0, "hms_publisher_backlog")


async def test_a_loop_that_was_held_is_seen(server: TestServer) -> None:
    time.sleep(0.3)  # noqa: ASYNC251 - what must be seen

    async def seen() -> bool:
        return (await scrape(server)).value("hms_event_loop_lag_seconds") >= 0.2

    await eventually(seen)


async def test_without_redis_the_gauge_says_so_and_the_sweep_catches_up(
    settings: Settings, stores: Stores, clock: ManualClock
) -> None:
    hospital = Hospital(settings, replace(stores, redis_url="redis://127.0.0.1:1/0"), clock=clock)
    await hospital.start()
    listening = HospitalServer(hospital)
    await listening.start_server()
    try:
        moved = await Moved.since_now(listening)
        await gauge(listening, 0, "hms_redis_up")
        await hospital.services.beds.define_ward(SYSTEM, command(), WardIn(code="ICU", name="Intensive care"))
        bed = await hospital.services.beds.define_bed(
            SYSTEM, command(), BedIn(ward="ICU", room="1", code="1")
        )
        await turn(hospital, bed)

        async def failed() -> bool:
            return await moved.by("hms_redis_publish_failures_total") >= 1

        await eventually(failed)
        shown = await hospital.vitals.installation()
        assert (shown.redis, len(shown.processes), shown.processes[0].redis) == (False, 1, False)
    finally:
        await hospital.realtime.drain()
        await listening.close()
        await hospital.stop()


async def test_no_label_names_a_room_a_person_or_an_address(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("CANARY", beds=1)
    nurse = await client_as(Role.NURSE, ward="CANARY")
    board = await board_of(nurse, "ward:CANARY")
    await board_of(nurse, "me", namespace="/notifications")
    version = board.version + 1
    await turn(hospital, bed)
    await board.reach(version)
    await gauge(server, 1, "hms_connections", namespace="/notifications", audience="own")
    text = (await scrape(server)).text
    me = await (await nurse.get("/api/v1/auth/me")).json()
    for secret in ("CANARY", me["id"], str(bed.id), "127.0.0.1"):
        assert secret not in text


async def test_processes_see_each_other_and_what_they_show_together(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    admin = await client_as(Role.ADMIN)
    other, elsewhere = await another()
    boards = [await board_of(nurse, ROOM), await board_of(nurse, ROOM, to=elsewhere)]
    await board_of(nurse, "me", namespace="/notifications")
    await board_of(await client_as(Role.NURSE, ward="ICU"), "me", namespace="/notifications")
    version = boards[0].version + 1
    await turn(hospital, bed)
    for board in boards:
        await board.reach(version)

    async def told() -> dict[str, Any]:
        answer = await admin.get("/api/v1/status")
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def both() -> bool:
        found = await told()
        rooms = {(one["room"], one["audience"]): one for one in found["rooms"]}
        return (
            {one["id"] for one in found["processes"]} == {hospital.vitals.id, other.vitals.id}
            and rooms.get(("ward:ICU", "clinical"), {}).get("sockets") == 2
            and rooms["ward:ICU", "clinical"]["version"] == version
            and rooms.get(("me", "own"), {}).get("sockets") == 2
        )

    await eventually(both)
    found = await told()
    assert found["sockets"] == 4
    (own,) = (one for one in found["rooms"] if one["room"] == "me")
    assert own["version"] is None, "two people's rooms have no version in common"
    me = await (await nurse.get("/api/v1/auth/me")).json()
    assert me["id"] not in json.dumps(found)

    await other.vitals.stop()

    async def alone() -> bool:
        return [one["id"] for one in (await told())["processes"]] == [hospital.vitals.id]

    await eventually(alone)


async def test_a_note_of_another_version_is_read_as_far_as_it_is_understood(hospital: Hospital) -> None:
    own = await hospital.vitals.process()
    newer = {**own.model_dump(mode="json"), "id": "newer", "lunar_phase": 3}
    assert [one.id for one in read([json.dumps(newer).encode(), b"{}", b"\xff"])] == ["newer"]


async def test_what_a_process_tells_is_bounded() -> None:
    rooms = [RoomStatus(namespace="/beds", room=f"ward:{n}", audience="staff", sockets=n) for n in range(500)]
    slow = [
        SlowClient(
            namespace="/beds",
            address="::1",
            kind=PrincipalKind.USER,
            behind_bytes=n,
            dirty_rooms=0,
            stuck_s=0,
        )
        for n in range(500)
    ]
    assert [room.sockets for room in fullest(rooms)] == list(range(499, 449, -1))
    assert [one.behind_bytes for one in slowest(slow)] == list(range(499, 479, -1))
