"""``hms-rt top`` as an operator uses it, against real processes."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar

from hms_rt.app import Hospital, Stores
from hms_rt.cli.top import embedded_redis
from hms_rt.kernel.principal import Role
from tests.cli.processes import BARE, ROOT, configured, serving_workers
from tests.cli.test_commands import hms
from tests.conftest import PASSWORD, PersonFactory, WardFactory
from tests.realtime.raw import Raw, until

OWN_DATABASE = "?db=9"
"""Of Valkey, so that no process of another test reports there."""


def environment(stores: Stores) -> dict[str, str]:
    return {**configured(stores), "REDIS_URL": stores.redis_url + OWN_DATABASE}


async def watched(folder: Path, stores: Stores, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What ``top --json`` says, once it is ``enough``: processes report once a second."""
    for _ in range(20):
        code, said = await hms(folder, "top", "--json", **environment(stores))
        if code == 0 and enough(found := json.loads(said)):
            return dict(found)
        await asyncio.sleep(0.3)
    pytest.fail(said)


async def test_what_is_wrong_with_redis_is_said_with_its_fix(tmp_path: Path) -> None:
    for url, complaint in (
        ("", "REDIS_URL is unset"),
        ("redis://127.0.0.1:1/0", "REDIS_URL: no answer"),
        ("http://127.0.0.1", "must begin with redis://"),
    ):
        for form in ((), ("--once",), ("--json",)):
            code, said = await hms(tmp_path, "top", *form, REDIS_URL=url)
            assert code == 2, said
            assert complaint in said
            assert "Traceback" not in said


async def test_nobody_who_reports_is_said_and_told_by_the_exit_code(tmp_path: Path, stores: Stores) -> None:
    nowhere = {"REDIS_URL": f"{stores.redis_url}?db=8"}
    code, said = await hms(tmp_path, "top", "--once", **nowhere)
    assert (code, "no process reports" in said) == (1, True), said
    code, said = await hms(tmp_path, "top", "--json", **nowhere)
    assert code == 1
    assert '"processes": []' in said


async def test_workers_rooms_and_audiences_of_a_running_installation(
    tmp_path: Path, stores: Stores, hospital: Hospital, person: PersonFactory, ward: WardFactory
) -> None:
    """The hospital of the fixture only furnishes: the workers are processes of their own."""
    await ward("ICU", beds=1)
    await person(Role.NURSE, username="florence", ward="ICU")
    async with serving_workers(tmp_path, environment(stores)) as served:
        raws = [await board(served.url) for _ in range(6)]

        def enough(found: dict[str, Any]) -> bool:
            return len(found["processes"]) == 2 and found["sockets"] == 6

        found = await watched(tmp_path, stores, enough)
        assert {one["worker"]: one["pid"] for one in found["processes"]} == served.pids()
        (room,) = found["rooms"]
        assert (room["namespace"], room["room"], room["audience"]) == ("/beds", "ward:ICU", "clinical")
        assert (room["sockets"], room["behind"]) == (6, 0)
        assert found["connections"] == [{"namespace": "/beds", "audience": "clinical", "clients": 6}]
        assert all(one["redis"] and one["sweep_lag_s"] < 30 for one in found["processes"])
        assert "florence" not in json.dumps(found)

        code, said = await hms(tmp_path, "top", "--once", **environment(stores))
        assert code == 0
        for wanted in ("2 processes, 6 sockets", "ward:ICU", " w1 ", "no slow clients"):
            assert wanted in said

        async with ClientSession() as session, session.get(f"{served.url}/metrics") as answer:
            text = await answer.text()
        for line in (
            "hms_processes 2.0",
            "hms_sockets 6.0",
            "hms_redis_up 1.0",
            'hms_connections{audience="clinical",namespace="/beds"} 6.0',
        ):
            assert line in text, "one worker's /metrics answers for all"
        for raw in raws:
            await raw.close()

        await live(tmp_path, stores, served.tell)


async def board(url: str) -> Raw:
    """A screen of the nurse's, subscribed."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        credentials = {"username": "florence", "password": PASSWORD}
        async with session.post(f"{url}/api/v1/auth/login", json=credentials) as answer:
            assert answer.status == 200
            cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in answer.cookies.items())
    raw = await Raw.dial(url, cookie)
    await raw.enter("/beds")
    answered = await raw.call("/beds", "subscribe", {"room": "ward:ICU"})
    assert answered["ok"], answered
    return raw


async def live(folder: Path, stores: Stores, tell: Callable[[signal.Signals], None]) -> None:
    """The live view in a terminal: it shows the processes, sees them go, and ends with Ctrl-C."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hms_rt", "top", "--seconds", "0.2"),
        cwd=folder,
        env={**BARE, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "180", **environment(stores)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = bytearray()
    loop = asyncio.get_running_loop()

    def take() -> None:
        with suppress(OSError):  # the terminal's other end is closed
            shown.extend(os.read(ours, 65536))

    loop.add_reader(ours, take)
    try:
        await until(lambda: b"Processes" in shown and b"2 processes" in shown, 20)
        tell(signal.SIGTERM)
        await until(lambda: b"no process reports" in shown, 30)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert b"Traceback" not in shown


def test_the_redis_of_a_demo_is_found_by_its_data_folder(tmp_path: Path) -> None:
    assert embedded_redis(tmp_path) is None
    run = tmp_path / "servers" / "run"
    run.mkdir(parents=True)
    (run / "kv.sock").touch()
    assert embedded_redis(tmp_path) == f"unix://{run}/kv.sock"
    short = tmp_path / "short"
    short.mkdir()
    (short / "kv.sock").touch()
    (tmp_path / "servers" / "run.path").write_text(str(short))
    assert embedded_redis(tmp_path) == f"unix://{short}/kv.sock"
