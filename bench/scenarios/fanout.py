"""Frames a second to 100, 1,000 and 5,000 sockets, as many as go: 300-byte events, 8 broadcasts outstanding.

hms-rt is given one change at a time (see :mod:`bench.subject`), so a frame is a change, as at the peers:
that changes leave together under load neither helps nor hurts here. What it brings is measured apart.
"""

from functools import partial
from typing import Any

from bench import load, subjects
from bench.load import Load, Measured
from bench.rounds import Bench, interleaved, summed_up
from bench.subjects import Subject

SIZES = (100, 1000, 5000)
QUICK_SIZES = (100, 1000)
WINDOW = 8
FIGURES = (
    *("frames_per_s", "server_us_per_frame", "server_cpu", "client_cpu", "rss_end_kb", "lat_p99_us"),
    *("holes", "gaps", "reorders", "undelivered", "changes_per_s"),
)


async def measure(bench: Bench) -> dict[str, Any]:
    """By number of sockets and subject."""
    compared = [
        subjects.bare(),
        subjects.ours(),
        subjects.node(bench.place),
        subjects.ours(redis=True),
        subjects.node(bench.place, redis=True),
    ]
    if not bench.quick:
        compared += [subjects.ours(fast=False), subjects.stock()]
    sizes = {}
    for sockets in QUICK_SIZES if bench.quick else SIZES:
        what = f"frames to {sockets:,} sockets"
        found = await interleaved(bench, what, compared, partial(_one, bench, sockets), "frames_per_s")
        sizes[str(sockets)] = summed_up(found, compared, FIGURES)
    return {"sizes": sizes, "window": WINDOW}


async def _one(bench: Bench, sockets: int, subject: Subject) -> Measured:
    async with subjects.started(subject, bench.place, bench.cores) as started:
        wanted = Load(
            sockets,
            bench.seconds,
            trigger=started.trigger,
            window=WINDOW,
            pid=started.pid,
            options=subject.client_options(bench.tokens),
        )
        return await load.run(wanted, started.port)
