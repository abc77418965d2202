"""Occupancy by hour: finished once by a timer, corrected when a stay is."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.ipd.model.touched import HOUR, full, joined, shared
from hms_rt.departments.ipd.repository import hours as hour_rows
from hms_rt.departments.ipd.schemas.hours import HourOut, HoursOut, HoursQuery
from hms_rt.departments.ipd.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

GRACE = timedelta(minutes=5)
"""An hour is finished this long after it ended: most late entries come before and need no correction."""

AT_ONCE = 72
"""Hours of every ward that one transaction finishes, after the server was away for long."""

AGAIN = 2_000
"""Hours of a ward that one transaction looks at again: about 0.2 s of the database where 15 patients lie."""

ROWS = 1_000
"""Notes of touched times that one transaction takes; they are joined, so that no hour is computed twice."""

TRANSACTIONS = 20
"""That one look of the timer makes: years that are told at once (an import) take minutes."""


class Hours(Foundation):
    """What stays cheap for ten years: a row for every ward and hour, read by its key."""

    async def finish_hours(self, principal: Principal, command: Command) -> None:
        """The server's timer: finishes hours that are over, and looks again at those that a stay touched.

        One process at a time: the others leave it to that one. A stay and the note that it touched an hour
        commit together, so whatever the hour was computed without is looked at next time. Every transaction
        does a bounded piece and notes what is left, so that no amount of late entries can stop the timer.
        """
        more = True

        async def work(uow: UnitOfWork) -> None:
            nonlocal more
            more = await self._finish_some(uow)

        for _ in range(TRANSACTIONS):
            await self._units.execute(principal, command, type(None), work)
            if not more:
                return

    async def _finish_some(self, uow: UnitOfWork) -> bool:
        """One bounded piece; whether there is more to do now."""
        since = await hour_rows.lock_mark(uow.connection)
        if since is None:
            return False
        over = full(uow.now - GRACE)
        until = min(over, since + AT_ONCE * HOUR)
        times = await hour_rows.take_touched(uow.connection, most=ROWS)
        if until > since:
            await hour_rows.finish(uow.connection, since, until, uow.now)
            await hour_rows.move_mark(uow.connection, until)
        now, later = shared(joined(times, since), AGAIN)
        for one in now:
            await hour_rows.finish(uow.connection, one.since, one.until, uow.now, one.ward)
        await hour_rows.put_back(uow.connection, later)
        return until < over or bool(later) or len(times) == ROWS

    async def occupancy_by_hour(self, principal: Principal, query: HoursQuery) -> HoursOut:
        """The hours of a ward that begin in the time asked for, the running one as it is now; no names."""
        require(principal, Permission.BEDS_FREE)
        now = self._units.now()
        async with self._units.reading() as connection:
            mark = await hour_rows.mark(connection)
            rows = await hour_rows.finished(connection, query.ward, query.since, query.until)
            shown = [_out(row, final=True) for row in rows]
            first = max(mark, full(query.since + HOUR - timedelta(microseconds=1)))
            last = min(full(query.until + HOUR - timedelta(microseconds=1)), full(now) + HOUR)
            if first < last:
                rows = await hour_rows.running(connection, query.ward, first, last)
                shown += [_out(row, final=False) for row in rows]
        return HoursOut(ward=query.ward, hours=shown)


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
