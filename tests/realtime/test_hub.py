"""Streams across processes and across time: lost messages, dead Redis, restored databases."""

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.app import Hospital
from hms_rt.kernel.principal import Role
from hms_rt.realtime import hub as hub_module
from hms_rt.realtime import sweeps
from hms_rt.realtime.wire import Since, Subscribe
from hms_rt.storage import change_log
from hms_rt.storage.change_log import LogEntry
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.conftest import BoardFactory, OtherFactory, RawFactory, fresh, turn
from tests.realtime.raw import until

ROOM, STREAM = "ward:ICU", "beds/ward:ICU"


@pytest.fixture
def no_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hubs that start from here on sweep only when something wakes them."""
    monkeypatch.setattr(sweeps, "SWEEP_S", 60.0)


async def sql(hospital: Hospital, *statements: str) -> None:
    """Behind the server's back, in one transaction."""
    async with hospital.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def subscribed(hospital: Hospital, processes: int) -> None:
    """Wait until so many processes hear the ward's stream over Redis."""
    channel = hospital._bus._prefix + STREAM
    while (await hospital._bus._redis.pubsub_numsub(channel))[0][1] < processes:
        await asyncio.sleep(0.01)


async def test_a_change_in_one_process_reaches_a_board_of_another(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
    no_sweeps: None,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    other, there = await another()
    board = await board_of(nurse, ROOM, to=there)
    await subscribed(other, 1)
    before = other.hub._sweeps.done
    await turn(hospital, bed)
    await board.reach(board.version + 1)
    assert board.state == await fresh(hospital, "/beds", ROOM, "clinical")
    assert other.hub._sweeps.done == before


async def test_with_the_bus_of_a_process_dead_the_sweep_delivers(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    other, there = await another()
    board = await board_of(nurse, ROOM, to=there)
    await other._bus.stop()
    for _ in range(3):
        await turn(hospital, bed)
        await board.reach(board.version + 1)
    assert board.state == await fresh(hospital, "/beds", ROOM, "clinical")


async def test_what_redis_lost_is_read_from_the_change_log(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
    no_sweeps: None,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    other, there = await another()
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM, to=there)
    await subscribed(other, 1)
    head = board.version
    lossy(other, lost={head + 1, head + 2, head + 4})
    await turn(hospital, bed, times=2)
    assert board.version == head
    await turn(hospital, bed)
    await board.reach(head + 3)
    await turn(hospital, bed, times=2)
    await board.reach(head + 5)
    assert board.state == await fresh(hospital, "/beds", ROOM, "clinical")


async def test_a_gap_longer_than_the_ring_ends_in_one_snapshot(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
    no_sweeps: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "RING", 3)
    (bed,) = await ward("ICU", beds=1)
    other, there = await another()
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM, to=there)
    await subscribed(other, 1)
    head = board.version
    lossy(other, lost=set(range(head, head + 8)))
    await turn(hospital, bed, times=8)
    await board.reach(head + 8)
    assert board.snapshots >= 1
    assert board.state == await fresh(hospital, "/beds", ROOM, "clinical")


def lossy(hospital: Hospital, lost: set[int]) -> None:
    """From now on Redis loses these versions of the ward's stream on the way to ``hospital``."""
    take = hospital._bus._received

    def received(epoch: uuid.UUID, entry: LogEntry) -> None:
        if entry.stream != STREAM or entry.version not in lost:
            take(epoch, entry)

    hospital._bus._received = received


async def test_more_changes_than_a_sweep_takes_still_arrive(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
    no_sweeps: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(change_log, "SWEEP_LIMIT", 3)
    beds = await ward("ICU", beds=2)
    other, there = await another()
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM, to=there)
    await other._bus.stop()
    for bed in beds:
        await turn(hospital, bed, times=5)
    other.hub.wake()
    await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))


# --- back in time


async def test_a_new_epoch_gives_every_client_a_snapshot(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    clinical = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    staff = await board_of(await client_as(Role.RECEPTION), ROOM)
    old = {clinical.epoch, staff.epoch}
    assert len(old) == 2
    await sql(hospital, "UPDATE stream_epoch SET epoch = gen_random_uuid()")
    for board in (clinical, staff):
        await until(lambda board=board: board.snapshots == 1)  # type: ignore[misc]
        assert board.epoch not in old
    await turn(hospital, bed)
    for board in (clinical, staff):
        await board.settle(await fresh(hospital, "/beds", ROOM, board.audience))
        assert board.asked == 1


async def test_a_new_epoch_while_the_database_stumbles_leaves_no_board_behind(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    (bed,) = await ward("ICU", beds=1)
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    read, failures = hospital.hub._readers[STREAM], [1, 2]

    async def stumble(connection: AsyncConnection) -> Any:
        if failures:
            failures.pop()
            raise OperationalError("SELECT", {}, ConnectionResetError())
        return await read(connection)

    hospital.hub._readers[STREAM] = stumble
    await sql(hospital, "UPDATE stream_epoch SET epoch = gen_random_uuid()")
    await until(lambda: board.snapshots == 1)
    assert not failures
    await turn(hospital, bed)
    await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))


