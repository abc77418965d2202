"""A client that does not read costs itself alone: conflated, then one snapshot, or dropped (P6)."""

import asyncio
import json
from typing import Any

import pytest

from hms_rt.app import Hospital
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.principal import Role
from hms_rt.realtime import pulse
from hms_rt.realtime.fanout import CONFLATE_BYTES
from hms_rt.realtime.frames import Frame
from hms_rt.realtime.outlet import READY_BYTES
from hms_rt.realtime.subscriber import Subscriber
from hms_rt.realtime.wire import Subscribe
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.board import Board
from tests.realtime.conftest import BoardFactory, Client, RawFactory, fresh, turn
from tests.realtime.raw import until

ROOM = "ward:ICU"
FRAME_BYTES = 8192


async def slow_board(hospital: Hospital, client: Client, board_of: BoardFactory) -> tuple[Board, Subscriber]:
    """A board with a small receive buffer that has stopped reading, and the server's side of it."""
    before = set(hospital.realtime.pulse.everyone())
    board = await board_of(client, ROOM, receive_buffer=4096)
    (subscriber,) = set(hospital.realtime.pulse.everyone()) - before
    board.raw.stop_reading()
    return board, subscriber


def flood(hospital: Hospital, frames: int) -> None:
    """Big changes of the room, as its view would send them; they change nothing."""
    (view,) = (view for view in hospital.views.all() if view.room == ROOM)
    padding = "x" * FRAME_BYTES
    body = {"room": ROOM, "epoch": view.epoch, "from": 0, "to": 1, "at": "", "ops": [], "padding": padding}
    frame = Frame("/beds", "change", json.dumps(body).encode())
    for _ in range(frames):
        for subscriber in view.subscribers:
            subscriber.send_change(ROOM, frame)


async def fill(hospital: Hospital, slow: Subscriber) -> None:
    """Flood until the slow client is conflated; the neighbours read everything meanwhile."""
    for _ in range(200):
        flood(hospital, 2)
        await asyncio.sleep(0.005)
        if slow.dirty:
            return
    pytest.fail("the client was never conflated")


async def test_a_slow_client_is_conflated_and_gets_one_snapshot_once_it_has_drained(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board, slow = await slow_board(hospital, nurse, board_of)
    neighbour = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    await fill(hospital, slow)
    held = slow.outlet.waiting()
    assert held <= CONFLATE_BYTES + 4 * FRAME_BYTES

    for _ in range(20):
        flood(hospital, 2)
        await asyncio.sleep(0.005)
    await turn(hospital, bed, times=3)
    await neighbour.reach(board.version + 3)
    assert slow.outlet.waiting() <= held
    assert slow.conflations == 1
    assert (neighbour.snapshots, board.snapshots) == (0, 0)

    board.raw.read_on()
    wanted = await fresh(hospital, "/beds", ROOM, "clinical")
    await board.settle(wanted)
    assert (board.snapshots, slow.conflations) == (1, 1)
    assert not slow.dirty
    await turn(hospital, bed)
    for one in (board, neighbour):
        await one.settle(await fresh(hospital, "/beds", ROOM, "clinical"))
    assert (board.snapshots, board.asked, neighbour.snapshots) == (1, 1, 0)


async def test_answers_and_snapshots_do_not_count_as_changes(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    board, slow = await slow_board(hospital, await client_as(Role.NURSE, ward="ICU"), board_of)
    for _ in range(60):
        slow.send("heartbeat", {"at": "", "heads": {}, "padding": "x" * FRAME_BYTES})
    await asyncio.sleep(0.05)
    assert slow.outlet.backlog() > CONFLATE_BYTES
    assert slow.outlet.waiting() == 0
    flood(hospital, 1)
    assert not slow.dirty
    board.raw.read_on()
    await until(lambda: slow.outlet.backlog() == 0)


async def test_a_client_that_takes_nothing_is_dropped_and_the_neighbours_go_on(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "STUCK_S", 0.5)
    (bed,) = await ward("ICU", beds=1)
    board, slow = await slow_board(hospital, await client_as(Role.NURSE, ward="ICU"), board_of)
    neighbour = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    await fill(hospital, slow)
    await until(lambda: slow.gone, 3)
    assert slow not in hospital.realtime.pulse.everyone()
    await turn(hospital, bed)
    await neighbour.settle(await fresh(hospital, "/beds", ROOM, "clinical"))
    assert not neighbour.raw.closed.is_set()
    board.raw.read_on()
    await board.raw.hung_up()


async def test_a_client_that_reads_slowly_but_reads_is_not_dropped(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "STUCK_S", 0.6)
    await ward("ICU", beds=1)
    board, slow = await slow_board(hospital, await client_as(Role.NURSE, ward="ICU"), board_of)
    await fill(hospital, slow)
    for _ in range(8):
        board.raw.read_on()
        await asyncio.sleep(0.01)
        board.raw.stop_reading()
        flood(hospital, 4)
        await asyncio.sleep(0.15)
    assert not slow.gone
    board.raw.read_on()
    await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))
    assert board.snapshots >= 1


