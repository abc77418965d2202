"""From the server's taking a change to a socket's having it: 20 changes a second to 1,000 sockets."""

from functools import partial
from typing import Any

from bench import load, subjects
from bench.load import Load, Measured
from bench.rounds import Bench, interleaved, summed_up
from bench.subjects import Subject

SOCKETS = 1000
RATE = 20.0
FIGURES = ("lat_p50_us", "lat_p99_us", "lat_p999_us", "lat_max_us", "server_cpu", "holes", "undelivered")


async def measure(bench: Bench) -> dict[str, Any]:
    """By subject."""
    compared = [subjects.bare(), subjects.ours(one_by_one=False), subjects.node(bench.place)]
    if not bench.quick:
        compared.append(subjects.stock())
    what = f"{RATE:.0f} changes a second to {SOCKETS:,}"
    found = await interleaved(bench, what, compared, partial(_one, bench), "lat_p99_us")
    return {"sockets": SOCKETS, "rate": RATE, "subjects": summed_up(found, compared, FIGURES)}


async def _one(bench: Bench, subject: Subject) -> Measured:
    async with subjects.started(subject, bench.place, bench.cores) as started:
        wanted = Load(
            SOCKETS,
            2 * bench.seconds,
            trigger=started.trigger,
            rate=RATE,
            pid=started.pid,
            options=subject.client_options(bench.tokens),
        )
        return await load.run(wanted, started.port)