async def test_a_ward_that_a_restore_took_away_is_revoked(
    hospital: Hospital, client_as: ClientFactory, board_of: BoardFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    board = await board_of(await client_as(Role.RECEPTION), ROOM)

    async def gone(connection: AsyncConnection) -> None:
        return None

    hospital.hub._readers[STREAM] = gone
    await sql(hospital, "UPDATE stream_epoch SET epoch = gen_random_uuid()")
    await until(lambda: board.revoked is not None)
    assert board.revoked == "unknown_room"


async def test_two_clients_ahead_of_the_head_tell_that_the_database_went_back_and_one_alone_troubles_nobody(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    dial: RawFactory,
    ward: WardFactory,
) -> None:
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    neighbour = await board_of(nurse, ROOM)
    await sql(hospital, "UPDATE stream_epoch SET changed_at = now() - interval '1 hour'")
    raw = await dial(nurse, "/beds")
    since = {"epoch": neighbour.epoch, "version": neighbour.version + 5}
    old = neighbour.epoch
    for _ in range(3):
        answer = await raw.call("/beds", "subscribe", {"room": ROOM, "since": since})
        assert (answer["mode"], answer["epoch"]) == ("snapshot", old)
    swept = hospital.hub._sweeps.done
    await until(lambda: hospital.hub._sweeps.done > swept + 1)
    assert neighbour.snapshots == 0
    second = await dial(await client_as(Role.NURSE, ward="ICU"), "/beds")
    assert (await second.call("/beds", "subscribe", {"room": ROOM, "since": since}))["mode"] == "snapshot"
    await until(lambda: neighbour.snapshots == 1)
    assert neighbour.epoch != old
    assert not neighbour.broken


async def test_a_head_that_moves_backwards_gives_a_new_epoch(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeps, "HEADS_EVERY", 1)
    (bed,) = await ward("ICU", beds=1)
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    old, head = board.epoch, board.version
    await sql(
        hospital,
        "SET LOCAL session_replication_role = replica",
        f"UPDATE stream_head SET version = version - 1 WHERE stream = '{STREAM}'",
        f"DELETE FROM change_log WHERE stream = '{STREAM}' AND version = {head}",
        "UPDATE stream_epoch SET changed_at = now() - interval '1 hour'",
    )
    await until(lambda: board.snapshots >= 1)
    assert board.epoch != old
    assert board.version == head - 1
    await turn(hospital, bed)
    await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))


async def test_a_stream_dropped_while_somebody_waits_for_it_is_followed_again(hospital: Hospital) -> None:
    """Else the board that waited shows a state that nothing feeds, and looks current."""
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def read(connection: AsyncConnection) -> dict[str, Any]:
        reading.set()
        await go_on.wait()
        return {}

    waiting = asyncio.create_task(hospital.hub.follow(STREAM, read))
    await asyncio.wait_for(reading.wait(), 5)
    hospital.hub.unfollow(STREAM)
    go_on.set()
    follower = await waiting
    assert hospital.hub.followers[STREAM] is follower


async def test_changes_of_one_epoch_are_never_told_as_those_of_the_next(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database is restored while the log is read for a client that resumes."""
    (bed,) = await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    board = await board_of(nurse, ROOM)
    head = board.version + 3
    await turn(hospital, bed, times=3)
    await board.reach(head)
    (subscriber,) = hospital.realtime.pulse.everyone()
    view = subscriber.rooms[ROOM]
    since = Since(epoch=view.epoch, version=board.version - 2)
    view.follower.ring.clear()
    read = hospital.hub.since

    async def restored_meanwhile(stream: str, version: int) -> list[LogEntry]:
        entries = await read(stream, version)
        await sql(hospital, "UPDATE stream_epoch SET epoch = gen_random_uuid()")
        before = hospital.hub.epoch
        await until(lambda: hospital.hub.epoch != before and view.follower.version is not None)
        return entries

    monkeypatch.setattr(hospital.hub, "since", restored_meanwhile)
    answer = await hospital.realtime.subscriptions.subscribe(subscriber, Subscribe(room=ROOM, since=since))
    assert (answer["mode"], answer["epoch"]) == ("snapshot", view.epoch)
    assert answer["epoch"] != since.epoch
