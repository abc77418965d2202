"""Occupancy by hour: finished once by a timer, corrected when a stay is."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.ipd.repository import hours as hour_rows
from hms_rt.departments.ipd.schemas.hours import HourOut, HoursOut, HoursQuery
from hms_rt.departments.ipd.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

HOUR = timedelta(hours=1)
GRACE = timedelta(minutes=5)
"""An hour is finished this long after it ended: most late entries come before and need no correction."""

AT_ONCE = 72
"""Hours that one transaction finishes, after the server was away for long."""


class Hours(Foundation):
    """What stays cheap for ten years: a row for every ward and hour, read by its key."""

    async def finish_hours(self, principal: Principal, command: Command) -> None:
        """The server's timer: finishes hours that are over, and looks again at those that a stay touched.

        One process at a time: the others leave it to that one. A stay and the note that it touched an hour
        commit together, so whatever the hour was computed without is looked at next time.
        """

        async def work(uow: UnitOfWork) -> None:
            since = await hour_rows.lock_mark(uow.connection)
            if since is None:
                return
            stale = await hour_rows.take_stale(uow.connection, most=200)
            until = min(_full(uow.now - GRACE), since + AT_ONCE * HOUR)
            if until > since:
                await hour_rows.finish(uow.connection, since, until, uow.now)
                await hour_rows.move_mark(uow.connection, until)
            for one in stale:
                begins, ends = _full(one.since - timedelta(microseconds=1)), min(one.until, since)
                if begins < ends:
                    after = _full(ends + HOUR - timedelta(microseconds=1))
                    await hour_rows.finish(uow.connection, begins, min(after, since), uow.now, one.ward)

        await self._units.execute(principal, command, type(None), work)

    async def occupancy_by_hour(self, principal: Principal, query: HoursQuery) -> HoursOut:
        """The hours of a ward that begin in the time asked for, the running one as it is now; no names."""
        require(principal, Permission.BEDS_FREE)
        now = self._units.now()
        async with self._units.reading() as connection:
            mark = await hour_rows.mark(connection)
            rows = await hour_rows.finished(connection, query.ward, query.since, query.until)
            shown = [_out(row, final=True) for row in rows]
            first = max(mark, _full(query.since + HOUR - timedelta(microseconds=1)))
            last = min(_full(query.until + HOUR - timedelta(microseconds=1)), _full(now) + HOUR)
            if first < last:
                rows = await hour_rows.running(connection, query.ward, first, last)
                shown += [_out(row, final=False) for row in rows]
        return HoursOut(ward=query.ward, hours=shown)


def _full(at: datetime) -> datetime:
    """The full hour before; full hours are those of UTC, so that no zone's clock change doubles one."""
    return at.replace(minute=0, second=0, microsecond=0)


def _out(row: Row[Any], *, final: bool) -> HourOut:
    return HourOut(
        hour=row.hour,
        beds=row.beds,
        at_start=row.at_start,
        arrivals=row.arrivals,
        departures=row.departures,
        occupied_seconds=row.occupied_seconds,
        revision=row.revision if final else 0,
        final=final,
    )
