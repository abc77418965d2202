"""Guesses are counted across processes while Redis is there, and still counted while it is not."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge

from hms_rt.departments.identity.service import Throttle
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.storage.embedded import EmbeddedStack, erase


@pytest.fixture
def redis_socket() -> Iterator[str]:
    parent = Path(tempfile.mkdtemp(prefix="hms-throttle-"))
    parent.chmod(0o711)
    with asyncio.Runner() as runner:
        stack = EmbeddedStack(parent / "data", need=frozenset({"redis"}))
        uris = runner.run(stack.start())
        yield uris.redis_url.removeprefix("unix://")
        runner.run(stack.stop())
    erase(parent / "data")
    shutil.rmtree(parent)


def shared(path: str) -> RedisStorage:
    return RedisStorage(f"async+redis+unix://{path}", wrap_exceptions=True, implementation="redispy")


async def close(storage: RedisStorage) -> None:
    bridge = storage.bridge
    assert isinstance(bridge, RedispyBridge)
    connection: Any = bridge.get_connection()
    await connection.aclose()


async def limited(throttle: Throttle, username: str = "nina", address: str = "192.0.2.1") -> bool:
    try:
        await throttle.admit(username, address)
    except HmsError as error:
        return error.code is Code.RATE_LIMITED
    return False


async def test_two_processes_count_together(redis_socket: str) -> None:
    storages = [shared(redis_socket) for _ in range(2)]
    one, other = (Throttle(storage) for storage in storages)
    for throttle in (one, other, one, other, one):
        assert not await limited(throttle)
    assert await limited(other)
    assert not await limited(other, address="192.0.2.2")
    assert not await limited(other, username="otto")
    await one.succeeded("nina", "192.0.2.1")
    assert not await limited(other)
    for storage in storages:
        await close(storage)


async def test_without_redis_each_process_counts_for_itself() -> None:
    storage = shared("/nowhere/kv.sock")
    throttle = Throttle(storage)
    assert [await limited(throttle) for _ in range(6)] == [False] * 5 + [True]
    await throttle.succeeded("nina", "192.0.2.1")
    assert not await limited(throttle)
    await close(storage)


async def test_one_address_that_fails_with_many_names_is_stopped() -> None:
    throttle = Throttle()
    for number in range(60):
        assert not await limited(throttle, f"name{number}")
        await throttle.failed("192.0.2.1")
    assert await limited(throttle, "another")
    assert not await limited(throttle, "another", "192.0.2.2")
