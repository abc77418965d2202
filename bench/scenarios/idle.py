"""Connecting 5,000 sockets, and what each costs in memory when nothing happens.

A socket of hms-rt shows the cookie of its own enrolled screen, which is verified and looked up, enters
``/beds``, subscribes to its ward and gets the snapshot. A socket of the peers only connects. Where every
socket shows the same cookie, the difference is what looking up each screen costs.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from bench import load, subjects
from bench.load import Load, Measured
from bench.rounds import Bench, interleaved, summed_up
from bench.subjects import Subject

SOCKETS = 5000
QUICK_SOCKETS = 1000
FIGURES = ("connect_rate", "connect_p50_ms", "connect_p99_ms", "server_connect_cpu_ms", "rss_per_conn_kb")


async def measure(bench: Bench) -> dict[str, Any]:
    """By subject: sockets connected a second, KiB per idle socket."""
    sockets = QUICK_SOCKETS if bench.quick else SOCKETS
    compared = [subjects.bare(), subjects.ours(), subjects.node(bench.place)]
    if not bench.quick:
        compared += [_one_cookie(bench), subjects.stock()]
    what = f"connecting {sockets:,}"
    found = await interleaved(bench, what, compared, partial(_one, bench, sockets), "connect_rate")
    return {"sockets": sockets, "subjects": summed_up(found, compared, FIGURES)}


def _one_cookie(bench: Bench) -> Subject:
    shown = bench.tokens.with_name("one-token")
    shown.write_text(bench.tokens.read_text().splitlines()[0])
    subject = subjects.ours()
    options = subject.client_options(shown)
    return replace(subject, key="hms-shared", title="hms-rt, one cookie for all", options=options)


async def _one(bench: Bench, sockets: int, subject: Subject) -> Measured:
    async with subjects.started(subject, bench.place, bench.cores) as started:
        options = subject.client_options(bench.tokens)
        wanted = Load(sockets, 0.5, warm_up=0.1, pid=started.pid, options=options)
        return await load.run(wanted, started.port)
