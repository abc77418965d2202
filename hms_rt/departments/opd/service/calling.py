"""Calling patients to a counter: the next in line, or one in particular."""

import uuid
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd.events import LineMoved
from hms_rt.departments.opd.model import line
from hms_rt.departments.opd.model.token import Move, Token
from hms_rt.departments.opd.repository import clinics, lines, tokens
from hms_rt.departments.opd.repository.moves import Moved
from hms_rt.departments.opd.schemas.queue import CallIn, NextIn, TokenOut
from hms_rt.departments.opd.service.clinics import check_clinic
from hms_rt.departments.opd.service.foundation import Foundation, token_out
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_counter
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

_BUSY = "opd_token_counter_busy_key"
_CLOSED = "opd_token_counter_open_check"


class Calling(Foundation):
    """One token goes to one counter: the database refuses a second one at either."""

    async def call_next(self, principal: Principal, command: Command, clinic: str, body: NextIn) -> TokenOut:
        """Call who is next by the rule of ``model.line``: the urgent first, then appointments that are due
        and walk-ins in turn; of those who wait for one doctor or for nobody in particular, if that is told.
        Whoever calls the next one in a clinic waits for who does so already.

        Tokens that somebody else is calling at this moment are passed over. Raises ``conflict`` when
        nobody waits, or the counter is closed, busy, or another clinic's.
        """

        async def work(uow: UnitOfWork) -> TokenOut:
            require(principal, Permission.TOKEN_CALL)
            await check_clinic(uow.connection, clinic)
            require_counter(principal, Permission.TOKEN_CALL, body.counter)
            await _hold_open(uow.connection, clinic, body.counter)
            at = occurred(body.occurred_at, uow.now)
            token = await _next(uow, clinic, body, body.day or self._day(at), at)
            return await self._call(uow, token, body)

        return await self._units.execute(principal, command, TokenOut, work)

    async def call(
        self, principal: Principal, command: Command, token_id: uuid.UUID, body: CallIn
    ) -> TokenOut:
        """Call this token, whatever its place in line. Raises as :meth:`call_next`, and ``illegal_move``."""

        async def work(uow: UnitOfWork) -> TokenOut:
            require(principal, Permission.TOKEN_CALL)
            found = await tokens.find(uow.connection, token_id)
            if found is None:
                raise not_found("that token")
            require_counter(principal, Permission.TOKEN_CALL, body.counter)
            await _hold_open(uow.connection, found.clinic, body.counter)
            token = await self._locked(uow.connection, token_id)
            command.check_version(token.version)
            return await self._call(uow, token, body)

        return await self._units.execute(principal, command, TokenOut, work)

    async def _call(self, uow: UnitOfWork, token: Token, body: CallIn | NextIn) -> TokenOut:
        at = occurred(body.occurred_at, uow.now, after=token.since)
        after = token.moved(Move.CALL, at, counter=body.counter)
        try:
            await self._save(uow, Move.CALL, [Moved(token, after)])
            await lines.came(uow.connection, token.id, after.since)
        except IntegrityError as error:
            if violated(error) == _BUSY:
                raise conflict(f"counter {body.counter} has a patient: finish first") from error
            if violated(error) == _CLOSED:
                raise _closed(body.counter) from error
            raise
        uow.audit(
            "token.call",
            entity="token",
            entity_id=token.id,
            patient_id=token.patient_id,
            detail={"counter": body.counter},
        )
        return token_out(uow.principal, after)


async def _next(uow: UnitOfWork, clinic: str, body: NextIn, day: date, at: datetime) -> Token:
    """Lock who is next, and take the turn; raises ``conflict`` if nobody waits."""
    row = await lines.lock(uow.connection, clinic)
    for lane in line.lanes(row.in_row, row.at_most):
        token = await tokens.lock_next(uow.connection, clinic, day, lane, at, doctor=body.doctor)
        if token is None:
            continue
        in_row = line.called(lane, row.in_row, row.at_most)
        if in_row != row.in_row:
            await lines.set_in_row(uow.connection, clinic, in_row)
            uow.record(LineMoved(clinic))
        return token
    raise conflict(f"nobody is waiting in clinic {clinic}" + (" for this doctor" if body.doctor else ""))


async def _hold_open(connection: AsyncConnection, clinic: str, code: str) -> None:
    """Keep an open counter of the clinic open until the commit."""
    row = await clinics.lock_counter(connection, code, share=True)
    if row is None:
        raise not_found(f"counter {code}")
    if row.clinic_code != clinic:
        raise conflict(f"counter {code} is not one of clinic {clinic}")
    if not row.open:
        raise _closed(code)


def _closed(code: str) -> Exception:
    return conflict(f"counter {code} is closed: open it first")
