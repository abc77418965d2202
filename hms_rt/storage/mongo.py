"""MongoDB: immutable documents, written before the row that refers to them (DESIGN §4, two stores).

The only module that knows Motor. A document is ``{_id, kind, body, written_at}``; its digest is the
SHA-256 of the canonical JSON of ``body`` (RFC 8785's order and spacing for the types that we store).
"""

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import WriteConcern
from pymongo.errors import PyMongoError
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.clock import Clock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.ids import Ids
from hms_rt.storage.metadata import document_ref

MAX_BODY_BYTES = 256 * 1024
TIMEOUT_MS = 3_000


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """What PostgreSQL keeps of a document: where it is and what it must hash to.

    ``written_tick`` is the moment of writing on this process's monotonic clock, to tell its age by.
    """

    id: uuid.UUID
    collection: str
    sha256: bytes
    size: int
    written_at: datetime
    written_tick: float = field(default_factory=time.monotonic, compare=False)


def canonical(body: Mapping[str, Any]) -> bytes:
    """The bytes that are digested: sorted keys, no spaces, UTF-8."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _unavailable() -> HmsError:
    return HmsError(Code.UNAVAILABLE, "the document store does not answer: try again", retry_after_ms=1000)


class Documents:
    """Writes and reads immutable documents.

    Bodies are plain JSON without floats that matter: decimals travel as strings, so that what is read is
    what was written.
    """

    def __init__(self, uri: str, database: str, clock: Clock, ids: Ids) -> None:
        self._client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            uri,
            serverSelectionTimeoutMS=TIMEOUT_MS,
            connectTimeoutMS=TIMEOUT_MS,
            socketTimeoutMS=TIMEOUT_MS * 3,
            maxPoolSize=32,
            waitQueueTimeoutMS=TIMEOUT_MS,
            tz_aware=True,
        )
        self._database = self._client.get_database(
            database,
            codec_options=CodecOptions(tz_aware=True, uuid_representation=UuidRepresentation.STANDARD),
            write_concern=WriteConcern(w="majority", j=True, wtimeout=TIMEOUT_MS),
        )
        self._clock = clock
        self._ids = ids

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    async def ping(self) -> None:
        """Raises ``unavailable`` unless a primary answers."""
        try:
            await self._database.command("ping")
        except PyMongoError as error:
            raise _unavailable() from error

    def collection(self, name: str) -> AsyncIOMotorCollection[dict[str, Any]]:
        """The collection ``name``, for sweeps and indexes."""
        return self._database.get_collection(name)

    async def write(self, collection: str, body: Mapping[str, Any]) -> DocumentRef:
        """Store ``body`` under a fresh id, durable on a majority before this returns.

        Nobody sees it until :func:`refer` was committed. Raises ``too_large`` over 256 KiB and
        ``unavailable`` when MongoDB is away.
        """
        data = canonical(body)
        if len(data) > MAX_BODY_BYTES:
            raise HmsError(Code.TOO_LARGE, f"a document holds at most {MAX_BODY_BYTES // 1024} KiB")
        now = self._clock.now()
        ref = DocumentRef(self._ids.new(), collection, hashlib.sha256(data).digest(), len(data), now)
        try:
            async with asyncio.timeout(TIMEOUT_MS / 1000 * 2):
                await self.collection(collection).insert_one(
                    {"_id": ref.id, "body": dict(body), "written_at": now}
                )
        except (PyMongoError, TimeoutError) as error:
            raise _unavailable() from error
        return ref

    async def read(self, ref: DocumentRef) -> dict[str, Any]:
        """The body behind ``ref``; raises ``integrity`` if it is missing or was altered."""
        return (await self.read_many([ref]))[ref.id]

    async def read_many(self, refs: list[DocumentRef]) -> dict[uuid.UUID, dict[str, Any]]:
        """The bodies behind ``refs``, each checked against its digest."""
        found: dict[uuid.UUID, dict[str, Any]] = {}
        by_collection: dict[str, list[DocumentRef]] = {}
        for ref in refs:
            by_collection.setdefault(ref.collection, []).append(ref)
        try:
            for name, wanted in by_collection.items():
                cursor = self.collection(name).find({"_id": {"$in": [ref.id for ref in wanted]}})
                async for document in cursor:
                    found[document["_id"]] = document["body"]
        except PyMongoError as error:
            raise _unavailable() from error
        for ref in refs:
            body = found.get(ref.id)
            if body is None or hashlib.sha256(canonical(body)).digest() != ref.sha256:
                raise HmsError(
                    Code.INTEGRITY, "a stored document is missing or was altered: tell the administrator"
                )
        return found


async def refer(connection: AsyncConnection, ref: DocumentRef) -> None:
    """Make the document exist for everybody, once the transaction commits.

    PostgreSQL judges by its own clock how old the document is; ours may be another.
    """
    age = timedelta(seconds=time.monotonic() - ref.written_tick)
    await connection.execute(
        insert(document_ref).values(
            id=ref.id,
            collection=ref.collection,
            sha256=ref.sha256,
            size=ref.size,
            written_at=func.clock_timestamp() - age,
        )
    )


async def find_refs(connection: AsyncConnection, ids: list[uuid.UUID]) -> list[DocumentRef]:
    """The references with these ids; those that do not exist are left out."""
    result = await connection.execute(select(document_ref).where(document_ref.c.id.in_(ids)))
    return [
        DocumentRef(row.id, row.collection, bytes(row.sha256), row.size, row.written_at) for row in result
    ]
