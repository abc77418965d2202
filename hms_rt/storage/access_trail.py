"""Accounting for accesses outside commands, many in one transaction.

When thousands of screens come back at once, a transaction for each would be all that the database does.
Who comes while a transaction is under way waits for the next one, so nothing is delayed when there is
little to do, and the more come the more share a commit.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.kernel.clock import Clock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.ids import Ids
from hms_rt.kernel.principal import Principal
from hms_rt.storage import postgres

BATCH = 500
MAX_WAITING = 10_000
WRITE_S = 5.0

_INSERT = text(
    """
    INSERT INTO audit_log (at, principal_kind, principal_id, session_id, action, outcome, entity,
                           entity_id, patient_id, detail, request_id, address)
    SELECT a.at, a.principal_kind, a.principal_id, a.session_id, a.action, 'allowed', a.entity,
           a.entity_id, NULL, a.detail, a.request_id, a.address
    FROM jsonb_to_recordset(CAST(:accesses AS jsonb)) AS a(
        at timestamptz, principal_kind text, principal_id uuid, session_id uuid, action text, entity text,
        entity_id text, detail jsonb, request_id text, address text)
    """
)


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody was allowed to see; ``detail`` is plain JSON and holds no clinical content."""

    principal: Principal
    action: str
    entity: str
    entity_id: str
    detail: Mapping[str, Any]
    address: str = ""


class AccessTrail:
    """Writes accesses to the audit trail. One instance per process, made by the composition root."""

    def __init__(self, engine: AsyncEngine, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._clock = clock
        self._ids = ids
        self._waiting: list[tuple[Access, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def account(self, access: Access) -> None:
        """Return once ``access`` stands in the trail, durably. Raises ``unavailable`` if that fails.

        Whoever gives up meanwhile hurts no other; its line may be written all the same.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise HmsError(Code.UNAVAILABLE, "too many at once: try again", retry_after_ms=2_000)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((access, written))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="access trail")
        await written

    async def close(self) -> None:
        """Write what waits."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._settle([(access, written) for access, written in batch if not written.done()])
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[tuple[Access, asyncio.Future[None]]]) -> None:
        """Write a batch, and tell everybody in it what came of it."""
        try:
            if batch:
                await self._write([access for access, _ in batch])
        except Exception as error:
            for written in _open(batch):
                written.set_exception(_told(error))
        else:
            for written in _open(batch):
                written.set_result(None)

    async def _write(self, accesses: Sequence[Access]) -> None:
        lines = orjson.dumps([self._line(access) for access in accesses]).decode()
        async with asyncio.timeout(WRITE_S), self._engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(_INSERT, {"accesses": lines})

    def _line(self, access: Access) -> dict[str, Any]:
        return {
            "at": self._clock.now(),
            "principal_kind": access.principal.kind.value,
            "principal_id": str(access.principal.id),
            "session_id": str(access.principal.session_id),
            "action": access.action,
            "entity": access.entity,
            "entity_id": access.entity_id,
            "detail": access.detail,
            "request_id": str(self._ids.new()),
            "address": access.address,
        }


def _open(batch: Sequence[tuple[Access, asyncio.Future[None]]]) -> list[asyncio.Future[None]]:
    """Of those who still wait."""
    return [written for _, written in batch if not written.done()]


def _told(failure: Exception) -> Exception:
    """One of its own for each who waited: an exception is raised once."""
    told: Exception | None = postgres.refusal(failure)
    told = told or RuntimeError(f"the access was not accounted for: {type(failure).__name__}")
    told.__cause__ = failure
    return told
