"""Every count of the socket server moves when what it counts happens, on a real server."""

import pytest
from aiohttp.test_utils import TestServer

from hms_rt.app import Hospital
from hms_rt.departments.identity.schemas import AssignmentIn
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from hms_rt.realtime import pulse
from hms_rt.realtime import server as realtime_server
from tests.conftest import ClientFactory, WardFactory, command
from tests.realtime.conftest import BoardFactory, RawFactory, cookie_of, turn
from tests.realtime.measured import Moved, eventually, eventually_true, gauge
from tests.realtime.test_handshake import handshake
from tests.realtime.test_hub import sql
from tests.realtime.test_slow_clients import fill, slow_board

ROOM = "ward:ICU"
WARD = {"namespace": "/beds", "kind": "ward", "audience": "clinical"}


async def test_a_change_is_measured_from_its_commit_until_the_last_socket_has_it(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    boards = [await board_of(nurse, ROOM) for _ in range(3)]
    moved = await Moved.since_now(server)
    version = boards[0].version + 1
    await turn(hospital, bed)
    for board in boards:
        await board.reach(version)
    assert await moved.by("hms_commit_to_write_seconds_count", **WARD) == 1
    assert 0 <= await moved.by("hms_commit_to_write_seconds_sum", **WARD) < 60
    assert await moved.by("hms_changes_delivered_total", **WARD) == 3
    assert await moved.by("hms_changes_per_frame_count") == 1
    assert await moved.by("hms_changes_per_frame_sum") == 1
    assert await moved.by("hms_frames_sent_total", event="change") == 3
    (frame,) = (frame for frame in boards[0].raw.frames if frame.startswith('42/beds,["change"'))
    carried = len(frame) - len('42/beds,["change",]')
    assert await moved.by("hms_frame_bytes_sent_total", event="change") == 3 * carried


async def test_what_a_client_is_given_when_it_subscribes(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    dial: RawFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    moved = await Moved.since_now(server)
    board = await board_of(nurse, ROOM)
    assert await moved.by("hms_state_reads_total", stream_kind="beds/ward") == 1
    assert await moved.by("hms_subscribes_total", mode="snapshot") == 1
    assert await moved.by("hms_snapshots_sent_total", reason="subscribe") == 1
    await board.raw.close()
    await turn(hospital, bed)
    await board.move(await dial(nurse, "/beds"))
    assert await moved.by("hms_subscribes_total", mode="resume") == 1
    assert await moved.by("hms_ring_misses_total", reader="client") == 0

    await board.raw.close()
    await turn(hospital, bed)
    (view,) = (view for view in hospital.views.all() if view.room == ROOM)
    await eventually_true(lambda: view.version > board.version)
    view.follower.ring.clear()  # as after a reload
    await board.move(await dial(nurse, "/beds"))
    assert await moved.by("hms_ring_misses_total", reader="client") == 1
    assert await moved.by("hms_subscribes_total", mode="resume") == 2
    assert await moved.by("hms_state_reads_total", stream_kind="beds/ward") == 1


async def test_a_slow_client_is_seen_and_so_is_its_snapshot(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
) -> None:
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    moved = await Moved.since_now(server)
    board, slow = await slow_board(hospital, nurse, board_of)
    await fill(hospital, slow)
    assert await moved.by("hms_conflations_total") == 1
    await gauge(server, 1, "hms_slow_clients")
    (told,) = (await hospital.vitals.process()).slow
    assert told.behind_bytes > 0
    assert told.dirty_rooms == 1
    assert told.kind == "user"
    board.raw.read_on()
    await eventually_true(lambda: board.snapshots == 1)
    assert await moved.by("hms_snapshots_sent_total", reason="conflation") == 1
    assert await moved.by("hms_frames_sent_total", event="snapshot") == 1
    await gauge(server, 0, "hms_slow_clients")


async def test_a_stuck_client_and_one_that_never_connects_are_counted_when_dropped(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    dial: RawFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "STUCK_S", 0.5)
    monkeypatch.setattr(realtime_server, "CONNECT_S", 0.2)
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    moved = await Moved.since_now(server)
    await (await dial(nurse)).hung_up()
    assert await moved.by("hms_sockets_aborted_total", reason="never_connected") == 1
    board, slow = await slow_board(hospital, nurse, board_of)
    await fill(hospital, slow)
    await eventually_true(lambda: slow.gone)
    assert await moved.by("hms_sockets_aborted_total", reason="stuck") == 1
    board.raw.read_on()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('42/beds,1["subscribe"', "bad_packet"),
        ('451-/beds,["subscribe",{"_placeholder":true,"num":0}]', "binary"),
    ],
)
async def test_clients_that_break_the_protocol_are_counted(
    server: TestServer, client_as: ClientFactory, dial: RawFactory, said: str, reason: str
) -> None:
    raw = await dial(await client_as(Role.NURSE), "/beds")
    moved = await Moved.since_now(server)
    await raw.send(said)
    await raw.hung_up()

    async def counted() -> bool:
        return await moved.by("hms_sockets_aborted_total", reason=reason) == 1

    await eventually(counted)


