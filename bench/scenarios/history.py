"""What subscribing, sweeping and committing cost while the change log grows from 1,000 to 1,000,000 rows.

All rows are on the stream of the ward that is looked at, spread over thirty days; they are written in bulk to
the real tables. The application runs in this process, against a PostgreSQL that flushes every commit.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import harness
from bench.rounds import TROUBLE, Bench
from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage import change_log

LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
QUICK_LENGTHS = (1_000, 10_000, 100_000)
REPEATS = 60
BEHIND = 500
"""Versions that a screen which comes back has missed."""

CHUNK = 20_000
"""Rows written by one statement; none may run for long, here as in a hospital."""

SETTLED_S = 0.1

# A finished transaction's id, and two months' partitions at most, as a hospital has them.
_GROW = text(
    """
    INSERT INTO change_log (stream, version, at, xid, schema_version, ops)
    SELECT :stream, number, now() - interval '30 days' * ((CAST(:rows AS float) - number) / :rows), 3, 1,
           CAST(:ops AS jsonb)
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS number
    """
)
_HEAD = text("UPDATE stream_head SET version = :last WHERE stream = :stream")
_OPS = (
    '[{"op": "put", "key": "bed:00000000-0000-0000-0000-000000000000", "cause": "status",'
    ' "value": {"code": "01", "room": "R1", "status": "cleaning", "isolation": false}}]'
)


async def measure(bench: Bench) -> dict[str, Any]:
    """By number of rows: the median milliseconds of each."""
    points = []
    async with harness.ground() as place:
        hospital = Hospital(place.settings, place.stores)
        await hospital.start()
        try:
            for rows in QUICK_LENGTHS if bench.quick else LENGTHS:
                try:
                    point = await _one(hospital, place, rows)
                except TROUBLE as error:
                    bench.failed(f"a change log of {rows:,} rows", error)
                    continue
                points.append(point)
                told = ", ".join(f"{name} {value:.2f} ms" for name, value in point.items() if name != "rows")
                bench.say(f"a change log of {rows:,} rows: {told}")
        finally:
            await hospital.stop()
    return {"points": points}


async def _one(hospital: Hospital, place: harness.Ground, rows: int) -> dict[str, float]:
    kind, ward = hospital.rooms.find("/beds", f"ward:{harness.WARD}")
    stream = kind.streams.stream(ward)
    await _grow(hospital.engine, stream, rows)

    async def read(connection: Any) -> Any:
        return await kind.streams.read(connection, ward)

    async def subscribe() -> None:
        await hospital.hub.follow(stream, read)
        hospital.hub.unfollow(stream)

    async def resume() -> None:
        heads = await change_log.heads(hospital.engine, [stream])
        await change_log.since(hospital.engine, stream, heads[stream] - BEHIND, 2 * BEHIND)

    return {
        "rows": rows,
        "subscribe": await _median_ms(subscribe),
        "resume": await _median_ms(resume),
        "sweep": await _median_ms(lambda: _sweep(hospital), pause=SETTLED_S),
        "commit": await _commit_ms(hospital, place.beds),
    }


async def _grow(engine: AsyncEngine, stream: str, rows: int) -> None:
    """Lengthen the log of ``stream`` to ``rows``."""
    length = (await change_log.heads(engine, [stream]))[stream]
    for first in range(length + 1, rows + 1, CHUNK):
        last = min(first + CHUNK - 1, rows)
        values = {"stream": stream, "first": first, "last": last, "rows": rows, "ops": _OPS}
        async with engine.begin() as connection:
            await connection.execute(_GROW, values)
            await connection.execute(_HEAD, {"stream": stream, "last": last})
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE change_log"))


async def _median_ms(work: Callable[[], Awaitable[None]], *, pause: float = 0.0) -> float:
    took = []
    for _ in range(REPEATS):
        await asyncio.sleep(pause)
        before = time.perf_counter()
        await work()
        took.append((time.perf_counter() - before) * 1000)
    return statistics.median(took)


async def _sweep(hospital: Hospital) -> None:
    """Ask for a sweep and wait for it: its age then begins after the question."""
    asked = time.monotonic()
    hospital.hub.wake()
    while hospital.hub.sweep_age() > time.monotonic() - asked:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)


async def _commit_ms(hospital: Hospital, beds: Sequence[Any]) -> float:
    """The whole command: lock, change, audit, change log, flush to disk."""
    target = iter([BedStatus.CLEANING, BedStatus.AVAILABLE] * REPEATS)

    async def change() -> None:
        await hospital.services.beds.change(
            SYSTEM, harness.command(), beds[0], BedChange(status=next(target))
        )

    return await _median_ms(change)
