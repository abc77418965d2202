"""``python -m bench.storm``: a server with thousands of screens is killed, and is started again.

The screens come back by their own habits (``bench.swarm``), each with the cookie of its own enrolment and
with the version that it showed before. While the server is away a bed changes, so that what they showed is
not current any more. Then the server answers again, and the clock runs until the last screen shows the
change. Prints one JSON object. Figures of the server are those of its ``/metrics``.
"""

import argparse
import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop
from prometheus_client.parser import text_string_to_metric_families

from bench import harness, subjects
from bench.harness import WARD, Ground
from bench.pinned import launcher
from bench.subjects import Cores
from bench.swarm import Habits, Swarm
from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange, BedQuery
from hms_rt.kernel.principal import SYSTEM
from hms_rt.logs import configure
from hms_rt.storage import change_log

ROOM = f"ward:{WARD}"
STREAM = f"beds/ward:{WARD}"
SPREAD_S = 3.0
"""Within which the screens connect for the first time, when it is not measured."""

LONGEST_S = 90.0
ANSWER_S = 30.0
FOLLOW_S = 10.0
SPARE = 200
"""Descriptors for everything else."""

STEPS = ("handshake", "namespace", "subscription")

COUNTED = {
    "hms_state_reads_total": "states read",
    "hms_snapshots_sent_total": "snapshots sent:",
    "hms_subscribes_total": "subscribed:",
    "hms_handshakes_total": "handshakes accepted",
    "hms_handshakes_refused_total": "handshakes refused:",
    "hms_ring_misses_total": "ring misses:",
    "hms_event_loop_lag_seconds": "longest hold of the loop, s",
}
"""Metrics of the server, by what they are called here."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """``down``: seconds that the server stays away beyond what its start takes."""

    sockets: int = 5000
    down: float = 0.0
    longest_pause: float = 10.0
    seed: int = 1


async def measure(place: Ground, cores: Cores, tokens: Sequence[str], options: Options) -> Figures:
    """Kill a server that shows ``ROOM`` to a screen per token, start it again, and tell how that went."""
    _allow_descriptors(options.sockets)
    client = await _cost_of_the_client(place, cores, options)
    port = harness.free_port()
    hospital = Hospital(place.settings, place.stores)
    swarm = Swarm(port, tokens, Habits(room=ROOM, longest_pause=options.longest_pause), options.seed)
    try:
        async with _serving(place, cores, port) as victim:
            swarm.dial_all(SPREAD_S)
            if not await asyncio.to_thread(swarm.run, Swarm.all_current, LONGEST_S):
                raise RuntimeError(f"the screens never all connected: {dict(swarm.storm.seen)}")
            swarm.begin()
            storm = asyncio.create_task(asyncio.to_thread(swarm.run, Swarm.all_current, LONGEST_S))
            victim.kill()
            await victim.wait()
        swarm.head = await _change(hospital)
        await asyncio.sleep(options.down)
        async with _serving(place, cores, port) as server:
            before = await _until_it_answers(swarm, server)
            everybody = await storm
            busy = _processor_s(server.pid) - before
            measured = {"cpu_s": round(busy, 2), **await _measured(port)}
            follows = await _follow(hospital, swarm)
        return {**_told(swarm, everybody=everybody), "follows": follows, "server": measured, "client": client}
    finally:
        swarm.close()
        await hospital.close()


@asynccontextmanager
async def _serving(place: Ground, cores: Cores, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A ``serve`` process on ``port``; it need not answer yet."""
    process = await asyncio.create_subprocess_exec(
        *launcher(cores.server),
        *(sys.executable, "-m", "hms_rt", "serve"),
        env={**os.environ, **place.environment, "PORT": str(port)},
    )
    try:
        yield process
    finally:
        await harness.end(process)


async def _cost_of_the_client(place: Ground, cores: Cores, options: Options) -> Figures:
    """What it takes the screens to connect all at once to a loop in C that only answers."""
    async with subjects.started(subjects.bare(), place, cores) as bare:
        swarm = Swarm(bare.port, [""] * options.sockets, Habits(namespace=""), options.seed)
        try:
            swarm.dial_all(0)
            began = time.monotonic()
            if not await asyncio.to_thread(swarm.run, Swarm.all_current, LONGEST_S):
                raise RuntimeError("the screens did not even connect to a bare loop")
            return {
                "bare_seconds": round(time.monotonic() - began, 3),
                "bare_cpu_s": round(swarm.storm.cpu_s, 3),
            }
        finally:
            swarm.close()


