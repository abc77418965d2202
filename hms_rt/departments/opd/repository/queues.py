"""SQL of the queues' numbers and counts. Counts move by deltas; nothing is counted anew."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.model.token import UNFINISHED, TokenState
from hms_rt.departments.opd.model.waiting import SERVICE_WINDOW

_QUEUE = tables.queue.c
_SUMMARY = tables.summary.c

Deltas = Mapping[TokenState, int]

_BOARD = sa.select(
    tables.summary,
    sa.func.coalesce(_QUEUE.last_number, 0).label("last_number"),
    sa.func.coalesce(_QUEUE.done, 0).label("done"),
    sa.func.coalesce(_QUEUE.cancelled, 0).label("cancelled"),
).select_from(
    tables.summary.outerjoin(
        tables.queue,
        sa.and_(_QUEUE.clinic_code == _SUMMARY.clinic_code, _QUEUE.day == _SUMMARY.day),
    )
)

# Which services are the last ones is a matter of when they were recorded, not of when they occurred.
_MEASURE = sa.text(
    """
    UPDATE opd_summary SET
        services = measured.services,
        service_p50_s = round(measured.p50),
        service_p90_s = round(measured.p90),
        service_mean_s = measured.mean,
        service_deviation_s = measured.deviation
    FROM (
        SELECT count(*) AS services,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
               percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90,
               avg(seconds) AS mean,
               stddev_pop(seconds) AS deviation
        FROM (
            SELECT extract(epoch FROM finished_at - serving_at)::double precision AS seconds
            FROM opd_token
            WHERE clinic_code = :clinic AND state = 'done'
            ORDER BY changed_at DESC
            LIMIT :window
        ) last
    ) measured
    WHERE clinic_code = :clinic AND measured.services > 0
    """
)


async def next_number(connection: AsyncConnection, clinic: str, day: date) -> int:
    """The next number of the queue. Its row stays locked until the commit, and a rollback gives the number
    back: that is why there is no gap."""
    query = (
        insert(tables.queue)
        .values(clinic_code=clinic, day=day, last_number=1)
        .on_conflict_do_update(
            index_elements=[_QUEUE.clinic_code, _QUEUE.day], set_={"last_number": _QUEUE.last_number + 1}
        )
        .returning(_QUEUE.last_number)
    )
    return int((await connection.execute(query)).scalar_one())


async def ensure_queue(connection: AsyncConnection, clinic: str, day: date) -> None:
    """Make the queue of that day if it is new; no number is given."""
    await connection.execute(
        insert(tables.queue).values(clinic_code=clinic, day=day, last_number=0).on_conflict_do_nothing()
    )


async def shift(connection: AsyncConnection, clinic: str, by_day: Mapping[date, Deltas]) -> None:
    """Move the counts of the days' queues, in order of days, then those of the clinic's summary."""
    for day in sorted(by_day):
        values = {state.value: _QUEUE[state.value] + delta for state, delta in by_day[day].items() if delta}
        if values:
            await connection.execute(
                tables.queue.update().where(_QUEUE.clinic_code == clinic, _QUEUE.day == day).values(values)
            )
    total = _unfinished(by_day.values())
    moved: dict[str, Any] = {state.value: _SUMMARY[state.value] + delta for state, delta in total.items()}
    await _update_summary(connection, clinic, moved or {"clinic_code": clinic})


def _unfinished(several: Iterable[Deltas]) -> dict[TokenState, int]:
    total: dict[TokenState, int] = {}
    for deltas in several:
        for state, delta in deltas.items():
            if state in UNFINISHED:
                total[state] = total.get(state, 0) + delta
    return total


async def measure_services(connection: AsyncConnection, clinic: str) -> None:
    """Take the service times of the clinic's last services anew; its summary is locked already."""
    await connection.execute(_MEASURE, {"clinic": clinic, "window": SERVICE_WINDOW})


async def shift_counters(connection: AsyncConnection, clinic: str, opened: int) -> None:
    """Move the number of open counters."""
    await _update_summary(connection, clinic, {"active_counters": _SUMMARY.active_counters + opened})


async def open_day(connection: AsyncConnection, clinic: str, day: date) -> date | None:
    """Let the clinic's queue go on to ``day``; the day it was in, or None if it is there or beyond."""
    before = (
        sa.select(_SUMMARY.clinic_code, _SUMMARY.day)
        .where(_SUMMARY.clinic_code == clinic)
        .with_for_update(key_share=True)
        .subquery("before")
    )
    query = (
        tables.summary.update()
        .where(_SUMMARY.clinic_code == before.c.clinic_code, before.c.day < day)
        .values(day=day)
        .returning(before.c.day)
    )
    found: date | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def lock_day(connection: AsyncConnection, clinic: str) -> date:
    """The day that the clinic is in; it does not go on to another before the commit."""
    query = sa.select(_SUMMARY.day).where(_SUMMARY.clinic_code == clinic).with_for_update(key_share=True)
    day: date = (await connection.execute(query)).scalar_one()
    return day


async def summary(connection: AsyncConnection, clinic: str) -> Row[Any]:
    """What the clinic's room shows in sum. To publish it, lock the summary by an update before."""
    return (await connection.execute(_BOARD.where(_SUMMARY.clinic_code == clinic))).one()


async def day_counts(connection: AsyncConnection, clinic: str, day: date) -> Row[Any] | None:
    """The queue of one day: last number and tokens by state."""
    query = sa.select(tables.queue).where(_QUEUE.clinic_code == clinic, _QUEUE.day == day)
    return (await connection.execute(query)).one_or_none()


async def _update_summary(connection: AsyncConnection, clinic: str, values: Mapping[str, Any]) -> None:
    await connection.execute(
        tables.summary.update().where(_SUMMARY.clinic_code == clinic).values(dict(values))
    )
