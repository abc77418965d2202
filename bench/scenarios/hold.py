"""How long a broadcast to 5,000 sockets holds the event loop: five a second, a tick every millisecond."""

import asyncio
from functools import partial
from typing import Any

from bench import load, subjects
from bench.load import Load, Measured
from bench.rounds import Bench, interleaved, summed_up
from bench.subjects import Subject
from bench.trigger import ARM, READ

SOCKETS = 5000
RATE = 5.0
BEFORE_THE_END_S = 0.3
"""The client's going takes thousands of sockets away at once: that is no broadcast."""

FIGURES = ("hold_max_ms", "hold_p999_ms", "lat_p99_us")


async def measure(bench: Bench) -> dict[str, Any]:
    """By subject: the longest hold, and the hold that one tick in a thousand exceeds."""
    compared = [subjects.ours(one_by_one=False), subjects.node(bench.place)]
    if not bench.quick:
        compared.append(subjects.stock())
    what = f"hold of the loop, {SOCKETS:,} sockets"
    found = await interleaved(bench, what, compared, partial(_one, bench), "hold_max_ms")
    return {"sockets": SOCKETS, "rate": RATE, "subjects": summed_up(found, compared, FIGURES)}


async def _one(bench: Bench, subject: Subject) -> Measured:
    async with subjects.started(subject, bench.place, bench.cores) as started:
        wanted = Load(
            SOCKETS,
            bench.seconds,
            trigger=started.trigger,
            rate=RATE,
            pid=started.pid,
            options=subject.client_options(bench.tokens),
        )
        process = await load.start(wanted, started.port)
        try:
            await load.connected(process)
            await asyncio.sleep(load.SETTLE_S + wanted.warm_up)
            await subjects.ask(started.trigger, ARM)
            await asyncio.sleep(wanted.seconds - BEFORE_THE_END_S)
            held = await _read(started.trigger)
        finally:
            measured = await load.finished(process, wanted, load.CONNECT_S)
        return {**measured, **held}


async def _read(port: int) -> dict[str, Any]:
    """The subject's figures; a slow one may need a while to get to the question."""
    for _ in range(3):
        try:
            return await subjects.ask(port, READ)
        except TimeoutError:
            await asyncio.sleep(1)
    raise TimeoutError("the subject does not tell how long its loop was held")
