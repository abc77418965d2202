"""Accesses outside commands: each accounted for before anything is shown, however many share a commit."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from hms_rt.app import Hospital
from hms_rt.departments.audit.schemas import SealQuery
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.storage import access_trail
from hms_rt.storage.access_trail import Access, AccessTrail
from tests.conftest import ClientFactory, SocketFactory, WardFactory, command
from tests.realtime.raw import until


def access(number: int = 0) -> Access:
    nurse = Principal(PrincipalKind.USER, uuid.uuid4(), uuid.uuid4(), "Nina", frozenset({Role.NURSE}))
    return Access(nurse, "room.join", "room", f"/beds ward:{number}", {"audience": "clinical"}, "10.0.0.7")


class Writes:
    """What goes to the database; the test holds it up or breaks it."""

    def __init__(self, trail: AccessTrail, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: BaseException | None = None
        self._write = trail._write
        monkeypatch.setattr(trail, "_write", self._held)

    async def _held(self, accesses: Sequence[Access]) -> None:
        self.sizes.append(len(accesses))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        await self._write(accesses)


@pytest_asyncio.fixture
async def trail(hospital: Hospital) -> AsyncIterator[AccessTrail]:
    made = AccessTrail(hospital.engine, hospital.clock, hospital.ids)
    yield made
    await made.close()


@pytest.fixture
def writes(trail: AccessTrail, monkeypatch: pytest.MonkeyPatch) -> Writes:
    return Writes(trail, monkeypatch)


async def lines(hospital: Hospital) -> list[Any]:
    async with hospital.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT * FROM audit_log WHERE action = 'room.join' ORDER BY id")
        )
        return list(found)


async def test_many_at_once_share_commits_and_every_line_is_there(
    hospital: Hospital, trail: AccessTrail, writes: Writes
) -> None:
    several = [access(number) for number in range(1_200)]
    await asyncio.gather(*(trail.account(one) for one in several))
    assert sum(writes.sizes) == 1_200
    assert max(writes.sizes) == access_trail.BATCH
    assert len(writes.sizes) <= 4
    stored = await lines(hospital)
    assert [line.entity_id for line in stored] == [one.entity_id for one in several]
    assert len({line.request_id for line in stored}) == 1_200
    first = stored[0]
    assert (first.principal_kind, first.principal_id) == ("user", several[0].principal.id)
    assert (first.session_id, first.outcome, first.entity) == (
        several[0].principal.session_id,
        "allowed",
        "room",
    )
    assert (first.patient_id, first.detail, first.address) == (None, {"audience": "clinical"}, "10.0.0.7")
    assert first.at == hospital.clock.now()


async def test_nobody_goes_on_before_the_line_is_durable(
    hospital: Hospital, trail: AccessTrail, writes: Writes
) -> None:
    writes.gate.clear()
    going = asyncio.create_task(trail.account(access()))
    await asyncio.sleep(0.05)
    assert not going.done()
    assert await lines(hospital) == []
    writes.gate.set()
    await going
    assert len(await lines(hospital)) == 1


async def test_who_gives_up_hurts_no_other(hospital: Hospital, trail: AccessTrail, writes: Writes) -> None:
    writes.gate.clear()
    first = asyncio.create_task(trail.account(access(1)))
    await asyncio.sleep(0)
    others = [asyncio.create_task(trail.account(access(number))) for number in (2, 3, 4)]
    await asyncio.sleep(0.01)
    first.cancel()
    others[1].cancel()
    await asyncio.sleep(0)
    writes.gate.set()
    await asyncio.gather(others[0], others[2])
    assert {line.entity_id for line in await lines(hospital)} >= {"/beds ward:2", "/beds ward:4"}
    assert "/beds ward:3" not in {line.entity_id for line in await lines(hospital)}


async def test_a_failure_reaches_everybody_in_the_batch_and_the_next_batch_goes_on(
    hospital: Hospital, trail: AccessTrail, writes: Writes
) -> None:
    writes.failure = OperationalError("INSERT", {}, ConnectionResetError(), connection_invalidated=True)
    outcomes = await asyncio.gather(*(trail.account(access()) for _ in range(5)), return_exceptions=True)
    assert [getattr(one, "code", None) for one in outcomes] == [Code.UNAVAILABLE] * 5
    assert len({id(one) for one in outcomes}) == 5
    writes.failure = ZeroDivisionError()
    with pytest.raises(RuntimeError):
        await trail.account(access())
    writes.failure = None
    await trail.account(access())
    assert len(await lines(hospital)) == 1


async def test_too_many_at_once_are_told_to_come_back(
    trail: AccessTrail, writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_trail, "MAX_WAITING", 10)
    writes.gate.clear()
    under_way = asyncio.create_task(trail.account(access()))
    await until(lambda: writes.sizes == [1])
    waiting = [asyncio.create_task(trail.account(access())) for _ in range(10)]
    await asyncio.sleep(0)
    with pytest.raises(HmsError) as refusal:
        await asyncio.wait_for(trail.account(access()), 5)
    assert refusal.value.code is Code.UNAVAILABLE
    writes.gate.set()
    await asyncio.gather(under_way, *waiting)


async def test_lines_that_share_a_commit_are_sealed_like_all_others(
    hospital: Hospital, trail: AccessTrail
) -> None:
    await asyncio.gather(*(trail.account(access(number)) for number in range(50)))
    assert await hospital.services.audit.seal() == 50
    await asyncio.gather(*(trail.account(access(number)) for number in range(50)))
    assert await hospital.services.audit.seal() == 50
    officer = Principal(PrincipalKind.USER, uuid.uuid4(), uuid.uuid4(), "Ada", frozenset({Role.ADMIN}))
    report = await hospital.services.audit.verify(officer, command(), SealQuery())
    assert (report.broken, report.lines) == (None, 100)


async def test_joins_of_a_room_that_shows_patients_are_accounted_for_once_each(
    hospital: Hospital, client_as: ClientFactory, socket_of: SocketFactory, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    nurse = await client_as(Role.NURSE, ward="ICU")
    sockets = [await socket_of(nurse, "/beds") for _ in range(5)]
    joined = await asyncio.gather(
        *(socket.call("subscribe", {"room": "ward:ICU"}, namespace="/beds") for socket in sockets)
    )
    assert all(answer["ok"] for answer in joined)
    await sockets[0].call("subscribe", {"room": "ward:ICU"}, namespace="/beds")
    stored = await lines(hospital)
    assert [(line.entity_id, line.detail) for line in stored] == [
        ("/beds ward:ICU", {"audience": "clinical"})
    ] * 5