async def test_who_asks_without_taking_the_answers_is_not_read_from(
    hospital: Hospital,
    client_as: ClientFactory,
    dial: RawFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the answers that wait for it would be without bound."""
    await ward("ICU", beds=40)
    raw = await dial(await client_as(Role.NURSE, ward="ICU"), "/beds", receive_buffer=4096)
    (subscriber,) = hospital.realtime.pulse.everyone()
    asked = 0
    subscribe = hospital.realtime.subscriptions.subscribe

    async def counted(*arguments: Any) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return await subscribe(*arguments)

    monkeypatch.setattr(hospital.realtime.subscriptions, "subscribe", counted)
    raw.stop_reading()
    for number in range(150):
        await raw.send(f'42/beds,{number}["subscribe",{{"room":"{ROOM}"}}]')
    await asyncio.sleep(1)
    assert 0 < asked < 100
    assert 0 < subscriber.outlet.backlog() < 2 * READY_BYTES
    raw.read_on()
    await until(lambda: sum(frame.startswith("43/") for frame in raw.frames) == 150)


async def test_the_acknowledgement_precedes_the_first_change_however_much_waits(
    hospital: Hospital,
    client_as: ClientFactory,
    dial: RawFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    raw = await dial(await client_as(Role.NURSE, ward="ICU"), "/beds", receive_buffer=4096)
    (subscriber,) = hospital.realtime.pulse.everyone()
    subscribe = hospital.realtime.subscriptions.subscribe
    joined = asyncio.Event()

    async def behind_much(*arguments: Any) -> dict[str, Any]:
        filler = Frame("/beds", "snapshot", b'{"room":"else","filler":"' + b"x" * 100_000 + b'"}')
        while subscriber.outlet.backlog() < 2 * READY_BYTES:
            subscriber.outlet.send(filler, counts=False)
        try:
            return await subscribe(*arguments)
        finally:
            joined.set()

    monkeypatch.setattr(hospital.realtime.subscriptions, "subscribe", behind_much)
    raw.stop_reading()
    await raw.send(f'42/beds,1["subscribe",{{"room":"{ROOM}"}}]')
    await asyncio.wait_for(joined.wait(), 5)
    await turn(hospital, bed)
    view = subscriber.rooms[ROOM]
    await until(lambda: view.head == view.version)
    raw.read_on()
    await until(lambda: bool(raw.events("change")))
    kinds = [frame[:19] for frame in raw.frames if frame.startswith(("43/", '42/beds,["change"'))]
    assert kinds[0].startswith("43/beds,1[")


async def test_a_connection_that_is_being_closed_joins_nothing(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, ward: WardFactory
) -> None:
    """Its session may be over; what it was sent before may take two seconds to leave."""
    await ward("ICU", beds=1)
    raw = await dial(await client_as(Role.NURSE, ward="ICU"), "/beds", receive_buffer=4096)
    (subscriber,) = hospital.realtime.pulse.everyone()
    raw.stop_reading()
    filler = Frame("/beds", "snapshot", b'"' + b"x" * 100_000 + b'"')
    while subscriber.outlet.backlog() < 2 * READY_BYTES:
        subscriber.outlet.send(filler, counts=False)
    await subscriber.outlet.close()
    assert not subscriber.gone
    with pytest.raises(HmsError, match="closing"):
        await hospital.realtime.subscriptions.subscribe(subscriber, Subscribe(room=ROOM))
    assert subscriber.rooms == {}
    sent = subscriber.outlet.backlog()
    subscriber.send("change", {"room": ROOM})
    assert subscriber.outlet.backlog() <= sent


async def test_heartbeats_do_not_pile_up_for_a_client_that_hardly_reads(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    """One that takes a little every few seconds is never dropped."""
    await ward("ICU", beds=1)
    board, slow = await slow_board(hospital, await client_as(Role.NURSE, ward="ICU"), board_of)
    while slow.outlet.backlog() <= READY_BYTES:
        slow.send("filler", {"padding": "x" * 50_000})
    held = slow.outlet.backlog()
    for _ in range(10):
        hospital.realtime.pulse._serve(slow)
    assert slow.outlet.backlog() <= held
    board.raw.read_on()
    await until(lambda: slow.outlet.backlog() == 0)
    hospital.realtime.pulse._serve(slow)
    await until(lambda: len(board.raw.events("heartbeat")) >= 1)
