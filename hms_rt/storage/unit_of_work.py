"""One command, one transaction: rows, changes, audit trail and the idempotent answer commit together.

The life of a command is DESIGN §4: services work through :class:`UnitOfWork`; projectors turn recorded
events into changes; the last statement hands all of them to PostgreSQL, which numbers them during COMMIT.
"""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hms_rt.kernel.changes import Change, Event
from hms_rt.kernel.clock import Clock
from hms_rt.kernel.commands import ANSWERED_BEFORE, Command
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.kernel.ids import Ids
from hms_rt.kernel.principal import Principal
from hms_rt.storage import flush, postgres

ATTEMPTS = 3
AS_READ = "_as_read_check"
"""So ends the name of a rule that looks at rows which others may change after a command has read them:
refused by it, the command runs again."""

T = TypeVar("T", bound=BaseModel | None)
Projector = Callable[["UnitOfWork", Any], Awaitable[None]]
Projectors = Mapping[type[Event], Sequence[Projector]]


@dataclass(slots=True)
class UnitOfWork:
    """What a service works with while its transaction is open (READ COMMITTED)."""

    connection: AsyncConnection
    principal: Principal
    command: Command
    now: datetime
    ids: Ids
    projectors: Projectors
    events: list[Event] = field(default_factory=list)
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)
    audits: list[flush.AuditEntry] = field(default_factory=list)
    timers: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """Durable timers that were set, by kind and key: when they are due."""

    def record(self, event: Event) -> None:
        """Record a fact; its projectors run before the commit, in the order of recording."""
        self.events.append(event)

    def change(self, change: Change) -> None:
        """Put a change on its stream; the last one for a key of a stream wins (changes are absolute)."""
        place = (change.stream, change.key)
        self.changes.pop(place, None)
        self.changes[place] = change

    def audit(
        self,
        action: str,
        *,
        entity: str,
        entity_id: uuid.UUID | str,
        patient_id: uuid.UUID | None = None,
        detail: Mapping[str, Any] | None = None,
        outcome: Literal["allowed", "denied"] = "allowed",
    ) -> None:
        """Account for an access; ``detail`` is plain JSON and holds no clinical content.

        What a command is denied is accounted for by itself; ``denied`` is for what was denied before.
        """
        self.audits.append(
            flush.AuditEntry(
                at=self.now,
                action=action,
                outcome=outcome,
                entity=entity,
                entity_id=str(entity_id),
                patient_id=patient_id,
                detail=dict(detail or {}),
            )
        )

    async def project(self) -> None:
        """Run the projectors, also of events that projectors record in turn."""
        position = 0
        while position < len(self.events):
            event = self.events[position]
            position += 1
            for projector in self.projectors.get(type(event), ()):
                await projector(self, event)


class UnitsOfWork:
    """Runs commands. One instance per process, made by the composition root.

    ``committed`` is called with the transaction id after every commit that changed a stream, ``timed`` with
    the time of the soonest timer after every commit that set one. ``reached`` is called at named points, for
    fault tests: ``before_commit``, ``after_commit``.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        ids: Ids,
        projectors: Projectors,
        *,
        reached: Callable[[str], None] | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._ids = ids
        self._projectors = projectors
        self._reached = reached or (lambda point: None)
        self.committed: Callable[[int], None] = lambda xid: None
        self.timed: Callable[[datetime], None] = lambda due_at: None

    def now(self) -> datetime:
        """The time, for decisions that open no unit of work."""
        return self._clock.now()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A read-only view of one moment of the database."""
        async with postgres.snapshot(self._engine) as connection:
            yield connection

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[AsyncConnection]:
        """For reads of one statement each: cheaper than :meth:`reading`, and not one moment for all."""
        async with postgres.statements(self._engine) as connection:
            yield connection

    async def execute(
        self,
        principal: Principal,
        command: Command,
        answer: type[T],
        work: Callable[[UnitOfWork], Awaitable[T]],
    ) -> T:
        """Run ``work`` once, however often the caller retries, and answer what it returned.

        ``answer`` is the type of the result (``type(None)`` for none): a retried command gets the stored
        result back without running. Raises what ``work`` raises; ``conflict`` after three deadlocks;
        ``unavailable`` when PostgreSQL is away. A FORBIDDEN outcome is audited in a transaction of its own.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._attempt(principal, command, answer, work)
            except HmsError as error:
                if error.code is Code.FORBIDDEN:
                    await self._audit_denial(principal, command, error)
                raise
            except (TimeoutError, SQLAlchemyError, OSError) as error:
                again = self._may_run_again(error, command)
                if attempt == ATTEMPTS or not again:
                    raise self._told(error) from error
                await asyncio.sleep(random.uniform(0.002, 0.02) * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    @staticmethod
    def _may_run_again(error: BaseException, command: Command) -> bool:
        """A lost COMMIT has an unknown outcome: only an idempotency key makes running again safe."""
        if postgres.worth_retrying(error):
            return True
        if isinstance(error, IntegrityError):
            rule = postgres.violated(error) or ""
            return rule == "idempotency_pkey" or rule.endswith(AS_READ)
        return command.key is not None and postgres.lost_connection(error)

    @staticmethod
    def _told(error: BaseException) -> BaseException:
        told = postgres.refusal(error)
        if told is not None:
            return told
        if isinstance(error, IntegrityError):
            rule = postgres.violated(error) or "a rule of the database"
            return conflict(f"refused by {rule}")
        return error

    async def _attempt(
        self,
        principal: Principal,
        command: Command,
        answer: type[T],
        work: Callable[[UnitOfWork], Awaitable[T]],
    ) -> T:
        async with self._engine.connect() as connection:
            async with connection.begin():
                stored = await flush.stored_answer(connection, principal, command)
                if stored is not None:
                    ANSWERED_BEFORE.set(True)
                    return _revive(answer, stored.answer)
                uow = UnitOfWork(
                    connection, principal, command, self._clock.now(), self._ids, self._projectors
                )
                result = await work(uow)
                await uow.project()
                xid = await flush.flush(
                    connection,
                    principal,
                    command,
                    audits=uow.audits,
                    changes=list(uow.changes.values()),
                    answer=None if result is None else result.model_dump(mode="json"),
                )
                self._reached("before_commit")
            self._reached("after_commit")
        if uow.changes:
            self.committed(xid)
        if uow.timers:
            self.timed(min(uow.timers.values()))
        return result

    async def _audit_denial(self, principal: Principal, command: Command, error: HmsError) -> None:
        """A denial must be accounted for even though its own transaction was rolled back."""
        now = self._clock.now()
        entry = flush.AuditEntry(
            at=now,
            action=command.name,
            outcome="denied",
            entity="command",
            entity_id=command.request_id,
            patient_id=None,
            detail={"reason": error.detail},
        )
        try:
            async with self._engine.begin() as connection:
                await flush.flush(
                    connection,
                    principal,
                    Command(name=command.name, request_id=command.request_id, address=command.address),
                    audits=[entry],
                    changes=[],
                    answer=None,
                )
        except (TimeoutError, SQLAlchemyError, OSError) as failure:
            raise self._told(failure) from failure


def _revive(answer: type[T], stored: Any) -> T:
    if issubclass(answer, BaseModel):
        return cast(T, answer.model_validate(stored))
    return cast(T, None)
