"""What a sweep reads: all that was committed, each once, and no more because the rest is large or slow."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.app import Hospital, Stores
from hms_rt.kernel.principal import Role
from hms_rt.realtime import sweeps
from hms_rt.storage import change_log
from hms_rt.storage.change_log import LogEntry, Sweep
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.conftest import BoardFactory, OtherFactory, fresh, turn
from tests.realtime.raw import until

ROOM, STREAM = "ward:ICU", "beds/ward:ICU"


async def write(hospital: Hospital, *streams: str) -> None:
    """One transaction that puts one change on each stream."""
    changes = {stream: [{"op": "put", "key": "k", "value": {}, "cause": "status"}] for stream in streams}
    async with hospital.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO change_batch (changes) VALUES (CAST(:changes AS jsonb))"),
            {"changes": json.dumps(changes)},
        )


async def sweep_after(hospital: Hospital, before: Sweep) -> Sweep:
    return await change_log.sweep(hospital.engine, before.snapshot)


@contextmanager
def deaf(hospital: Hospital) -> Iterator[None]:
    """Own commits are not read back: only sweeps tell."""
    before, hospital.units.committed = hospital.units.committed, lambda xid: None
    yield
    hospital.units.committed = before


async def connect(stores: Stores) -> asyncpg.Connection:
    url = make_url(stores.postgres_uri)
    return await asyncpg.connect(
        host=url.query.get("host") or url.host, port=url.port, user=url.username, database=url.database
    )


async def test_each_commit_is_told_once_in_whatever_order_transactions_end(
    hospital: Hospital, stores: Stores
) -> None:
    late = await connect(stores)
    try:
        at = await change_log.start(hospital.engine)
        transaction = late.transaction()
        await transaction.start()
        await late.execute("""INSERT INTO change_batch (changes) VALUES ('{"a": [{"op": "remove"}]}')""")
        await write(hospital, "b")
        first = await sweep_after(hospital, at)
        assert first.moved == {"b": 1}
        second = await sweep_after(hospital, first)
        assert second.moved == {}
        await write(hospital, "b", "c")
        await transaction.commit()
        third = await sweep_after(hospital, second)
        assert third.moved == {"a": 1, "b": 2, "c": 1}
        assert (await sweep_after(hospital, third)).moved == {}
    finally:
        await late.close()


async def test_a_transaction_that_stays_open_for_hours_makes_no_sweep_dearer(
    hospital: Hospital, stores: Stores, ward: WardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import or an analyst's forgotten session: rows that were read are not read again."""
    monkeypatch.setattr(change_log, "SWEEP_LIMIT", 20)
    forgotten = await connect(stores)
    try:
        transaction = forgotten.transaction()
        await transaction.start()
        await forgotten.execute("SELECT pg_current_xact_id()")
        at = await change_log.start(hospital.engine)
        for _ in range(3):
            for number in range(15):
                await write(hospital, f"s{number}")
            at = await sweep_after(hospital, at)
            assert len(at.moved) == 15
            assert not at.overflow
        at = await sweep_after(hospital, at)
        assert at.moved == {}
        await forgotten.execute(
            """INSERT INTO change_batch (changes) VALUES ('{"s1": [{"op": "remove"}]}')"""
        )
        await transaction.commit()
        assert (await sweep_after(hospital, at)).moved == {"s1": 4}
    finally:
        await forgotten.close()


async def test_boards_follow_while_a_transaction_stays_open(
    hospital: Hospital,
    stores: Stores,
    client_as: ClientFactory,
    board_of: BoardFactory,
    another: OtherFactory,
    ward: WardFactory,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    forgotten = await connect(stores)
    try:
        transaction = forgotten.transaction()
        await transaction.start()
        await forgotten.execute("SELECT pg_current_xact_id()")
        other, there = await another()
        board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM, to=there)
        await other._bus.stop()
        for _ in range(3):
            await turn(hospital, bed)
            await board.reach(board.version + 1)
        await transaction.rollback()
        await turn(hospital, bed)
        await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))
    finally:
        await forgotten.close()


async def plan(engine: AsyncEngine, query: Any, values: Mapping[str, Any]) -> str:
    async with engine.connect() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))  # the test's tables are small
        rows = await connection.execute(text(f"EXPLAIN {query.text}"), values)
        return "\n".join(row[0] for row in rows)


async def test_no_read_of_the_change_log_scans_it_nor_opens_the_months_long_past(hospital: Hospital) -> None:
    async with hospital.engine.begin() as connection:
        await connection.execute(
            text("SELECT hms_make_partitions(clock_timestamp() - interval '2 years', 24)")
        )
    arrays = {"streams": ["a", "b"], "versions": [1, 2]}
    plans = {
        "sweep": await plan(
            hospital.engine, change_log._SWEEP, {"since": 1, "running": [1], "most": change_log.SWEEP_LIMIT}
        ),
        "by transaction": await plan(hospital.engine, change_log._BY_XID, {"xids": [1]}),
        "since": await plan(hospital.engine, change_log._SINCE, {"stream": "a", "version": 1, "most": 1}),
        "after": await plan(hospital.engine, change_log._AFTER, {**arrays, "most": 1}),
        "different": await plan(hospital.engine, change_log._DIFFERENT, arrays),
    }
    for name, told in plans.items():
        assert "Seq Scan on change_log" not in told, told
        assert "Seq Scan on stream_head" not in told, told
        if name in {"sweep", "by transaction"}:
            assert "Subplans Removed" in told, told


