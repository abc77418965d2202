"""5,000 screens whose server is killed come back, sign in, subscribe and show what changed meanwhile.

See :mod:`bench.storm`, which runs in a process of its own, on stores of its own.
"""

import asyncio
import sys
from typing import Any

import orjson

from bench.pinned import launcher
from bench.rounds import TROUBLE, Bench, medians
from bench.subjects import ROOT

SOCKETS = 5000
QUICK_SOCKETS = 1000
LONGEST_S = 240.0
FIGURES = ("seconds", "p50_s", "p99_s", "away_s", "client_cpu_s")


async def measure(bench: Bench) -> dict[str, Any]:
    """Seconds from the first answer of the new server until the last screen is current."""
    sockets = QUICK_SOCKETS if bench.quick else SOCKETS
    runs = []
    for number in range(1, bench.rounds + 1):
        label = f"{sockets:,} screens come back, round {number} of {bench.rounds}"
        try:
            run = await _one(bench, sockets)
        except TROUBLE as error:
            bench.failed(label, error)
            continue
        runs.append(run)
        bench.say(f"{label}: the last after {run['seconds']:.2f} s")
    if not runs:
        raise RuntimeError("no round was finished")
    return {"sizes": {str(sockets): {**medians(runs, FIGURES), "last_run": runs[-1]}}}


async def _one(bench: Bench, sockets: int) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *launcher(bench.cores.server, bench.cores.client),
        sys.executable,
        *("-m", "bench.storm", "--sockets", str(sockets)),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), LONGEST_S)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    try:
        run: dict[str, Any] = orjson.loads(out)
    except orjson.JSONDecodeError:
        raise RuntimeError(f"bench.storm ended with exit code {process.returncode} and no figures") from None
    if not (run["everybody"] and run["follows"]):
        raise RuntimeError(f"only {run['current']} of {sockets} screens became current: {run['seen']}")
    return run
