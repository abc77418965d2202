"""The end of a queue's day."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from hms_rt.departments.opd.events import DayReached
from hms_rt.departments.opd.model.appointment import AppointmentMove
from hms_rt.departments.opd.model.token import Move
from hms_rt.departments.opd.repository import appointments, clinics, tokens
from hms_rt.departments.opd.repository.moves import Moved, move_appointment
from hms_rt.departments.opd.schemas.queue import DayEndIn, DayEndOut
from hms_rt.departments.opd.service.clinics import check_clinic
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.storage.unit_of_work import UnitOfWork

DAY_CHANGED = "the day changed"
"""The reason given to tokens that the server closes by itself."""


class DayEnd(Foundation):
    """Closes what is left; nothing stays on a board for ever."""

    async def day_end(self, principal: Principal, command: Command, clinic: str, body: DayEndIn) -> DayEndOut:
        """Close every unfinished token of the clinic, of one day or of all days so far, with the reason; and
        appointments whose time is over and to which nobody came.

        Tokens can still be issued afterwards. Raises ``not_found``, ``forbidden``.
        """

        async def work(uow: UnitOfWork) -> DayEndOut:
            require(principal, Permission.DAY_END)
            await check_clinic(uow.connection, clinic)
            require_clinic(principal, Permission.DAY_END, clinic)
            at = occurred(body.occurred_at, uow.now)
            left = await tokens.lock_left(uow.connection, clinic, until=self._day(at), only=body.day)
            pairs = [
                Moved(token, token.moved(Move.DAY_END, max(at, token.since), reason=body.reason))
                for token in left
            ]
            await self._save(uow, Move.DAY_END, pairs)
            missed = await self._missed(uow, clinic, self._day(at), body.day, body.reason)
            _audit(uow, clinic, len(pairs), missed, body.reason)
            return DayEndOut(clinic=clinic, closed=len(pairs), missed=missed)

        return await self._units.execute(principal, command, DayEndOut, work)

    async def close_past_days(self, principal: Principal, command: Command) -> int:
        """The server's timer: every clinic goes on to today; how many tokens were closed.

        Appointments of days before today that nobody came to become no-shows. Closed is what is left of days
        before today and was recorded before today began. So what is entered late today, such as the replay
        of an old log, stays open until tomorrow. One transaction per clinic.
        """
        without_key = replace(command, key=None)
        closed = 0
        async with self._units.reading() as connection:
            codes = [row.code for row in await clinics.clinics(connection)]
        for code in codes:
            ended = await self._units.execute(principal, without_key, DayEndOut, self._past_days(code))
            closed += ended.closed
        return closed

    def _past_days(self, clinic: str) -> Callable[[UnitOfWork], Awaitable[DayEndOut]]:
        async def work(uow: UnitOfWork) -> DayEndOut:
            require(uow.principal, Permission.DAY_END)
            today = self._day(uow.now)
            midnight = datetime.combine(today, time.min, tzinfo=self._zone)
            left = await tokens.lock_left(
                uow.connection, clinic, until=today - timedelta(days=1), recorded_before=midnight
            )
            pairs = [
                Moved(token, token.moved(Move.DAY_END, max(uow.now, token.since), reason=DAY_CHANGED))
                for token in left
            ]
            await self._save(uow, Move.DAY_END, pairs)
            uow.record(DayReached(clinic, today))
            missed = await self._missed(uow, clinic, today - timedelta(days=1), None, DAY_CHANGED)
            if pairs or missed:
                _audit(uow, clinic, len(pairs), missed, DAY_CHANGED)
            return DayEndOut(clinic=clinic, closed=len(pairs), missed=missed)

        return work

    @staticmethod
    async def _missed(uow: UnitOfWork, clinic: str, until: date, only: date | None, reason: str) -> int:
        """Nobody came to the appointments whose time is over; how many."""
        missed = await appointments.lock_missed(uow.connection, clinic, until, uow.now, only=only)
        for held in missed:
            after = held.moved(AppointmentMove.NO_SHOW, max(uow.now, held.since), reason=reason)
            await move_appointment(uow, AppointmentMove.NO_SHOW, held, after)
        return len(missed)


def _audit(uow: UnitOfWork, clinic: str, closed: int, missed: int, reason: str) -> None:
    detail = {"closed": closed, "missed": missed, "reason": reason}
    uow.audit("clinic.day_end", entity="clinic", entity_id=clinic, detail=detail)
