"""Reading queues and tokens; the rooms' states."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import views
from hms_rt.departments.opd.model import line
from hms_rt.departments.opd.model.token import Token, TokenState
from hms_rt.departments.opd.repository import clinics, lines, queues, tokens
from hms_rt.departments.opd.schemas.queue import (
    DayOut,
    HistoryOut,
    QueueOut,
    QueueQuery,
    StepOut,
    SummaryOut,
    TokenCursor,
    TokenOut,
    TokenQuery,
    TokenWithWait,
    WaitOut,
)
from hms_rt.departments.opd.service.clinics import find_clinic
from hms_rt.departments.opd.service.foundation import Foundation, expected_wait, token_out, treats
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import forbidden, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, require_clinic
from hms_rt.storage.unit_of_work import UnitOfWork

State = dict[str, Mapping[str, Any]]


class Queue(Foundation):
    """What people and screens see. Reads that name patients are audited."""

    async def queue(self, principal: Principal, command: Command, clinic: str, query: QueueQuery) -> QueueOut:
        """The clinic's queue as its room shows it, or only its tokens of one day or doctor. Raises
        ``not_found``."""

        async def work(uow: UnitOfWork) -> QueueOut:
            found = await find_clinic(uow.connection, clinic)
            _require_reader(principal, clinic)
            shown = await _in_order(uow, clinic, query.day)
            if query.doctor is not None:
                shown = [token for token in shown if token.doctor_id == query.doctor]
            row = await queues.summary(uow.connection, clinic)
            uow.audit("queue.read", entity="clinic", entity_id=clinic)
            return QueueOut(
                clinic=clinic,
                day=found.day,
                summary=SummaryOut(**views.summary_value(row)),
                counters=found.counters,
                tokens=[token_out(principal, token) for token in shown],
            )

        return await self._units.execute(principal, replace(command, key=None), QueueOut, work)

    async def tokens(
        self, principal: Principal, command: Command, clinic: str, query: TokenQuery
    ) -> Page[TokenOut]:
        """One page of the clinic's tokens of a day, finished ones too, by number. Raises ``not_found``."""
        after = decode_cursor(query.cursor, TokenCursor) if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[TokenOut]:
            found = await find_clinic(uow.connection, clinic)
            _require_reader(principal, clinic)
            rows = await tokens.of_day(
                uow.connection,
                clinic,
                query.day or found.day,
                state=query.state,
                after=(after.number, after.id) if after else None,
                limit=query.limit + 1,
            )
            shown, following = cut(rows, query.limit, lambda row: TokenCursor(number=row.number, id=row.id))
            uow.audit("queue.read", entity="clinic", entity_id=clinic)
            return Page[TokenOut](items=[token_out(principal, row) for row in shown], next_cursor=following)

        return await self._units.execute(principal, replace(command, key=None), Page[TokenOut], work)

    async def day(self, principal: Principal, clinic: str, day: date) -> DayOut:
        """The queue of a day in sum, zeros for a day without tokens. Raises ``not_found``."""
        require_clinic(principal, Permission.QUEUE_READ, clinic)
        async with self._units.reading() as connection:
            await find_clinic(connection, clinic)
            row = await queues.day_counts(connection, clinic, day)
        counts = {state.value: getattr(row, state.value) if row else 0 for state in TokenState}
        return DayOut(clinic=clinic, day=day, last_number=row.last_number if row else 0, **counts)

    async def token(self, principal: Principal, command: Command, token_id: uuid.UUID) -> TokenWithWait:
        """One token and, while it waits, how long it is expected to. Raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> TokenWithWait:
            token = await _seen(uow.connection, principal, token_id)
            uow.audit("token.read", entity="token", entity_id=token_id, patient_id=token.patient_id)
            wait = await _wait(uow.connection, token, uow.now)
            return TokenWithWait(**token_out(principal, token).model_dump(), wait=wait)

        return await self._units.execute(principal, replace(command, key=None), TokenWithWait, work)

    async def history(self, principal: Principal, command: Command, token_id: uuid.UUID) -> HistoryOut:
        """The way of a token's number through all queues, oldest first. Raises ``not_found``,
        ``forbidden``."""

        async def work(uow: UnitOfWork) -> HistoryOut:
            token = await _seen(uow.connection, principal, token_id)
            uow.audit("token.read", entity="token", entity_id=token_id, patient_id=token.patient_id)
            rows = await tokens.history(uow.connection, token)
            return HistoryOut(items=[_step_out(row) for row in rows])

        return await self._units.execute(principal, replace(command, key=None), HistoryOut, work)

    # --- rooms

    @staticmethod
    def audience(principal: Principal, clinic: str) -> Audience:
        """Which view of a clinic's queue ``principal`` gets; raises ``forbidden`` for none."""
        require_clinic(principal, Permission.QUEUE_READ, clinic)
        if principal.kind is PrincipalKind.DEVICE:
            return Audience.DISPLAY
        return Audience.CLINICAL if treats(principal, clinic) else Audience.STAFF

    @staticmethod
    async def clinic_state(connection: AsyncConnection, code: str) -> State | None:
        """The state of stream ``opd/clinic:<code>``: every token that is not finished, of whatever day;
        None if there is no such clinic."""
        found = await clinics.clinics(connection, code)
        if not found:
            return None
        state: State = {
            views.CLINIC_KEY: views.announcing(
                views.clinic_value(found[0].code, found[0].name, found[0].day),
                await lines.announcements(connection, code),
            ),
            views.LINE_KEY: views.line_value(await lines.line(connection, code)),
            views.SUMMARY_KEY: views.summary_value(await queues.summary(connection, code)),
        }
        for row in await clinics.counters(connection, clinics_of=[code]):
            state[views.counter_key(row.code)] = views.counter_value(row)
        for token in await tokens.in_room(connection, code):
            state[views.token_key(token.id)] = views.token_value(token)
        return state


