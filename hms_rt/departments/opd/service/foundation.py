"""What every part of the service works with."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.opd import views
from hms_rt.departments.opd.events import TokenIssued
from hms_rt.departments.opd.model import line
from hms_rt.departments.opd.model.token import AT_COUNTER, Move, Token, hospital_day
from hms_rt.departments.opd.model.waiting import Wait, estimate
from hms_rt.departments.opd.repository import clinics, lines, queues, tokens
from hms_rt.departments.opd.repository.moves import TOKEN_CAUSES, Moved, count, move_tokens
from hms_rt.departments.opd.schemas.queue import TokenOut
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.audiences import masked
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.errors import Code, HmsError, forbidden, not_found
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.security.permissions import Permission, counters, require_counter
from hms_rt.security.permissions import clinics as clinics_in_reach
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork


class Foundation:
    """The collaborators of the service; ``zone`` is where the hospital's day begins."""

    def __init__(
        self, units: UnitsOfWork, patients: PatientsService, identity: IdentityService, zone: ZoneInfo
    ) -> None:
        self._units = units
        self._patients = patients
        self._identity = identity
        self._zone = zone

    def _day(self, moment: datetime) -> date:
        return hospital_day(moment, self._zone)

    async def _save(
        self, uow: UnitOfWork, move: Move, moved: Sequence[Moved], joined: Sequence[Token] = ()
    ) -> None:
        """Write locked tokens as ``move`` left them, and new ones that it made; record what happened."""
        await move_tokens(uow, move, moved)
        for token in joined:
            await self._join(uow, token, TOKEN_CAUSES[move], move)
        count(uow, moved, joined)

    async def _join(self, uow: UnitOfWork, token: Token, cause: Cause, move: Move | None = None) -> None:
        """Add a token to its queue, which exists, and keep what is promised to it."""
        await tokens.insert(uow.connection, token, uow.now)
        ahead, expected = await expected_wait(uow.connection, token, uow.now)
        await lines.promise(uow.connection, token, ahead, expected)
        await tokens.remember(uow.connection, [(None, token)], move, uow.principal.id, uow.now)
        uow.record(TokenIssued(token.id, token.patient_id, token.clinic, token.day, cause))

    async def _require_at(
        self, connection: AsyncConnection, principal: Principal, permission: Permission, token: Token
    ) -> None:
        """A token at a counter is that counter's; any other one that of the clinic and all its counters."""
        if token.counter is not None and token.state in AT_COUNTER:
            require_counter(principal, permission, token.counter)
            return
        places = clinics_in_reach(principal, permission)
        if places is None or token.clinic in places:
            return
        own = counters(principal, permission) or frozenset()
        rows = await clinics.counters(connection, clinics_of=[token.clinic])
        if own.isdisjoint(row.code for row in rows):
            raise forbidden()

    async def _check_doctor(self, uow: UnitOfWork, doctor_id: uuid.UUID) -> None:
        """Raises ``invalid`` unless this is an active doctor."""
        doctors = await self._identity.users_with(uow.connection, roles=[Role.DOCTOR])
        if doctor_id not in {doctor.id for doctor in doctors}:
            raise HmsError(Code.INVALID, "doctor_id: not an active doctor of this hospital")

    @staticmethod
    async def _locked(connection: AsyncConnection, token_id: uuid.UUID) -> Token:
        token = await tokens.lock(connection, token_id)
        if token is None:
            raise not_found("that token")
        return token


async def expected_wait(connection: AsyncConnection, token: Token, now: datetime) -> tuple[int, Wait | None]:
    """How many are called before a waiting token as things stand, and how long that takes; who is too early
    for an appointment waits for its time at least."""
    waiting = await tokens.waiting(connection, token.clinic, token.day)
    row = await lines.line(connection, token.clinic)
    ordered = line.in_order(waiting, now, row.in_row, row.at_most)
    ahead = next(place for place, other in enumerate(ordered) if other.id == token.id)
    expected = estimate(ahead, views.pace(await queues.summary(connection, token.clinic)))
    if expected is None or line.lane_of(token, now) is not line.Lane.EARLY or token.due_at is None:
        return ahead, expected
    early = round((token.due_at - now).total_seconds())
    return ahead, Wait(max(expected.p50_s, early), max(expected.p90_s, early))


def treats(principal: Principal, clinic: str) -> bool:
    """Whether ``principal`` treats the clinic's patients; the server itself may do whatever they may."""
    if principal.kind is PrincipalKind.SYSTEM:
        return True
    reach = clinics_in_reach(principal, Permission.RECORD_READ)
    return principal.has(Role.DOCTOR, Role.NURSE) and (reach is None or clinic in reach)


def token_out(principal: Principal, token: Token) -> TokenOut:
    """A token as ``principal`` may see it."""
    value = {name: getattr(token, name) for name in TokenOut.model_fields}
    return TokenOut(**(value if treats(principal, token.clinic) else masked(value, mrn=False)))
