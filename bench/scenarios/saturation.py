"""Changes delivered a second to 1,000 sockets, at a rate of changes above what anything can send one by one.

hms-rt sends what came while a broadcast was under way as one frame. A change counts as delivered to a
socket when a frame's ``from`` .. ``to`` covers it; the client checks that none is missing. Of several
changes of one bed in one frame only the newest value travels, so operations are counted as well. Node sends
a frame per change; its figure is the better of this load and of 8 broadcasts outstanding.
"""

from functools import partial
from typing import Any

from bench import load, subjects
from bench.load import Load, Measured
from bench.rounds import Bench, interleaved, summed_up
from bench.subjects import Subject

SOCKETS = 1000
RATE = 10_000.0
FIGURES = (
    *("changes_per_s", "ops_per_s", "frames_per_s", "lat_p50_us", "lat_p99_us", "server_cpu"),
    *("holes", "reorders", "snapshots", "by_snapshot"),
)


async def measure(bench: Bench) -> dict[str, Any]:
    """By subject; at Node a change is a frame."""
    compared = [subjects.ours(one_by_one=False), subjects.node(bench.place)]
    what = f"{RATE:,.0f} changes a second to {SOCKETS:,}"
    open_loop = await interleaved(bench, what, compared, partial(_one, bench, RATE), "changes_per_s")
    node = compared[1:]
    what = f"8 outstanding to {SOCKETS:,}"
    closed_loop = await interleaved(bench, what, node, partial(_one, bench, None), "changes_per_s")
    return {
        "sockets": SOCKETS,
        "rate": RATE,
        "subjects": summed_up(open_loop, compared, FIGURES),
        "closed": summed_up(closed_loop, node, FIGURES),
    }


async def _one(bench: Bench, rate: float | None, subject: Subject) -> Measured:
    async with subjects.started(subject, bench.place, bench.cores) as started:
        wanted = Load(
            SOCKETS,
            bench.seconds,
            trigger=started.trigger,
            rate=rate,
            window=8,
            pid=started.pid,
            options=subject.client_options(bench.tokens),
        )
        measured = await load.run(wanted, started.port)
        return {"changes_per_s": measured["frames_per_s"], **measured}