async def _in_order(uow: UnitOfWork, clinic: str, day: date | None) -> list[Token]:
    """Everybody who is not finished: who waits last, day by day in the order of being called."""
    found = await tokens.in_room(uow.connection, clinic, day)
    row = await lines.line(uow.connection, clinic)
    waits = [token for token in found if token.state is TokenState.WAITING]
    shown = [token for token in found if token.state is not TokenState.WAITING]
    for one in sorted({token.day for token in waits}):
        of_day = [token for token in waits if token.day == one]
        shown += line.in_order(of_day, uow.now, row.in_row, row.at_most)
    return shown


def _require_reader(principal: Principal, clinic: str) -> None:
    """Answers name patients: a screen gets its room and nothing else."""
    require_clinic(principal, Permission.QUEUE_READ, clinic)
    if principal.kind is PrincipalKind.DEVICE:
        raise forbidden("a screen reads its room only")


async def _seen(connection: AsyncConnection, principal: Principal, token_id: uuid.UUID) -> Token:
    token = await tokens.find(connection, token_id)
    if token is None:
        raise not_found("that token")
    _require_reader(principal, token.clinic)
    return token


async def _wait(connection: AsyncConnection, token: Token, now: datetime) -> WaitOut | None:
    if token.state is not TokenState.WAITING:
        return None
    ahead, expected = await expected_wait(connection, token, now)
    promised = await lines.promised(connection, token.id)
    return WaitOut(
        ahead=ahead,
        p50_s=expected.p50_s if expected else None,
        p90_s=expected.p90_s if expected else None,
        promised_p50_s=promised.p50_s if promised else None,
        promised_p90_s=promised.p90_s if promised else None,
    )


def _step_out(row: Any) -> StepOut:
    return StepOut(
        token_id=row.token_id,
        clinic=row.clinic_code,
        move=row.move,
        before=row.before,
        after=row.after,
        counter=row.counter_code,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        principal_id=row.principal_id,
        reason=row.reason,
    )
