"""Reading the audit trail, sealing it, and checking the seals."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hms_rt.departments.audit import repository
from hms_rt.departments.audit.model import FIRST_DIGEST, Break, Seal, digest, ranges
from hms_rt.departments.audit.schemas import (
    AuditCursor,
    AuditLine,
    AuditQuery,
    BrokenSeal,
    SealCursor,
    SealQuery,
    SealReport,
)
from hms_rt.kernel.clock import Clock
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, cut, decode_cursor, encode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage import postgres
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

log = structlog.get_logger(__name__)

SEAL_LINES = 5_000
"""Lines that one seal covers at most."""
SEALS_AT_ONCE = 20
"""Seals that one run of the job makes at most; the next run goes on."""
CHECK_SEALS = 200
CHECK_LINES = 20_000
"""How much one check covers at most: it answers where to go on."""


class AuditService:
    """The audit trail, for administrators and privacy officers, and the job that seals it."""

    def __init__(self, units: UnitsOfWork, engine: AsyncEngine, clock: Clock) -> None:
        self._units = units
        self._engine = engine
        self._clock = clock

    async def search(self, principal: Principal, command: Command, query: AuditQuery) -> Page[AuditLine]:
        """Lines of the trail, newest first. Looking is audited too."""
        after = decode_cursor(query.cursor, AuditCursor) if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[AuditLine]:
            require(principal, Permission.AUDIT_READ)
            rows = await repository.search(
                uow.connection,
                patient_id=query.patient_id,
                principal_id=query.principal_id,
                action=query.action,
                since=query.since,
                until=query.until,
                before=(after.at, after.id) if after is not None else None,
                limit=query.limit + 1,
            )
            asked = query.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"cursor"})
            uow.audit(
                "audit.read",
                entity="audit",
                entity_id=command.request_id,
                patient_id=query.patient_id,
                detail=asked,
            )
            lines = [AuditLine.model_validate(row) for row in rows]
            shown, cursor = cut(lines, query.limit, lambda line: AuditCursor(at=line.at, id=line.id))
            return Page[AuditLine](items=list(shown), next_cursor=cursor)

        return await self._units.execute(principal, command, Page[AuditLine], work)

    async def seal(self) -> int:
        """Seal what was committed since the last run (a timer calls this); answers how many lines.

        One process at a time; the others do nothing. Digests are logged, so that they stand outside the
        database too.
        """
        sealed = 0
        for _ in range(SEALS_AT_ONCE):
            made = await self._seal_some()
            sealed += made
            if made < SEAL_LINES:
                break
        return sealed

    async def _seal_some(self) -> int:
        try:
            async with self._engine.begin() as connection:
                seal = await self._next_seal(connection)
        except (TimeoutError, SQLAlchemyError, OSError) as error:
            raise postgres.refusal(error) or error from error
        if seal is None:
            return 0
        log.info("audit.sealed", seal=seal.id, lines=seal.rows, digest=seal.digest.hex())
        return seal.rows

    async def _next_seal(self, connection: AsyncConnection) -> Seal | None:
        if not await repository.lock_chain(connection):
            return None
        now = self._clock.now()
        last = await repository.last_seal(connection)
        floor = last.settled if last is not None else 0
        # In this order: whoever ended before "settled" was asked is seen by the statement after it.
        horizon = await repository.horizon(connection)
        settled = await repository.settled(connection, floor, now)
        lines = await repository.unsealed_lines(connection, above=floor, most=SEAL_LINES)
        if not lines:
            return None
        if len(lines) == SEAL_LINES:
            settled = floor  # there may be more
        seal = _seal(last, now, lines, horizon, settled)
        await repository.add(connection, seal)
        return seal

    async def verify(self, principal: Principal, command: Command, query: SealQuery) -> SealReport:
        """Recompute seals in order and report the first that does not hold; bounded, and audited."""
        after = decode_cursor(query.cursor, SealCursor).id if query.cursor else 0

        async def work(uow: UnitOfWork) -> SealReport:
            require(principal, Permission.AUDIT_READ)
            uow.audit("audit.verify", entity="audit", entity_id=command.request_id, detail={"after": after})
            return await self._check(uow.connection, after)

        return await self._units.execute(principal, command, SealReport, work)

    async def _check(self, connection: AsyncConnection, after: int) -> SealReport:
        chain = await repository.seals_from(connection, max(after, 1), CHECK_SEALS + 1)
        previous = chain.pop(0) if after and chain and chain[0].id == after else None
        newest = await repository.last_seal(connection)
        floor = newest.settled if newest is not None else 0
        checked = lines = 0
        broken: BrokenSeal | None = None
        for seal in chain[:CHECK_SEALS]:
            problem = await self._problem(connection, previous, seal, floor)
            if problem is not None:
                broken = BrokenSeal(
                    seal=seal.id, problem=problem, first_id=seal.first_id, last_id=seal.last_id
                )
                break
            previous = seal
            checked += 1
            lines += seal.rows
            if lines >= CHECK_LINES:
                break
        last_id = previous.id if previous is not None else 0
        more = broken is None and checked < len(chain)
        return SealReport(
            seals=checked,
            lines=lines,
            broken=broken,
            last_seal=last_id,
            last_digest=previous.digest.hex() if previous is not None else "",
            next_cursor=encode_cursor(SealCursor(id=last_id)) if more else None,
        )

    @staticmethod
    async def _problem(
        connection: AsyncConnection, previous: Seal | None, seal: Seal, floor: int
    ) -> Break | None:
        if seal.id != (1 if previous is None else previous.id + 1):
            return Break.MISSING
        found = await repository.lines_in(connection, seal.ids)
        before = FIRST_DIGEST if previous is None else previous.digest
        recomputed = digest(
            before,
            number=seal.id,
            at=seal.at,
            ids=seal.ids,
            horizon=seal.horizon,
            settled=seal.settled,
            lines=found,
        )
        if recomputed != seal.digest or len(found) != seal.rows:
            return Break.ALTERED
        low = seal.first_id if previous is None else min(seal.first_id, previous.last_id + 1)
        if await repository.first_unsealed(connection, low, min(seal.last_id, floor)) is not None:
            return Break.UNSEALED
        return None


def _seal(
    last: Seal | None, now: datetime, lines: Sequence[repository.Line], horizon: int, settled: int
) -> Seal:
    """The link after ``last``, over these lines."""
    number = 1 if last is None else last.id + 1
    previous = FIRST_DIGEST if last is None else last.digest
    ids = ranges([line["id"] for line in lines])
    sha256 = digest(previous, number=number, at=now, ids=ids, horizon=horizon, settled=settled, lines=lines)
    return Seal(number, now, ids, len(lines), horizon, settled, sha256)
