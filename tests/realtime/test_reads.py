"""Reads of the database for boards: shared, bounded, and never in the way of sweeps."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hms_rt.app import Hospital
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Role
from hms_rt.realtime import hub as hub_module
from hms_rt.realtime import subscriptions
from hms_rt.realtime.hub import CONCURRENT_READS
from hms_rt.storage import change_log
from hms_rt.storage.change_log import LogEntry
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.board import Board
from tests.realtime.conftest import BoardFactory, OtherFactory, RawFactory, fresh, turn
from tests.realtime.raw import until

ROOM, STREAM = "ward:ICU", "beds/ward:ICU"


class Gate:
    """Holds reads of the change log up, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = asyncio.Event()
        self.reads: list[tuple[str, int]] = []
        self.at_once = self.most_at_once = 0
        self._since = change_log.since
        monkeypatch.setattr(change_log, "since", self)

    async def __call__(self, engine: AsyncEngine, stream: str, version: int, most: int) -> Sequence[LogEntry]:
        self.reads.append((stream, version))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self.open.wait()
            return await self._since(engine, stream, version, most)
        finally:
            self.at_once -= 1


async def test_boards_that_come_back_at_once_from_the_same_version_share_a_read(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    dial: RawFactory,
    another: OtherFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    reception = await client_as(Role.RECEPTION)
    boards: list[Board] = [await board_of(reception, ROOM) for _ in range(20)]
    await turn(hospital, bed, times=3)
    for board in boards:
        await board.raw.close()
    await turn(hospital, bed, times=2)
    other, there = await another()  # it starts with an empty ring
    gate = Gate(monkeypatch)
    moving = [asyncio.create_task(board.move(await dial(reception, "/beds", to=there))) for board in boards]
    await until(lambda: other.realtime.busy == len(boards), 20)
    gate.open.set()
    await asyncio.gather(*moving)
    wanted = await fresh(hospital, "/beds", ROOM, "staff")
    for board in boards:
        assert board.state == wanted
        assert board.modes[-1] == "resume"
    assert len(gate.reads) <= len({version for _, version in gate.reads}) < 5


async def test_gaps_of_many_streams_are_filled_a_few_at_a_time_while_sweeps_go_on(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis lost something of every room and PostgreSQL is slow."""
    gate = Gate(monkeypatch)
    followers = [await hospital.hub.follow(f"s{number}", _empty) for number in range(50)]
    for follower in followers:
        hospital.hub.offer(LogEntry(follower.stream, 2, hospital.clock.now(), []))
    await until(lambda: gate.at_once == CONCURRENT_READS)
    swept = hospital.hub._sweeps.done
    await until(lambda: hospital.hub._sweeps.done > swept + 1)
    assert gate.most_at_once == CONCURRENT_READS
    gate.open.set()
    await until(lambda: len(gate.reads) == 50)
    assert gate.most_at_once == CONCURRENT_READS


async def test_states_that_load_slowly_hold_up_no_sweep_and_are_given_up_in_time(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "LOAD_S", 1.0)
    never = asyncio.Event()

    async def slowly(connection: AsyncConnection) -> Any:
        await never.wait()
        return {}

    loads = [asyncio.create_task(hospital.hub.follow(f"s{number}", slowly)) for number in range(8)]
    swept = hospital.hub._sweeps.done
    await until(lambda: hospital.hub._sweeps.done > swept + 1)
    outcomes = await asyncio.gather(*loads, return_exceptions=True)
    assert {outcome.code for outcome in outcomes if isinstance(outcome, HmsError)} == {Code.UNAVAILABLE}
    assert len(outcomes) == 8
    assert not [stream for stream in hospital.hub.followers if stream.startswith("s")]


async def test_a_subscribe_that_waits_too_long_is_told_to_come_back(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "SUBSCRIBE_S", 0.2)
    raw = await dial(await client_as(Role.RECEPTION), "/beds")

    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(hospital.realtime.subscriptions, "_account", never)
    error = (await raw.call("/beds", "subscribe", {"room": "hospital"}))["error"]
    assert error["code"] == "unavailable"
    assert error["retry_after_ms"] > 0
    monkeypatch.undo()
    assert (await raw.call("/beds", "subscribe", {"room": "hospital"}))["ok"]


async def _empty(connection: Any) -> dict[str, Any]:
    return {}


async def test_a_join_is_accounted_for_with_room_audience_and_address(
    hospital: Hospital, client_as: ClientFactory, dial: RawFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    raw = await dial(await client_as(Role.NURSE, ward="ICU"), "/beds")
    for _ in range(2):  # asking again for what one has is no second access
        assert (await raw.call("/beds", "subscribe", {"room": "ward:ICU"}))["ok"]
    async with hospital.engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT outcome, entity, entity_id, detail, address FROM audit_log WHERE action = 'room.join'"
            )
        )
        rows = [tuple(row) for row in found]
    assert rows == [("allowed", "room", "/beds ward:ICU", {"audience": "clinical"}, "127.0.0.1")]