async def test_handshakes_are_counted_and_refusals_by_reason(
    hospital: Hospital, server: TestServer, client_as: ClientFactory, dial: RawFactory
) -> None:
    nurse = await client_as(Role.NURSE)
    raw = await dial(nurse, "/beds")
    cookie = cookie_of(nurse)
    moved = await Moved.since_now(server)
    await dial(nurse, "/beds")
    assert await moved.by("hms_handshakes_total") == 1
    assert (await handshake(server, ""))[0] == 401
    assert await moved.by("hms_handshakes_refused_total", reason="unauthenticated") == 1
    assert (await handshake(server, cookie, "/socket.io/?EIO=3&transport=websocket"))[0] == 400
    assert await moved.by("hms_handshakes_refused_total", reason="protocol") == 1

    await hospital.realtime.drain()
    assert await moved.by("hms_drains_total") == 1
    await raw.hung_up()
    assert (await handshake(server, cookie))[0] == 503
    assert await moved.by("hms_handshakes_refused_total", reason="draining") == 1
    assert await moved.by("hms_handshakes_total") == 1


async def test_looks_at_rights_are_counted_by_what_they_find(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
) -> None:
    await ward("ICU", beds=1)
    await ward("WEST", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM)
    me = await (await nurse.get("/api/v1/auth/me")).json()
    moved = await Moved.since_now(server)

    async def found(outcome: str) -> bool:
        return await moved.by("hms_rights_checks_total", outcome=outcome) == 1

    assigned = AssignmentIn(kind=AssignmentKind.WARD, place="WEST")
    await hospital.services.identity.assign(SYSTEM, command(), me["id"], assigned)
    await eventually(lambda: found("changed"))
    assert (await nurse.post("/api/v1/auth/logout")).status == 204
    await board.raw.hung_up()
    assert await found("ended")


async def test_another_view_by_another_role_is_a_snapshot_for_its_own_reason(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
) -> None:
    await ward("ICU", beds=1)
    both = await client_as(Role.NURSE, Role.ADMIN, ward="ICU")
    board = await board_of(both, ROOM)
    me = await (await both.get("/api/v1/auth/me")).json()
    moved = await Moved.since_now(server)
    await hospital.services.identity.unassign(
        SYSTEM, command(), me["id"], AssignmentIn(kind=AssignmentKind.WARD, place="ICU")
    )
    await eventually_true(lambda: board.snapshots == 1)
    assert await moved.by("hms_snapshots_sent_total", reason="rights") == 1
    assert await moved.by("hms_snapshots_sent_total", reason="conflation") == 0


async def test_a_database_that_went_back_in_time_is_a_snapshot_for_everybody(
    hospital: Hospital,
    server: TestServer,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
) -> None:
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    boards = [await board_of(nurse, ROOM) for _ in range(2)]
    moved = await Moved.since_now(server)
    await sql(hospital, "UPDATE stream_epoch SET epoch = gen_random_uuid()")
    await eventually_true(lambda: all(board.snapshots == 1 for board in boards))
    assert await moved.by("hms_snapshots_sent_total", reason="epoch") == 2
    assert await moved.by("hms_state_reads_total", stream_kind="beds/ward") == 1
