"""The cache of principals never outlives a change of rights that this process has heard of."""

import asyncio
import uuid

from hms_rt.departments.identity.service import Principals
from hms_rt.kernel.principal import Principal, PrincipalKind

WHO, SESSION = uuid.uuid4(), uuid.uuid4()


class Database:
    def __init__(self) -> None:
        self.reads = 0
        self.version = 1
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self, session_id: uuid.UUID, kind: PrincipalKind) -> Principal:
        self.reads += 1
        found = Principal(kind, WHO, session_id, "Nina", rights_version=self.version)
        await self.gate.wait()
        return found


async def test_a_principal_is_read_once_while_fresh_and_each_time_while_not() -> None:
    database, fresh = Database(), [True]
    principals = Principals(database.load, lambda: fresh[0])
    for _ in range(3):
        await principals.of(SESSION, PrincipalKind.USER)
    assert database.reads == 1
    fresh[0] = False
    await principals.of(SESSION, PrincipalKind.USER)
    assert database.reads == 2


async def test_it_is_dropped_by_session_by_person_and_all_at_once() -> None:
    database = Database()
    principals = Principals(database.load, lambda: True)
    for drop in (str(SESSION), str(WHO), "unreadable"):
        await principals.of(SESSION, PrincipalKind.USER)
        before = database.reads
        principals.drop(drop)
        await principals.of(SESSION, PrincipalKind.USER)
        assert database.reads == before + 1


async def test_a_token_that_saw_newer_rights_makes_it_look_again() -> None:
    database = Database()
    principals = Principals(database.load, lambda: True)
    await principals.of(SESSION, PrincipalKind.USER)
    database.version = 2
    assert (await principals.of(SESSION, PrincipalKind.USER, at_least=2)).rights_version == 2


async def test_a_read_that_a_change_overtook_is_not_kept() -> None:
    database = Database()
    principals = Principals(database.load, lambda: True)
    database.gate.clear()
    reading = asyncio.create_task(principals.of(SESSION, PrincipalKind.USER))
    await asyncio.sleep(0)
    database.version = 2
    principals.drop(str(WHO))
    database.gate.set()
    await reading
    assert (await principals.of(SESSION, PrincipalKind.USER)).rights_version == 2
