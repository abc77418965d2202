"""After a commit: boards here first, Redis second; neither holds the other up or grows without bound."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.app import Hospital
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Role
from hms_rt.realtime import publisher as module
from hms_rt.realtime.publisher import Publisher
from hms_rt.storage import change_log
from hms_rt.storage.change_log import LogEntry
from tests.conftest import ClientFactory, WardFactory
from tests.realtime.conftest import BoardFactory, fresh, turn
from tests.realtime.raw import until

ROOM = "ward:ICU"


class Reading:
    """Stands between a publisher and the change log."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.failing = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._read = change_log.by_transactions

    async def __call__(self, engine: AsyncEngine, xids: Sequence[int]) -> list[LogEntry]:
        self.batches.append(len(xids))
        await self.gate.wait()
        if self.failing:
            raise HmsError(Code.UNAVAILABLE, "the database is away")
        return await self._read(engine, xids)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    made = Reading()
    monkeypatch.setattr(change_log, "by_transactions", made)
    return made


@pytest_asyncio.fixture
async def publisher(hospital: Hospital) -> AsyncIterator[Publisher]:
    """One beside the hospital's own."""
    made = Publisher(hospital.engine, hospital.hub, hospital._bus)
    made.start()
    yield made
    await made.stop()


async def test_boards_here_do_not_wait_for_redis(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Redis hangs for the whole test, and no sweep helps."""
    (bed,) = await ward("ICU", beds=1)
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    hanging = asyncio.Event()

    async def publish(epoch: uuid.UUID, entries: Sequence[LogEntry]) -> bool:
        hanging.set()
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr(hospital._bus, "publish", publish)
    await hospital.hub._sweeps.stop()
    await turn(hospital, bed)
    await hanging.wait()
    await turn(hospital, bed, times=3)
    await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))
    assert len(board.changes) == 4


async def test_what_waits_is_bounded_and_read_in_batches(
    hospital: Hospital, publisher: Publisher, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 500)
    reading.gate.clear()
    publisher.committed(1)
    await until(lambda: reading.batches == [1])
    for xid in range(2_000):
        publisher.committed(xid)
    assert publisher.backlog == 500
    reading.gate.set()
    await until(lambda: publisher.backlog == 0)
    assert reading.batches == [1, 200, 200, 99]


async def test_a_read_that_fails_is_left_to_the_sweeps_and_the_next_goes_on(
    hospital: Hospital,
    client_as: ClientFactory,
    board_of: BoardFactory,
    ward: WardFactory,
    reading: Reading,
) -> None:
    (bed,) = await ward("ICU", beds=1)
    board = await board_of(await client_as(Role.NURSE, ward="ICU"), ROOM)
    reading.failing = True
    await turn(hospital, bed, times=2)
    await board.reach(board.version + 2)
    reading.failing = False
    await hospital.hub._sweeps.stop()
    await turn(hospital, bed)
    await board.settle(await fresh(hospital, "/beds", ROOM, "clinical"))


async def test_after_redis_failed_it_is_left_alone_for_a_while(
    hospital: Hospital, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def publish(epoch: uuid.UUID, entries: Sequence[LogEntry]) -> bool:
        asked.append(len(entries))
        return False

    monkeypatch.setattr(hospital._bus, "publish", publish)
    monkeypatch.setattr(module, "SILENT_S", 60.0)
    entry = LogEntry("s", 1, hospital.clock.now(), [])
    publisher._outgoing.extend([entry] * 1_200)
    publisher._to_tell.set()
    await until(lambda: asked == [module.TELL_AT_ONCE])
    publisher._outgoing.extend([entry] * 30_000)
    publisher._to_tell.set()
    await asyncio.sleep(0.05)
    assert asked == [module.TELL_AT_ONCE]
    assert len(publisher._outgoing) == module.MAX_WAITING


async def test_stopping_publishes_what_waits(
    hospital: Hospital, publisher: Publisher, ward: WardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[LogEntry] = []

    async def publish(epoch: uuid.UUID, entries: Sequence[LogEntry]) -> bool:
        told.extend(entries)
        return True

    (bed,) = await ward("ICU", beds=1)
    monkeypatch.setattr(hospital._bus, "publish", publish)
    hospital.units.committed = publisher.committed
    await turn(hospital, bed)
    await publisher.stop()
    assert f"beds/{ROOM}" in {entry.stream for entry in told}
