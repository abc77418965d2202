"""The cache of principals never outlives a change of rights that this process has heard of."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from hms_rt.departments.identity.service import Principals, principals
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, PrincipalKind

WHO, SESSION = uuid.uuid4(), uuid.uuid4()


class Database:
    def __init__(self) -> None:
        self.reads = 0
        self.version = 1
        self.until: datetime | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self, session_id: uuid.UUID, kind: PrincipalKind) -> Principal:
        self.reads += 1
        found = Principal(kind, WHO, session_id, "Nina", rights_version=self.version, until=self.until)
        await self.gate.wait()
        return found


async def test_a_principal_is_read_once_while_fresh_and_each_time_while_not() -> None:
    database, fresh = Database(), [True]
    asked = Principals(database.load, lambda: fresh[0])
    for _ in range(3):
        await asked.of(SESSION, PrincipalKind.USER)
    assert database.reads == 1
    fresh[0] = False
    await asked.of(SESSION, PrincipalKind.USER)
    assert database.reads == 2


async def test_it_is_dropped_by_session_by_person_and_all_at_once() -> None:
    database = Database()
    asked = Principals(database.load, lambda: True)
    for drop in (str(SESSION), str(WHO), "unreadable"):
        await asked.of(SESSION, PrincipalKind.USER)
        before = database.reads
        asked.drop(drop)
        await asked.of(SESSION, PrincipalKind.USER)
        assert database.reads == before + 1


async def test_a_token_that_saw_newer_rights_makes_it_look_again() -> None:
    database = Database()
    asked = Principals(database.load, lambda: True)
    await asked.of(SESSION, PrincipalKind.USER)
    database.version = 2
    assert (await asked.of(SESSION, PrincipalKind.USER, at_least=2)).rights_version == 2


async def test_a_read_that_a_change_overtook_is_neither_answered_nor_kept() -> None:
    """Whoever asked would watch for changes from now on, and never hear of this one."""
    database = Database()
    asked = Principals(database.load, lambda: True)
    database.gate.clear()
    reading = asyncio.create_task(asked.of(SESSION, PrincipalKind.USER))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert database.reads == 1
    database.version = 2
    asked.drop(str(WHO))
    database.gate.set()
    assert (await reading).rights_version == 2
    assert (await asked.of(SESSION, PrincipalKind.USER)).rights_version == 2
    assert database.reads == 2


async def test_who_asks_at_once_shares_a_read_and_giving_up_hurts_no_other() -> None:
    database = Database()
    asked = Principals(database.load, lambda: True)
    database.gate.clear()
    several = [asyncio.create_task(asked.of(SESSION, PrincipalKind.USER)) for _ in range(50)]
    await asyncio.sleep(0)
    several[0].cancel()
    await asyncio.sleep(0)
    database.gate.set()
    found = await asyncio.gather(*several[1:])
    assert {one.id for one in found} == {WHO}
    assert database.reads == 1


async def test_a_token_newer_than_the_read_that_is_shared_gets_a_read_of_its_own() -> None:
    database = Database()
    asked = Principals(database.load, lambda: True)
    database.gate.clear()
    old = asyncio.create_task(asked.of(SESSION, PrincipalKind.USER))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    database.version = 2
    new = asyncio.create_task(asked.of(SESSION, PrincipalKind.USER, at_least=2))
    await asyncio.sleep(0)
    database.gate.set()
    assert (await old).id == WHO
    assert (await new).rights_version == 2


async def test_what_is_cached_ends_with_the_session() -> None:
    clock = ManualClock(datetime(2026, 3, 1, 8, 0, tzinfo=UTC))
    database = Database()
    database.until = clock.now() + timedelta(hours=1)
    asked = Principals(database.load, lambda: True, clock.now)
    await asked.of(SESSION, PrincipalKind.USER)
    clock.advance(timedelta(minutes=59))
    await asked.of(SESSION, PrincipalKind.USER)
    assert database.reads == 1
    clock.advance(timedelta(minutes=1))
    await asked.of(SESSION, PrincipalKind.USER)
    assert database.reads == 2


async def test_a_database_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "LOAD_S", 0.05)
    database = Database()
    asked = Principals(database.load, lambda: True)
    database.gate.clear()
    with pytest.raises(HmsError) as refusal:
        await asked.of(SESSION, PrincipalKind.USER)
    assert refusal.value.code is Code.UNAVAILABLE
    assert refusal.value.retry_after_ms
    database.gate.set()
    assert (await asked.of(SESSION, PrincipalKind.USER)).id == WHO


async def test_more_changes_than_are_remembered_forget_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "CACHED", 10)
    database = Database()
    asked = Principals(database.load, lambda: True)
    await asked.of(SESSION, PrincipalKind.USER)
    asked.drop(str(WHO))
    for _ in range(15):
        asked.drop(str(uuid.uuid4()))
    database.version = 2
    assert (await asked.of(SESSION, PrincipalKind.USER)).rights_version == 2
