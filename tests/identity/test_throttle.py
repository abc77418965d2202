"""Guesses are counted across processes while Redis is there, and still counted while it is not."""

import dataclasses
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from redis.asyncio import Redis

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.identity.schemas import Login
from hms_rt.departments.identity.service import Throttle, counts_in
from hms_rt.departments.identity.service import throttle as subject
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Role
from hms_rt.storage.embedded import EmbeddedStack, erase
from hms_rt.storage.redis import make_redis
from tests.conftest import PASSWORD, PersonFactory, command


@pytest_asyncio.fixture
async def valkey() -> AsyncIterator[EmbeddedStack]:
    """A Valkey of this test alone, to be stopped and killed."""
    folder = Path(tempfile.mkdtemp(prefix="hms-throttle-"))
    stack = EmbeddedStack(folder, need=frozenset({"redis"}), durable=False)
    await stack.start()
    yield stack
    await stack.stop()
    erase(folder)


@pytest_asyncio.fixture
async def clients(valkey: EmbeddedStack) -> AsyncIterator[list[Redis]]:
    """Those of two processes."""
    made = [make_redis(valkey.uri("redis")) for _ in range(2)]
    yield made
    for redis in made:
        await redis.aclose()


async def limited(throttle: Throttle, username: str = "nina", address: str = "192.0.2.1") -> bool:
    try:
        await throttle.admit(username, address)
    except HmsError as error:
        return error.code is Code.RATE_LIMITED
    return False


async def test_two_processes_count_together(clients: list[Redis]) -> None:
    one, other = (Throttle(counts_in(redis, "hms")) for redis in clients)
    for throttle in (one, other, one, other, one):
        assert not await limited(throttle)
    assert await limited(other)
    assert not await limited(other, address="192.0.2.2")
    assert not await limited(other, username="otto")
    await one.succeeded("nina", "192.0.2.1")
    assert not await limited(other)


async def test_hospitals_that_share_a_redis_do_not_count_together(clients: list[Redis]) -> None:
    one, other = (Throttle(counts_in(redis, prefix)) for redis, prefix in zip(clients, "ab", strict=True))
    assert [await limited(one) for _ in range(6)] == [False] * 5 + [True]
    assert not await limited(other)


async def test_while_redis_stands_still_each_process_counts_for_itself(
    clients: list[Redis], valkey: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Throttle(counts_in(redis, "hms")) for redis in clients)
    assert [await limited(one) for _ in range(6)] == [False] * 5 + [True]
    os.kill(valkey.pid("redis"), signal.SIGSTOP)
    try:
        assert [await limited(one) for _ in range(6)] == [False] * 5 + [True]
        assert [await limited(other) for _ in range(6)] == [False] * 5 + [True]
        await other.succeeded("nina", "192.0.2.1")
        assert not await limited(other)
    finally:
        os.kill(valkey.pid("redis"), signal.SIGCONT)
    monkeypatch.setattr(subject, "STORAGE_AWAY_S", 0.0)
    again = Throttle(counts_in(clients[0], "hms"))
    assert await limited(again), "what was counted before the outage still counts"


async def test_a_process_asks_redis_again_after_an_outage(
    clients: list[Redis], valkey: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "STORAGE_AWAY_S", 0.0)
    one, other = (Throttle(counts_in(redis, "hms")) for redis in clients)
    os.kill(valkey.pid("redis"), signal.SIGKILL)
    assert not await limited(one)
    await valkey.restart("redis")
    for _ in range(5):
        assert not await limited(one)
    assert await limited(other), "the other process sees what this one counted"


async def test_servers_count_failed_sign_ins_together_also_over_an_outage(
    settings: Settings, stores: Stores, person: PersonFactory, valkey: EmbeddedStack
) -> None:
    await person(Role.NURSE, username="nina")
    own = dataclasses.replace(stores, redis_url=valkey.uri("redis"))
    servers = [Hospital(settings, own) for _ in range(2)]

    async def sign_in(server: Hospital, password: str) -> Code | None:
        login = Login(username="nina", password=SecretStr(password))
        try:
            await server.services.identity.login(dataclasses.replace(command(), address="192.0.2.9"), login)
        except HmsError as error:
            return error.code
        return None

    try:
        for server in (*servers, *servers, servers[0]):
            assert await sign_in(server, "wrong") is Code.UNAUTHENTICATED
        assert await sign_in(servers[1], PASSWORD) is Code.RATE_LIMITED
        os.kill(valkey.pid("redis"), signal.SIGSTOP)
        assert await sign_in(servers[1], PASSWORD) is None, "an outage stops nobody"
        for _ in range(5):
            assert await sign_in(servers[0], "wrong") is Code.UNAUTHENTICATED
        assert await sign_in(servers[0], PASSWORD) is Code.RATE_LIMITED, "nor does it open the gate"
    finally:
        os.kill(valkey.pid("redis"), signal.SIGCONT)
        for server in servers:
            await server.close()


async def test_one_address_that_fails_with_many_names_is_stopped() -> None:
    throttle = Throttle()
    for number in range(60):
        assert not await limited(throttle, f"name{number}")
        await throttle.failed("192.0.2.1")
    assert await limited(throttle, "another")
    assert not await limited(throttle, "another", "192.0.2.2")
