"""From a nurse's PATCH to the last of 1,000 screens: with audit trail, change log and a durable PostgreSQL.

The change carries the time at which PostgreSQL numbered it, during COMMIT and before the flush to disk
(``at``, cut to milliseconds); everything runs on one machine's clock. The screens are sockets of the load
client, which notes for every change when the first and the last of them had it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from bench import harness, load
from bench.load import Load
from bench.pinned import launcher
from bench.rounds import TROUBLE, Bench, medians
from bench.subjects import ours

SCREENS = (1, 1000)
RATE = 15.0
TAIL_S = 2.0
FIGURES = ("commit_p50_ms", "commit_p99_ms", "press_p50_ms", "press_p99_ms", "changes", "incomplete")


@dataclass(frozen=True)
class Arrival:
    """One change at the screens; times in seconds of the epoch."""

    version: int
    committed: float
    first: float
    last: float
    screens: int


def parse(lines: Sequence[str]) -> list[Arrival]:
    """The load client's log, in order of versions."""
    found = []
    for line in lines:
        version, at, first, last, screens = line.split()
        committed = datetime.fromisoformat(at).timestamp()
        found.append(Arrival(int(version), committed, int(first) / 1e9, int(last) / 1e9, int(screens)))
    return sorted(found, key=lambda arrival: arrival.version)


def quantile(values: Sequence[float], q: float) -> float:
    """The ``q`` quantile of ``values``, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def figures(arrivals: Sequence[Arrival], pressed: Sequence[float], screens: int) -> dict[str, float]:
    """Milliseconds to the last screen, from the commit and from just before the PATCH was sent."""
    if len(arrivals) != len(pressed):
        raise RuntimeError(f"{len(pressed)} changes were made and {len(arrivals)} seen")
    commit = [(arrival.last - arrival.committed) * 1000 for arrival in arrivals]
    press = [(arrival.last - before) * 1000 for arrival, before in zip(arrivals, pressed, strict=True)]
    return {
        "commit_p50_ms": quantile(commit, 0.5),
        "commit_p99_ms": quantile(commit, 0.99),
        "press_p50_ms": quantile(press, 0.5),
        "press_p99_ms": quantile(press, 0.99),
        "changes": len(arrivals),
        "incomplete": sum(arrival.screens != screens for arrival in arrivals),
    }


async def measure(bench: Bench) -> dict[str, Any]:
    """By number of screens."""
    changes = 60 if bench.quick else 200
    found: dict[str, Any] = {}
    for screens in SCREENS[-1:] if bench.quick else SCREENS:
        runs = []
        rounds = bench.rounds if screens > 1 else 1
        for number in range(1, rounds + 1):
            label = f"commit to {screens:,} screens, round {number} of {rounds}"
            try:
                run = await _one(bench, screens, changes)
            except (*TROUBLE, aiohttp.ClientError) as error:
                bench.failed(label, error)
                continue
            runs.append(run)
            bench.say(f"{label}: p50 {run['commit_p50_ms']:.1f} ms, p99 {run['commit_p99_ms']:.1f} ms")
        if runs:
            found[str(screens)] = medians(runs, FIGURES)
    return {"rate": RATE, "screens": found}


async def _one(bench: Bench, screens: int, changes: int) -> dict[str, float]:
    async with harness.ground() as place:
        tokens = await harness.enrol_screens(place, [[f"/beds ward:{harness.WARD}"]] * screens)
        (place.folder / "tokens").write_text("\n".join(tokens))
        log = place.folder / "changes"
        async with harness.serving(place, launcher=launcher(bench.cores.server)) as running:
            nurse = await harness.signed_in(running.url)
            try:
                options = ours().client_options(place.folder / "tokens")
                seconds = changes / RATE + TAIL_S
                listening = Load(screens, seconds, warm_up=0.0, options=options).logging_to(log)
                client = await load.start(listening, int(running.url.rpartition(":")[2]))
                await load.connected(client)
                pressed = await _nurse_at_work(nurse, running, changes)
                await load.finished(client, listening, seconds + load.GRACE_S)
            finally:
                await nurse.close()
        return figures(parse(_lines(log)), pressed, screens)


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines()


async def _nurse_at_work(nurse: aiohttp.ClientSession, running: harness.Running, changes: int) -> list[float]:
    """Change one bed after the other, ``RATE`` a second; when each PATCH was sent."""
    pressed = []
    began = time.monotonic()
    for number in range(changes):
        await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
        visit, bed = divmod(number, len(running.beds))
        pressed.append(time.time())
        answer = await nurse.patch(
            f"/api/v1/beds/{running.beds[bed]}",
            json={"status": "cleaning" if visit % 2 == 0 else "available"},
            headers={"If-Match": f'"{visit + 1}"'},
        )
        answer.raise_for_status()
        await answer.read()
    return pressed
