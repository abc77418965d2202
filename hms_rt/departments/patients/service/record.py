"""The clinical record: entries are appended, corrected by new ones, retracted by new ones, never changed.

What an entry says is an immutable document; PostgreSQL holds the reference and its digest. Every read is
audited before it is answered, and checked against the digest.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.entry import Entry, EntryKind, check_body
from hms_rt.departments.patients.repository import entries, patients
from hms_rt.departments.patients.schemas import (
    BreakGlass,
    EntryCursor,
    EntryFull,
    EntryNew,
    EntryOut,
    EntryQuery,
    Retraction,
)
from hms_rt.departments.patients.service.foundation import Foundation, acting, found
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, forbidden, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, may, require
from hms_rt.storage import mongo
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

COLLECTION = "record_entries"

WRITING: Mapping[EntryKind, Permission] = {
    EntryKind.NOTE: Permission.RECORD_WRITE_NOTE,
    EntryKind.VITALS: Permission.RECORD_WRITE_VITALS,
    EntryKind.DIAGNOSIS: Permission.RECORD_WRITE_DIAGNOSIS,
    EntryKind.PROCEDURE: Permission.RECORD_WRITE_NOTE,
    EntryKind.MEDICATION: Permission.RECORD_WRITE_NOTE,
}
"""What it takes to write an entry of each kind."""

EVERY_KIND = frozenset(EntryKind)


class ClinicalRecord(Foundation):
    """What is known about the health of patients."""

    async def append(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, new: EntryNew
    ) -> EntryOut:
        """Add an entry, or the correction of one (``supersedes``).

        Raises ``invalid`` for a body that its kind does not allow, ``forbidden`` for somebody else's patient
        and ``conflict`` when the superseded entry was corrected or retracted before.
        """
        check_body(new.kind, new.body)
        ref = await self._written(principal, patient_id, new.kind, new.body)

        async def work(uow: UnitOfWork) -> EntryOut:
            await self._require_writing(uow, principal, patient_id, new.kind)
            if new.supersedes is not None:
                older = await entries.by_id(uow.connection, patient_id, new.supersedes)
                if older is None:
                    raise not_found("the entry to correct")
                older.check_correctable(new.kind)
            entry = Entry(
                id=uow.ids.new(),
                patient_id=patient_id,
                kind=new.kind,
                document_id=_stored(ref).id,
                occurred_at=occurred(new.occurred_at, uow.now),
                recorded_at=uow.now,
                author=principal.id,
                supersedes=new.supersedes,
                entered_in_error=False,
            )
            return await self._add(uow, entry, _stored(ref), "record.append")

        return await self._units.execute(principal, command, EntryOut, work)

    async def retract(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        entry_id: uuid.UUID,
        why: Retraction,
    ) -> EntryOut:
        """Mark an entry as entered in error, by a new entry that holds the reason; answers the new one.

        The old one stays readable with its state. Raises ``not_found`` and ``conflict``.
        """
        ref = await self._written(principal, patient_id, None, {"reason": why.reason})

        async def work(uow: UnitOfWork) -> EntryOut:
            require(principal, Permission.RECORD_WRITE_NOTE)
            older = await entries.by_id(uow.connection, patient_id, entry_id)
            if older is None:
                raise not_found("the entry")
            await self._require_writing(uow, principal, patient_id, older.kind)
            older.check_correctable(older.kind)
            entry = Entry(
                id=uow.ids.new(),
                patient_id=patient_id,
                kind=older.kind,
                document_id=_stored(ref).id,
                occurred_at=older.occurred_at,
                recorded_at=uow.now,
                author=principal.id,
                supersedes=older.id,
                entered_in_error=True,
            )
            return await self._add(uow, entry, _stored(ref), "record.retract")

        return await self._units.execute(principal, command, EntryOut, work)

    async def list_entries(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        query: EntryQuery,
        glass: BreakGlass | None = None,
    ) -> Page[EntryFull]:
        """The record, what happened last first; audited. Pharmacists see medication only.

        ``glass`` opens the record of somebody else's patient to doctors and nurses, with its own line in
        the audit trail. Raises ``not_found``, ``forbidden``, and ``integrity`` for an altered document.
        """
        after = decode_cursor(query.cursor, EntryCursor) if query.cursor else None
        start = (after.occurred_at, after.id) if after is not None else None
        read: list[tuple[list[Entry], list[DocumentRef]]] = []

        async def work(uow: UnitOfWork) -> None:
            patient = await self._whose(uow, patient_id)
            kinds = await self._require_reading(uow, principal, patient, glass)
            wanted = kinds & {query.kind} if query.kind is not None else kinds
            rows = await entries.page(
                uow.connection, patient, kinds=wanted, after=start, limit=query.limit + 1
            )
            uow.audit(
                "record.read",
                entity="patient",
                entity_id=patient,
                patient_id=patient,
                detail={"entries": [str(entry.id) for entry in rows[: query.limit]]},
            )
            read[:] = [(rows, await _refs(uow.connection, rows[: query.limit]))]

        await self._units.execute(principal, command, type(None), work)
        rows, refs = read[0]
        page, cursor = cut(rows, query.limit, lambda e: EntryCursor(occurred_at=e.occurred_at, id=e.id))
        bodies = await self._documents.read_many(refs)
        return Page[EntryFull](items=[_full(entry, bodies) for entry in page], next_cursor=cursor)

    async def get_entry(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        entry_id: uuid.UUID,
        glass: BreakGlass | None = None,
    ) -> EntryFull:
        """One entry, whatever its state; audited like the list."""
        read: list[tuple[Entry, list[DocumentRef]]] = []

        async def work(uow: UnitOfWork) -> None:
            patient = await self._whose(uow, patient_id)
            kinds = await self._require_reading(uow, principal, patient, glass)
            entry = await entries.by_id(uow.connection, patient, entry_id)
            if entry is None or entry.kind not in kinds:
                raise not_found("the entry")
            uow.audit("record.read", entity="record_entry", entity_id=entry_id, patient_id=patient)
            read[:] = [(entry, await _refs(uow.connection, [entry]))]

        await self._units.execute(principal, command, type(None), work)
        entry, refs = read[0]
        return _full(entry, await self._documents.read_many(refs))

    @staticmethod
    async def _whose(uow: UnitOfWork, patient_id: uuid.UUID) -> uuid.UUID:
        """The patient, or whoever it was merged into: where the record is now."""
        asked = found(await patients.by_id(uow.connection, patient_id))
        return (await patients.survivor(uow.connection, asked)).id

    async def _written(
        self, principal: Principal, patient_id: uuid.UUID, kind: EntryKind | None, body: Mapping[str, Any]
    ) -> DocumentRef | None:
        """The document, stored before the transaction; None for who may not write at all.

        The document says by itself whose it is: it must be readable without the database.
        """
        if may(principal, WRITING[kind or EntryKind.NOTE]) is None:
            return None
        return await self._documents.write(
            COLLECTION,
            {
                "schema": 1,
                "patient_id": str(patient_id),
                "kind": kind.value if kind is not None else "retraction",
                "author": str(principal.id),
                "body": dict(body),
            },
        )

    async def _require_writing(
        self, uow: UnitOfWork, principal: Principal, patient_id: uuid.UUID, kind: EntryKind
    ) -> None:
        """Locks the patient, so that the care relation that was checked holds until the commit."""
        require(principal, WRITING[kind])
        acting(await patients.lock(uow.connection, patient_id))
        if not await self._allowed(uow.connection, principal, WRITING[kind], patient_id):
            raise forbidden("this patient is not in your wards or clinics")

    async def _require_reading(
        self, uow: UnitOfWork, principal: Principal, patient_id: uuid.UUID, glass: BreakGlass | None
    ) -> frozenset[EntryKind]:
        """The kinds that the caller may read. An opened glass is audited only where it was needed."""
        if may(principal, Permission.RECORD_READ) is None:
            require(principal, Permission.RECORD_READ_MEDICATION)
        if await self._allowed(uow.connection, principal, Permission.RECORD_READ, patient_id):
            return EVERY_KIND
        if glass is not None and may(principal, Permission.RECORD_BREAK_GLASS) is not None:
            uow.audit(
                "record.break_glass",
                entity="patient",
                entity_id=patient_id,
                patient_id=patient_id,
                detail={"reason": glass.reason},
            )
            return EVERY_KIND
        if await self._allowed(uow.connection, principal, Permission.RECORD_READ_MEDICATION, patient_id):
            return frozenset({EntryKind.MEDICATION})
        raise forbidden("this patient is not in your wards or clinics; in an emergency break the glass")

    @staticmethod
    async def _add(uow: UnitOfWork, entry: Entry, ref: DocumentRef, action: str) -> EntryOut:
        await mongo.refer(uow.connection, ref)
        try:
            await entries.add(uow.connection, entry)
        except IntegrityError as error:
            if violated(error) == "patients_record_entry_supersedes_key":
                raise conflict("that entry was corrected or retracted before: read it again") from None
            raise
        uow.audit(
            action,
            entity="record_entry",
            entity_id=entry.id,
            patient_id=entry.patient_id,
            detail={"kind": entry.kind.value},
        )
        return _out(entry)


def _stored(ref: DocumentRef | None) -> DocumentRef:
    if ref is None:
        raise forbidden()
    return ref


async def _refs(connection: AsyncConnection, rows: list[Entry]) -> list[DocumentRef]:
    return await mongo.find_refs(connection, [entry.document_id for entry in rows])


def _out(entry: Entry) -> EntryOut:
    return EntryOut(
        id=entry.id,
        patient_id=entry.patient_id,
        kind=entry.kind,
        state=entry.state,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        author=entry.author,
        supersedes=entry.supersedes,
        entered_in_error=entry.entered_in_error,
    )


def _full(entry: Entry, documents: Mapping[uuid.UUID, Mapping[str, Any]]) -> EntryFull:
    return EntryFull(**dict(_out(entry)), body=documents[entry.document_id]["body"])