async def _change(hospital: Hospital) -> int:
    """Turn a bed; the version of the ward's stream afterwards."""
    (bed, *_) = (
        await hospital.services.beds.beds(SYSTEM, harness.command(), BedQuery(ward=WARD, limit=1))
    ).items
    clean = bed.status is BedStatus.AVAILABLE
    turned = BedChange(status=BedStatus.CLEANING if clean else BedStatus.AVAILABLE)
    await hospital.services.beds.change(SYSTEM, harness.command(), bed.id, turned)
    return (await change_log.heads(hospital.engine, [STREAM]))[STREAM]


async def _until_it_answers(swarm: Swarm, server: asyncio.subprocess.Process) -> float:
    """Wait for the first answer to a screen; the processor time that the server has used by then."""
    async with asyncio.timeout(ANSWER_S):
        while swarm.storm.answered_at is None:
            if server.returncode is not None:
                raise RuntimeError(f"the server ended while it started (exit code {server.returncode})")
            await asyncio.sleep(0.005)
    return _processor_s(server.pid)


async def _follow(hospital: Hospital, swarm: Swarm) -> bool:
    """Whether another change reaches every screen: being current once is not enough."""
    version = await _change(hospital)
    return await asyncio.to_thread(swarm.run, lambda screens: screens.all_at(version), FOLLOW_S)


async def _measured(port: int) -> Figures:
    """What the server counted since it started."""
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        text = await answer.text()
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in COUNTED and sample.value:
                words = " ".join(value for _, value in sorted(sample.labels.items()))
                found[f"{COUNTED[sample.name]} {words}".strip()] = sample.value
    return found


def _told(swarm: Swarm, *, everybody: bool) -> Figures:
    """What the screens saw. Seconds count from the first answer that one of them got."""
    storm = swarm.storm
    answered = storm.answered_at or storm.began_at
    waited = sorted(at - answered for at in storm.current_at)
    steps = [sorted(each) for each in zip(*storm.steps_s, strict=True)]
    served = sorted(sum(each) for each in storm.steps_s)
    return {
        "sockets": swarm.size,
        "everybody": everybody,
        "current": len(waited),
        "seconds": round(waited[-1], 3) if waited else None,
        "p50_s": _quantile(waited, 0.5),
        "p99_s": _quantile(waited, 0.99),
        "dial_to_current_p50_ms": _quantile([seconds * 1000 for seconds in served], 0.5),
        "dial_to_current_p99_ms": _quantile([seconds * 1000 for seconds in served], 0.99),
        "steps_p50_ms": {
            name: _quantile([seconds * 1000 for seconds in each], 0.5)
            for name, each in zip(STEPS, steps, strict=False)
        },
        "away_s": round(answered - storm.began_at, 3),
        "client_cpu_s": round(storm.cpu_s, 2),
        "seen": dict(sorted(storm.seen.items())),
    }


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else None


def _processor_s(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _allow_descriptors(sockets: int) -> None:
    """As many as the system allows; raises ``RuntimeError`` if they are too few."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < sockets + SPARE:
        raise RuntimeError(f"only {hard} open files are allowed: raise `ulimit -n`, or use fewer sockets")


async def _alone(options: Options) -> Figures:
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, {cores.client})
    async with harness.ground() as place:
        rooms = [[f"/beds {ROOM}"]] * options.sockets
        return await measure(place, cores, await harness.enrol_screens(place, rooms), options)


def main() -> None:
    """Measure with stores and servers of its own, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    parser.add_argument("--sockets", type=int, default=Options.sockets)
    parser.add_argument("--down", type=float, default=Options.down, help="seconds to stay away")
    parser.add_argument("--longest-pause", type=float, default=Options.longest_pause)
    parser.add_argument("--seed", type=int, default=Options.seed)
    given = parser.parse_args()
    configure("WARNING")
    options = Options(given.sockets, given.down, given.longest_pause, given.seed)
    figures = uvloop.run(_alone(options))
    print(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())
    if not (figures["everybody"] and figures["follows"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
