"""What administrators see of the server's durable timers."""

import uuid
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.notifications.model.notification import Kind, Priority, Subject
from hms_rt.departments.notifications.model.wording import Phrase, say
from hms_rt.departments.notifications.schemas.timers import TimerCursor, TimerOut, TimerQuery
from hms_rt.departments.notifications.service.telling import Telling
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal, Role
from hms_rt.kernel.timers import Timer
from hms_rt.security.permissions import Permission, require
from hms_rt.storage import timers
from hms_rt.storage.unit_of_work import UnitOfWork


class FailedTimers(Telling):
    """Timers that were given up: seen, told of, and tried again."""

    async def timers(self, principal: Principal, query: TimerQuery) -> Page[TimerOut]:
        """Timers in a state, newest first; without a state those that failed for good."""
        require(principal, Permission.TIMERS)
        before = decode_cursor(query.cursor, TimerCursor).id if query.cursor else None
        async with self._units.reading() as connection:
            rows = await timers.page(connection, query.state, before=before, limit=query.limit + 1)
        shown, cursor = cut(rows, query.limit, lambda row: TimerCursor(id=row.id))
        return Page[TimerOut](items=[_out(row) for row in shown], next_cursor=cursor)

    async def retry_timer(self, principal: Principal, command: Command, timer_id: uuid.UUID) -> TimerOut:
        """Let a timer that failed for good be tried at once. Raises ``conflict`` unless it did."""

        async def work(uow: UnitOfWork) -> TimerOut:
            require(principal, Permission.TIMERS)
            row = await timers.retry(uow, timer_id)
            if row is None:
                raise conflict("there is no failed timer of that id: it may have been tried again already")
            uow.audit("timer.retry", entity="timer", entity_id=timer_id, detail={"kind": row.kind})
            return _out(row)

        return await self._units.execute(principal, command, TimerOut, work)

    async def timer_died(self, uow: UnitOfWork, timer: Timer) -> None:
        """Tell the administrators of a timer that failed for good; in the transaction that gives it up."""
        people = await self._identity.users_with(uow.connection, roles=[Role.ADMIN])
        await self.notify(
            uow,
            [one.id for one in people],
            Kind.TIMER_FAILED,
            say(Phrase.TIMER_FAILED, kind=timer.kind),
            Subject("timer", str(timer.id)),
            priority=Priority.HIGH,
        )


def _out(row: Row[Any]) -> TimerOut:
    return TimerOut(
        id=row.id,
        kind=row.kind,
        key=row.key,
        state=row.state,
        due_at=row.due_at,
        run_at=row.run_at,
        attempts=row.attempts,
        error=row.error,
        payload=row.payload,
        version=row.version,
    )
