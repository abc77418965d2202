"""Redis between processes: it delivers, it comes back, and it never keeps a process from stopping."""

import asyncio
import dataclasses
import os
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hms_rt.app import Stores
from hms_rt.storage import redis as redis_module
from hms_rt.storage.change_log import LogEntry
from hms_rt.storage.embedded import EmbeddedStack, erase
from hms_rt.storage.redis import Bus, make_redis
from tests.realtime.raw import until

EPOCH = uuid.uuid4()
ENTRY = LogEntry(
    "beds/ward:ICU",
    7,
    datetime(2026, 3, 1, 8, 0, tzinfo=UTC),
    [{"op": "put", "key": "bed:1", "value": {"name": "Żółć"}, "cause": "status"}],
)


class Listening:
    """A bus with what it received."""

    def __init__(self, url: str, prefix: str, key: bytes) -> None:
        self.received: asyncio.Queue[tuple[uuid.UUID, LogEntry]] = asyncio.Queue()
        self.connected = 0
        self.bus = Bus(make_redis(url), self._receive, self._connect, prefix=prefix, key=key)

    def _receive(self, epoch: uuid.UUID, entry: LogEntry) -> None:
        self.received.put_nowait((epoch, entry))

    def _connect(self) -> None:
        self.connected += 1


BusFactory = Callable[..., Listening]


@pytest_asyncio.fixture
async def listen() -> AsyncIterator[BusFactory]:
    """``listen(url)``: a started bus, stopped after the test; another ``key`` makes it a stranger."""
    prefix = uuid.uuid4().hex
    made: list[Listening] = []

    def make(url: str, key: bytes = b"ours") -> Listening:
        listening = Listening(url, prefix, key)
        listening.bus.start()
        made.append(listening)
        return listening

    yield make
    for listening in made:
        await listening.bus.stop()


async def deliver(sender: Bus, receiver: Listening) -> tuple[uuid.UUID, LogEntry]:
    """Publish until something arrives: following takes effect soon, not at once."""
    async with asyncio.timeout(30):
        while receiver.received.empty():
            await sender.publish(EPOCH, [ENTRY])
            await asyncio.sleep(0.02)
    return receiver.received.get_nowait()


async def test_an_entry_arrives_in_another_process_as_it_was(stores: Stores, listen: BusFactory) -> None:
    here, there = listen(stores.redis_url), listen(stores.redis_url)
    there.bus.follow(ENTRY.stream)
    assert await deliver(here.bus, there) == (EPOCH, ENTRY)
    assert here.received.empty()


async def test_streams_followed_one_after_another_and_left_again(stores: Stores, listen: BusFactory) -> None:
    here, there = listen(stores.redis_url), listen(stores.redis_url)
    await until(lambda: there.bus.up)
    for number in range(20):
        there.bus.follow(f"other:{number}")
        await asyncio.sleep(0)
    there.bus.follow(ENTRY.stream)
    await deliver(here.bus, there)

    there.bus.unfollow(ENTRY.stream)
    await asyncio.sleep(0.1)
    while not there.received.empty():
        there.received.get_nowait()
    await here.bus.publish(EPOCH, [ENTRY])
    await asyncio.sleep(0.1)
    assert there.received.empty()


async def test_an_unreadable_message_is_skipped(stores: Stores, listen: BusFactory) -> None:
    there = listen(stores.redis_url)
    there.bus.follow(ENTRY.stream)
    await until(lambda: there.bus.up)
    for noise in (b"noise", b"{}", b'{"epoch": "x"}', b"[]"):
        await there.bus._redis.publish(there.bus._prefix + ENTRY.stream, noise)
    await deliver(there.bus, there)
    assert there.connected == 1


async def test_nobody_else_with_access_to_redis_can_put_anything_on_a_board(
    stores: Stores, listen: BusFactory
) -> None:
    """Not with another key, not by altering what was sent, not by sending it as another format."""
    here, there, stranger = listen(stores.redis_url), listen(stores.redis_url), listen(stores.redis_url, b"x")
    there.bus.follow(ENTRY.stream)
    await deliver(here.bus, there)
    pubsub = here.bus._redis.pubsub(ignore_subscribe_messages=True)
    channel = here.bus._prefix + ENTRY.stream
    await pubsub.subscribe(channel)
    await pubsub.get_message(timeout=1)
    await here.bus.publish(EPOCH, [ENTRY])
    true = await pubsub.get_message(timeout=30)
    await pubsub.aclose()  # type: ignore[no-untyped-call]
    assert true is not None
    altered = true["data"].replace(b'"version":7', b'"version":8')
    assert altered != true["data"]
    assert await stranger.bus.publish(EPOCH, [dataclasses.replace(ENTRY, version=50)])
    for forged in (altered, true["data"][16:], b"", b"x" * 16, true["data"][:16]):
        await here.bus._redis.publish(channel, forged)
    last = dataclasses.replace(ENTRY, version=99)
    await here.bus.publish(EPOCH, [last])
    came: list[object] = []
    while not came or came[-1] != (EPOCH, last):
        came.append(await asyncio.wait_for(there.received.get(), 5))
    assert [entry for entry in came if entry != (EPOCH, ENTRY)] == [(EPOCH, last)]