async def test_streams_that_are_loading_miss_nothing_that_a_sweep_tells(
    hospital: Hospital, ward: WardFactory, client_as: ClientFactory, board_of: BoardFactory
) -> None:
    """The state was read before the commit and arrives after the sweep."""
    (bed,) = await ward("ICU", beds=1)
    kind, argument = hospital.rooms.find("/beds", ROOM)
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection: Any) -> Any:
        state = await kind.streams.read(connection, argument)
        reading.set()
        await go_on.wait()
        return state

    with deaf(hospital):
        following = asyncio.create_task(hospital.hub.follow(STREAM, slowly))
        await reading.wait()
        await turn(hospital, bed)
        swept = hospital.hub._sweeps.done
        await until(lambda: hospital.hub._sweeps.done > swept + 1)
        go_on.set()
        follower = await following
        await until(lambda: follower.version == follower.promised)
    assert follower.state == await kind_state(hospital)


async def kind_state(hospital: Hospital) -> Any:
    kind, argument = hospital.rooms.find("/beds", ROOM)
    async with hospital.engine.connect() as connection:
        return await kind.streams.read(connection, argument)


async def test_many_waking_calls_make_few_sweeps(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis that flaps, or messages of another epoch, must not turn into a stream of queries."""
    monkeypatch.setattr(sweeps, "PAUSE_S", 0.2)
    entry = LogEntry(STREAM, 1, hospital.clock.now(), [])
    done, began = hospital.hub._sweeps.done, time.monotonic()
    for _ in range(100):
        hospital.hub.take(uuid.uuid4(), entry)
        await asyncio.sleep(0.005)
    most = (time.monotonic() - began) / sweeps.PAUSE_S + 2
    assert 1 <= hospital.hub._sweeps.done - done <= most < 100


async def test_heads_of_every_stream_are_compared_in_turn(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With sweeps that tell nothing, the comparison alone finds what moved, a share in each sweep."""
    monkeypatch.setattr(sweeps, "SWEEP_S", 0.02)
    monkeypatch.setattr(sweeps, "PAUSE_S", 0.0)
    asked: list[int] = []
    different = change_log.different

    async def counted(engine: AsyncEngine, known: Mapping[str, int]) -> dict[str, int]:
        asked.append(len(known))
        return await different(engine, known)

    async def nothing(engine: AsyncEngine, before: change_log.Snapshot) -> Sweep:
        found = await change_log.start(engine)
        return Sweep(found.epoch, found.snapshot, {}, overflow=False)

    monkeypatch.setattr(change_log, "different", counted)
    monkeypatch.setattr(change_log, "sweep", nothing)
    followers = [await hospital.hub.follow(f"s{number}", _empty) for number in range(40)]
    with deaf(hospital):
        await write(hospital, *(follower.stream for follower in followers))
        await until(_all_at(followers, 1))
    assert max(asked) <= 5


def _all_at(followers: list[Any], version: int) -> Callable[[], bool]:
    return lambda: all(follower.version == version for follower in followers)


async def _empty(connection: Any) -> dict[str, Any]:
    return {}


async def test_transaction_ids_that_run_backwards_make_every_head_be_compared_at_once(
    hospital: Hospital,
) -> None:
    """The database was moved to a server that counts from the beginning: nothing would seem new for long."""
    followers = [await hospital.hub.follow(f"s{number}", _empty) for number in range(40)]
    await hospital.hub._sweeps.stop()
    with deaf(hospital):
        await write(hospital, *(follower.stream for follower in followers))
    hospital.hub._sweeps._before = change_log.Snapshot(1 << 60, ())
    await hospital.hub._sweeps._sweep()
    assert {follower.version for follower in followers} == {1}
    assert hospital.hub._sweeps._before.end < 1 << 60


async def test_a_stream_far_behind_is_loaded_anew_and_others_are_read(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "CATCH_UP", 3)
    states: list[str] = []

    async def read(connection: Any) -> dict[str, Any]:
        states.append("read")
        return {}

    far, near = await hospital.hub.follow("far", read), await hospital.hub.follow("near", _empty)
    await hospital.hub._sweeps.stop()
    with deaf(hospital):
        for _ in range(5):
            await write(hospital, "far")
        await write(hospital, "near", "far")
    await hospital.hub._sweeps._sweep()
    assert (far.version, near.version) == (6, 1)
    assert len(states) == 2
    assert [entry.version for entry in near.ring] == [1]
