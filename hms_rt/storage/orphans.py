"""Documents to which no row refers: quarantined after a day, deleted from there after 90 (DESIGN §4).

A transaction that failed after its document was written leaves an orphan. PostgreSQL refuses a reference to a
document older than an hour, so one that has none after a day never gets one, unless the database goes back in
time. Therefore a new stream epoch pauses the sweep for a day, makes it look at everything again, and brings
back from quarantine what is referred to once more.
"""

import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from pymongo import ReplaceOne
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hms_rt.kernel.clock import Clock
from hms_rt.storage.metadata import document_ref, stream_epoch
from hms_rt.storage.mongo import Documents

log = structlog.get_logger(__name__)

QUARANTINE = "quarantine"
PROGRESS = "orphan_sweep"

QUARANTINE_AFTER = timedelta(days=1)
DELETE_AFTER = timedelta(days=90)
PAUSE_AFTER_EPOCH = timedelta(days=1)

_LOCK = 0x686D735F_6F7270  # "hms_orp"
_NOTHING = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run did, in documents."""

    quarantined: int = 0
    returned: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class _Epoch:
    id: uuid.UUID
    changed_at: datetime


class OrphanSweep:
    """Sweeps ``collections``; one process at a time does, the others find the lock taken and leave.

    A run looks at no more than ``batches`` batches of ``batch`` documents per collection, and the next one
    goes on where it stopped. Ids are UUIDv7, so their order is that of writing.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        documents: Documents,
        clock: Clock,
        collections: Collection[str],
        *,
        batch: int = 500,
        batches: int = 20,
    ) -> None:
        self._engine = engine
        self._documents = documents
        self._clock = clock
        self._collections = sorted(collections)
        self._batch = batch
        self._batches = batches

    async def run(self) -> Swept | None:
        """Sweep once; None if another process is at it. Raises what the stores raise: a later run goes on."""
        async with self._alone() as connection:
            if connection is None:
                return None
            row = (await connection.execute(select(stream_epoch.c.epoch, stream_epoch.c.changed_at))).one()
            epoch = _Epoch(row.epoch, row.changed_at)
            swept = await self._sweep(connection, epoch)
        if swept != Swept():
            log.info(
                "orphans.swept",
                quarantined=swept.quarantined,
                returned=swept.returned,
                deleted=swept.deleted,
            )
        return swept

    async def _sweep(self, connection: AsyncConnection, epoch: _Epoch) -> Swept:
        returned = await self._bring_back(connection, epoch)
        if self._clock.now() < epoch.changed_at + PAUSE_AFTER_EPOCH:
            return Swept(returned=returned)
        quarantined = 0
        for name in self._collections:
            quarantined += await self._quarantine(connection, epoch, name)
        return Swept(quarantined, returned, await self._delete(connection))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncConnection | None]:
        """A connection that holds the lock; None if somebody else does. No transaction stays open."""
        async with self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            key = {"key": _LOCK}
            locked = (await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key)).scalar_one()
            if not locked:
                yield None
                return
            try:
                yield connection
            finally:
                await connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    async def _quarantine(self, connection: AsyncConnection, epoch: _Epoch, name: str) -> int:
        """Move documents of ``name`` that are over a day old and have no reference."""
        cutoff = self._clock.now() - QUARANTINE_AFTER
        moved = 0
        async for found in self._walk(epoch, name):
            old = [one["_id"] for one in found if one["written_at"] < cutoff]
            orphans = await _without_reference(connection, old)
            await self._move_to_quarantine(name, orphans)
            moved += len(orphans)
            await self._remember(epoch, name, old)
            if len(old) < len(found):
                break
        return moved

    async def _bring_back(self, connection: AsyncConnection, epoch: _Epoch) -> int:
        """Once per epoch: what is in quarantine though a row refers to it goes back to where it was."""
        returned = 0
        async for found in self._walk(epoch, QUARANTINE):
            ids = [one["_id"] for one in found]
            wanted = set(ids) - set(await _without_reference(connection, ids))
            await self._return(wanted)
            returned += len(wanted)
            await self._remember(epoch, QUARANTINE, ids)
        return returned

    async def _delete(self, connection: AsyncConnection) -> int:
        """Delete what has been in quarantine for 90 days and still has no reference."""
        quarantine = self._documents.collection(QUARANTINE)
        await quarantine.create_index("quarantined_at")
        cutoff = self._clock.now() - DELETE_AFTER
        cursor = quarantine.find({"quarantined_at": {"$lt": cutoff}}, {"_id": 1})
        ids = [one["_id"] async for one in cursor.limit(self._batch * self._batches)]
        doomed = await _without_reference(connection, ids)
        if doomed:
            await quarantine.delete_many({"_id": {"$in": doomed}})
        return len(doomed)

    async def _walk(self, epoch: _Epoch, name: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Batches of ids and times, from where this epoch's walk through ``name`` stopped."""
        progress = await self._documents.collection(PROGRESS).find_one({"_id": name, "epoch": epoch.id})
        after = progress["after"] if progress is not None else _NOTHING
        fields = {"_id": 1, "written_at": 1}
        for _ in range(self._batches):
            cursor = self._documents.collection(name).find({"_id": {"$gt": after}}, fields)
            found = [one async for one in cursor.sort("_id", 1).limit(self._batch)]
            if not found:
                return
            yield found
            after = found[-1]["_id"]

    async def _remember(self, epoch: _Epoch, name: str, done: Sequence[uuid.UUID]) -> None:
        if done:
            state = {"_id": name, "epoch": epoch.id, "after": done[-1]}
            await self._documents.collection(PROGRESS).replace_one({"_id": name}, state, upsert=True)

    async def _move_to_quarantine(self, name: str, ids: Sequence[uuid.UUID]) -> None:
        """Copy, then remove: after a crash in between the next run does the same again."""
        if not ids:
            return
        source, now = self._documents.collection(name), self._clock.now()
        copies = [
            ReplaceOne(
                {"_id": one["_id"]},
                {"_id": one["_id"], "collection": name, "document": one, "quarantined_at": now},
                upsert=True,
            )
            async for one in source.find({"_id": {"$in": list(ids)}})
        ]
        await self._documents.collection(QUARANTINE).bulk_write(copies, ordered=False)
        await source.delete_many({"_id": {"$in": list(ids)}})

    async def _return(self, ids: Collection[uuid.UUID]) -> None:
        quarantine = self._documents.collection(QUARANTINE)
        async for one in quarantine.find({"_id": {"$in": list(ids)}}):
            place = self._documents.collection(one["collection"])
            await place.replace_one({"_id": one["_id"]}, one["document"], upsert=True)
            await quarantine.delete_one({"_id": one["_id"]})


async def _without_reference(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Those of ``ids`` to which no row refers, in the same order."""
    if not ids:
        return []
    rows = await connection.execute(select(document_ref.c.id).where(document_ref.c.id.in_(ids)))
    known = set(rows.scalars())
    return [one for one in ids if one not in known]
