"""Reading the clinical record: audited before it is answered, and checked against the digest."""

import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.entry import Entry
from hms_rt.departments.patients.repository import entries
from hms_rt.departments.patients.schemas.record import BreakGlass, EntryCursor, EntryFull, EntryQuery
from hms_rt.departments.patients.service.record_access import RecordAccess, entry_full
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.storage import mongo
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.unit_of_work import UnitOfWork


class RecordReading(RecordAccess):
    """The record as those read it who treat, or who break the glass; less of it for the pharmacy."""

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
            kinds = await self._readable(uow, principal, patient, glass)
            wanted = entries.Wanted(
                kinds=_kinds(kinds, query.kind),
                since=query.since,
                until=query.until,
                author=query.author,
                context_id=query.context,
                current_only=query.current,
                oldest_first=query.order == "oldest",
            )
            rows = await entries.page(uow.connection, patient.id, wanted, after=start, limit=query.limit + 1)
            uow.audit(
                "record.read",
                entity="patient",
                entity_id=patient.id,
                patient_id=patient.id,
                detail={"entries": [str(entry.id) for entry in rows[: query.limit]]},
            )
            read[:] = [(rows, await _refs(uow.connection, rows[: query.limit]))]

        await self._units.execute(principal, command, type(None), work)
        rows, refs = read[0]
        page, cursor = cut(rows, query.limit, lambda e: EntryCursor(occurred_at=e.occurred_at, id=e.id))
        bodies = await self._documents.read_many(refs)
        return Page[EntryFull](
            items=[entry_full(entry, bodies, attached=False) for entry in page], next_cursor=cursor
        )

    async def get_entry(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        entry_id: uuid.UUID,
        glass: BreakGlass | None = None,
        *,
        treated: bool = False,
    ) -> EntryFull:
        """One entry, whatever its state; audited like the list.

        ``treated``: another department knows that the patient was treated where ``principal`` works.
        """
        read: list[tuple[Entry, list[DocumentRef]]] = []

        async def work(uow: UnitOfWork) -> None:
            patient = await self._whose(uow, patient_id)
            kinds = None if treated else await self._readable(uow, principal, patient, glass)
            entry = await entries.by_id(uow.connection, patient.id, entry_id)
            if entry is None or (kinds is not None and entry.kind not in kinds):
                raise not_found("the entry")
            uow.audit("record.read", entity="record_entry", entity_id=entry_id, patient_id=patient.id)
            read[:] = [(entry, await _refs(uow.connection, [entry]))]

        await self._units.execute(principal, command, type(None), work)
        entry, refs = read[0]
        return entry_full(entry, await self._documents.read_many(refs))


def _kinds(readable: frozenset[str] | None, asked: str | None) -> frozenset[str] | None:
    """The kinds to list; None for all."""
    if asked is None:
        return readable
    return frozenset({asked}) if readable is None else readable & {asked}


async def _refs(connection: AsyncConnection, rows: list[Entry]) -> list[DocumentRef]:
    return await mongo.find_refs(connection, [entry.document_id for entry in rows])
