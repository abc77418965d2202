"""``serve --workers``: processes on one port that are kept running, counted together, ended together."""

import asyncio
import os
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from hms_rt.app import Stores
from tests.cli.processes import ROOT, alive, configured, serving, serving_workers


async def asked(url: str, path: str = "/healthz") -> str:
    """A page, over a connection of its own."""
    async with aiohttp.ClientSession(url) as http, http.get(path, headers={"Connection": "close"}) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_all_workers_serve_one_port_and_are_counted_together(tmp_path: Path, stores: Stores) -> None:
    async with serving_workers(tmp_path, configured(stores)) as served:
        await served.until_true(lambda: len({line.get("worker") for line in served.lines} & {1, 2}) == 2)
        assert len(set(served.pids().values())) == 2

        for _ in range(40):
            await asked(served.url)
        measured = await asked(served.url, "/metrics")
        counts = re.findall(r'hms_http_request_seconds_count\{[^}]*route="/healthz"[^}]*\} (\S+)', measured)
        assert [float(count) for count in counts] == [40.0], "one worker's /metrics answers for all"
        assert "process_" not in measured, "what is one process's own must not pass for everybody's"

        served.tell(signal.SIGTERM)
        assert await served.ended() == 0
        assert not any(alive(pid) for pid in served.pids().values())


async def test_a_killed_worker_is_started_again_and_keeps_its_number(tmp_path: Path, stores: Stores) -> None:
    async with serving_workers(tmp_path, configured(stores)) as served:
        victim, other = served.pids()[1], served.pids()[2]
        os.kill(victim, signal.SIGKILL)
        lost = await served.until("worker.lost")
        assert (lost["worker"], lost["error"]) == (1, "ended by signal SIGKILL")
        await asked(served.url)
        await served.until("worker.listening", 2, worker=1)
        assert served.pids()[1] != victim
        assert served.pids()[2] == other
        assert alive(other)


async def test_a_worker_that_hangs_is_replaced_and_a_slow_one_is_not(tmp_path: Path, stores: Stores) -> None:
    """SIGSTOP stands for an event loop that turns no more: the process lives, and answers nothing."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'serve' in sys.argv:\n"
        "    from hms_rt.cli import supervisor\n"
        "    supervisor.LOOK_S, supervisor.SILENT_LOOKS = 0.5, 6\n"
    )
    environment = {**configured(stores), "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    async with serving_workers(tmp_path, environment) as served:
        victim, other = served.pids()[1], served.pids()[2]
        os.kill(other, signal.SIGSTOP)
        await asyncio.sleep(1.0)  # a pause, shorter than what counts as hanging
        os.kill(other, signal.SIGCONT)
        os.kill(victim, signal.SIGSTOP)
        lost = await served.until("worker.lost")
        assert (lost["worker"], lost["error"]) == (1, "its event loop stood still for 3 s")
        await served.until("worker.listening", 2, worker=1)
        assert not alive(victim)
        assert served.pids()[2] == other
        await asked(served.url)


async def test_workers_do_not_survive_a_killed_supervisor(tmp_path: Path, stores: Stores) -> None:
    environment = {**configured(stores), "TMPDIR": str(tmp_path)}
    async with serving_workers(tmp_path, environment) as served:
        pids = list(served.pids().values())
        served.tell(signal.SIGKILL)
        await served.ended()
        async with asyncio.timeout(30):
            while any(alive(pid) for pid in pids):
                await asyncio.sleep(0.02)
        with pytest.raises(aiohttp.ClientConnectionError):
            await asked(served.url)
        assert not list(tmp_path.glob("hms-metrics-*"))


async def test_what_an_operator_can_mend_is_told_once_and_not_tried_again(
    tmp_path: Path, stores: Stores
) -> None:
    environment = {**configured(stores), "POSTGRES_URI": "postgresql://nobody@127.0.0.1:1/none"}
    async with serving(tmp_path, environment, workers=2) as served:
        assert await served.ended() == 1
        told = " ".join(served.said)
        assert "gives up" in told
        assert "POSTGRES_URI: no answer" in told
        assert "Traceback" not in told


async def test_workers_that_keep_dying_at_start_end_the_supervisor(tmp_path: Path, stores: Stores) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\nif 'HMS_POST' in os.environ: os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    environment = {**configured(stores), "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    async with serving(tmp_path, environment, workers=2) as served:
        assert await served.ended() == 1
        assert "its workers keep ending: ended by signal SIGSEGV" in " ".join(served.said)
        starts = len(served.logged("worker.lost"))
        assert 5 <= starts <= 10, "it tried, and not for ever"


async def test_a_taken_port_is_not_shared_with_a_stranger(tmp_path: Path, stores: Stores) -> None:
    environment = configured(stores)
    async with serving_workers(tmp_path, environment) as served:
        port = served.url.rpartition(":")[2]
        async with serving(tmp_path, environment, "--port", port, workers=2) as second:
            assert await second.ended() == 2
            assert f"cannot listen on 127.0.0.1:{port}" in " ".join(second.said)
        async with serving(tmp_path, environment, "--port", port) as alone:
            assert await alone.ended() == 2
            assert f"cannot listen on 127.0.0.1:{port}" in " ".join(alone.said)


async def test_a_second_signal_ends_workers_that_do_not_answer(tmp_path: Path, stores: Stores) -> None:
    async with serving_workers(tmp_path, configured(stores)) as served:
        stuck = served.pids()[1]
        os.kill(stuck, signal.SIGSTOP)
        served.tell(signal.SIGTERM)
        await served.until("draining", worker=2)
        served.tell(signal.SIGTERM)
        assert await served.ended() == 0
        assert not alive(stuck)


async def test_embedded_servers_belong_to_the_supervisor_and_addresses_to_nobody_s_command_line(
    tmp_path: Path, stores: Stores
) -> None:
    named = configured(stores)
    del named["REDIS_URL"]
    async with serving(tmp_path, named, "--embedded", workers=2) as served:
        await served.until("redis.up", 2)
        lines = [
            Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (served.process.pid, *served.pids().values())
        ]
        assert not any(b"kv.sock" in line or b"postgresql" in line for line in lines)
        served.tell(signal.SIGHUP)
        await served.until("rolling.done")
        served.tell(signal.SIGTERM)
        assert await served.ended() == 0