async def test_a_redis_that_falls_silent_is_noticed_and_found_again(
    stores: Stores, listen: BusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, not killed: its connections stay open and take what is written."""
    monkeypatch.setattr(redis_module, "QUIET_S", 0.2)
    monkeypatch.setattr(redis_module, "PROOF_S", 0.3)
    folder = Path(tempfile.mkdtemp(prefix="hms-valkey-"))
    stack = EmbeddedStack(folder, need=frozenset({"redis"}), durable=False)
    await stack.start()
    try:
        here, there = listen(stack.uri("redis")), listen(stack.uri("redis"))
        there.bus.follow(ENTRY.stream)
        await deliver(here.bus, there)
        connected = there.connected
        os.kill(stack.pid("redis"), signal.SIGSTOP)
        try:
            await until(lambda: not there.bus.up)
            assert not await here.bus.publish(EPOCH, [ENTRY])
        finally:
            os.kill(stack.pid("redis"), signal.SIGCONT)
        await until(lambda: there.connected > connected, 10)
        drain(there)
        await deliver(here.bus, there)
        for listening in (here, there):
            await listening.bus.stop()
    finally:
        await stack.stop()
        erase(folder)


async def test_a_quiet_redis_is_not_taken_for_a_dead_one(
    stores: Stores, listen: BusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_module, "QUIET_S", 0.05)
    here, there = listen(stores.redis_url), listen(stores.redis_url)
    there.bus.follow(ENTRY.stream)
    await deliver(here.bus, there)
    await asyncio.sleep(0.5)
    assert there.connected == 1


async def test_thousands_of_streams_are_followed(stores: Stores, listen: BusFactory) -> None:
    here, there = listen(stores.redis_url), listen(stores.redis_url)
    for number in range(3_000):
        there.bus.follow(f"other:{number}")
    there.bus.follow(ENTRY.stream)
    await deliver(here.bus, there)
    await until(lambda: there.bus.up)
    assert there.connected == 1


def drain(listening: Listening) -> None:
    while not listening.received.empty():
        listening.received.get_nowait()


async def test_after_a_lost_connection_it_listens_again_and_says_so(
    stores: Stores, listen: BusFactory
) -> None:
    here, there = listen(stores.redis_url), listen(stores.redis_url)
    there.bus.follow(ENTRY.stream)
    await deliver(here.bus, there)
    before = there.connected
    await here.bus._redis.client_kill_filter(_type="pubsub")
    await until(lambda: there.connected > before)
    while not there.received.empty():
        there.received.get_nowait()
    await deliver(here.bus, there)


async def test_without_redis_publishing_raises_nothing_and_stopping_is_quick(listen: BusFactory) -> None:
    nowhere = listen("redis://127.0.0.1:1/0")
    await nowhere.bus.publish(EPOCH, [ENTRY])
    async with asyncio.timeout(15):
        await nowhere.bus.stop()
    assert not nowhere.bus.up


@pytest.mark.parametrize("after", [0.0, 0.05, 0.3])
async def test_stopping_while_redis_accepts_but_does_not_answer(listen: BusFactory, after: float) -> None:
    silent: list[asyncio.StreamWriter] = []
    listener = await asyncio.start_server(lambda _, writer: silent.append(writer), "127.0.0.1", 0)
    try:
        deaf = listen(f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0")
        await asyncio.sleep(after)
        async with asyncio.timeout(15):
            await deaf.bus.stop()
    finally:
        listener.close()
        for writer in silent:
            writer.close()
    assert not left_over()


async def test_stopping_although_the_client_swallows_cancellations(
    stores: Stores, listen: BusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = listen(stores.redis_url)
    await until(lambda: listening.bus.up)
    swallow(listening.bus, monkeypatch)
    await listening.bus._redis.client_kill_filter(_type="pubsub")
    await until(lambda: not listening.bus.up)
    await asyncio.sleep(0.3)
    async with asyncio.timeout(30):
        await listening.bus.stop()
    assert not left_over()


def swallow(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the bus connects for ever, and takes a cancellation for a failed connection."""

    async def listen(pubsub: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("cancelled") from None

    replacement: Callable[[Any], Awaitable[None]] = listen
    monkeypatch.setattr(bus, "_listen", replacement)


async def test_stopping_leaves_no_task_behind(stores: Stores, listen: BusFactory) -> None:
    listening = listen(stores.redis_url)
    listening.bus.follow(ENTRY.stream)
    await until(lambda: listening.bus.up)
    await asyncio.sleep(0.05)
    assert left_over()
    await listening.bus.stop()
    assert not left_over()


def left_over() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("redis-")]
