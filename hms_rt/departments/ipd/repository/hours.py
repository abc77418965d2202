"""SQL of occupancy by hour: computed from stays once an hour is over, and again where a stay was corrected.

An hour begins after its full hour and includes the next: who comes at 10:00:00 came in the hour from 9. So
``at_start`` of an hour plus ``arrivals`` minus ``departures`` is ``at_start`` of the next.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import tables
from hms_rt.departments.ipd.model.touched import Touched

_HOUR = tables.occupancy_hour.c
_MARK = tables.occupancy_mark.c

_COMPUTED = """
    SELECT w.ward_code, h.hour,
           w.available + w.reserved + w.occupied + w.cleaning + w.contaminated AS beds,
           count(s.id) FILTER (WHERE s.started_at <= h.hour) AS at_start,
           count(s.id) FILTER (WHERE s.started_at > h.hour) AS arrivals,
           count(s.id) FILTER (WHERE s.ended_at <= h.hour + interval '1 hour') AS departures,
           coalesce(sum(extract(epoch FROM
               least(s.ended_at, h.hour + interval '1 hour') - greatest(s.started_at, h.hour)))
               FILTER (WHERE s.id IS NOT NULL), 0)::integer
               AS occupied_seconds
    FROM beds_occupancy w
    CROSS JOIN generate_series(CAST(:since AS timestamptz), CAST(:until AS timestamptz) - interval '1 hour',
                               interval '1 hour') AS h (hour)
    LEFT JOIN (ipd_stay s JOIN beds_bed b ON b.id = s.bed_id AND b.kind = 'bed')
        ON s.ward_code = w.ward_code AND NOT s.entered_in_error
        AND tstzrange(s.started_at, s.ended_at, '[]') && tstzrange(h.hour, h.hour + interval '1 hour', '(]')
        AND (s.ended_at > h.hour OR s.ended_at IS NULL)
    WHERE CAST(:ward AS text) IS NULL OR w.ward_code = :ward
    GROUP BY w.ward_code, h.hour, beds
"""

_FINISH = sa.text(f"""
    INSERT INTO ipd_occupancy_hour AS old
        (ward_code, hour, beds, at_start, arrivals, departures, occupied_seconds, revision, computed_at)
    SELECT ward_code, hour, beds, at_start, arrivals, departures, occupied_seconds, 0, :now
    FROM ({_COMPUTED}) AS computed
    ON CONFLICT (ward_code, hour) DO UPDATE
    SET at_start = excluded.at_start, arrivals = excluded.arrivals, departures = excluded.departures,
        occupied_seconds = excluded.occupied_seconds, revision = old.revision + 1, computed_at = :now
    WHERE (old.at_start, old.arrivals, old.departures, old.occupied_seconds)
        IS DISTINCT FROM
          (excluded.at_start, excluded.arrivals, excluded.departures, excluded.occupied_seconds)
""")  # noqa: S608 - put together from constants

_RUNNING = sa.text(_COMPUTED + " ORDER BY ward_code, hour")


async def lock_mark(connection: AsyncConnection) -> datetime | None:
    """Until when hours are finished; locked until the commit. None while another process is at it."""
    query = sa.select(_MARK.finished_until).with_for_update(skip_locked=True)
    found: datetime | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def move_mark(connection: AsyncConnection, until: datetime) -> None:
    """Hours before ``until`` are finished."""
    await connection.execute(tables.occupancy_mark.update().values(finished_until=until))


async def take_touched(connection: AsyncConnection, most: int) -> list[Touched]:
    """What stays written since the last look touched, the newest first; a later one is the next look's."""
    stale = tables.occupancy_stale
    some = sa.select(stale.c.id).order_by(stale.c.since.desc()).limit(most).with_for_update(skip_locked=True)
    taken = stale.delete().where(stale.c.id.in_(some.scalar_subquery()))
    query = taken.returning(
        stale.c.ward_code,
        stale.c.since,
        sa.func.least(stale.c.until, sa.text("'9999-01-01Z'::timestamptz")).label("until"),
    )
    return [Touched(row.ward_code, row.since, row.until) for row in await connection.execute(query)]


async def put_back(connection: AsyncConnection, times: Sequence[Touched]) -> None:
    """What one look could not do: the next takes it."""
    if times:
        rows = [{"ward_code": one.ward, "since": one.since, "until": one.until} for one in times]
        await connection.execute(tables.occupancy_stale.insert(), rows)


async def finish(
    connection: AsyncConnection, since: datetime, until: datetime, now: datetime, ward: str | None = None
) -> int:
    """Compute the hours from ``since`` to ``until``, both full, of all wards or one; how many changed.

    Absolute values, so doing it twice changes nothing.
    """
    values = {"since": since, "until": until, "now": now, "ward": ward}
    return (await connection.execute(_FINISH, values)).rowcount


async def finished(
    connection: AsyncConnection, ward: str, since: datetime, until: datetime
) -> Sequence[Row[Any]]:
    """The finished hours of a ward, in order."""
    query = (
        sa.select(tables.occupancy_hour)
        .where(_HOUR.ward_code == ward, _HOUR.hour >= since, _HOUR.hour < until)
        .order_by(_HOUR.hour)
    )
    return (await connection.execute(query)).all()


async def running(
    connection: AsyncConnection, ward: str, since: datetime, until: datetime
) -> Sequence[Row[Any]]:
    """Hours that are not finished, as stays say now."""
    values = {"since": since, "until": until, "ward": ward}
    return (await connection.execute(_RUNNING, values)).all()


async def mark(connection: AsyncConnection) -> datetime:
    """Until when hours are finished."""
    found: datetime = (await connection.execute(sa.select(_MARK.finished_until))).scalar_one()
    return found
