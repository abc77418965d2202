"""What the laboratory sees of the record: by allow-list, of the visit or admission of an order."""

import uuid
from collections.abc import Mapping, Sequence

from hms_rt.departments.patients.model.entry import VITAL_BOUNDS, Entry, EntryKind
from hms_rt.departments.patients.repository import entries
from hms_rt.departments.patients.schemas.order_context import ContextEntry
from hms_rt.departments.patients.schemas.record import ContextRef
from hms_rt.departments.patients.service.record_access import RecordAccess
from hms_rt.storage import mongo
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.unit_of_work import UnitOfWork

ALLOWED: Mapping[str, frozenset[str]] = {
    EntryKind.DIAGNOSIS: frozenset({"text", "code", "system"}),
    EntryKind.VITALS: frozenset(VITAL_BOUNDS),
    EntryKind.MEDICATION: frozenset({"name", "substance", "dose", "unit", "route", "frequency"}),
}
"""Kind -> fields. Notes, documents and everything else stay with those who treat."""

AT_MOST = 50
"""Entries, the newest."""

Found = Sequence[tuple[Entry, DocumentRef]]


class OrderContext(RecordAccess):
    """For departments that work for others, inside their transactions; the caller checks and audits."""

    async def check_encounter(self, uow: UnitOfWork, patient_id: uuid.UUID, said: ContextRef) -> None:
        """Raises ``invalid`` unless this visit or admission is the patient's."""
        await self._context(uow, await self._whose(uow, patient_id), said)

    async def of_encounter(self, uow: UnitOfWork, patient_id: uuid.UUID, encounter_id: uuid.UUID) -> Found:
        """The entries of a visit or admission that may be seen; :meth:`shown` says what they say."""
        wanted = entries.Wanted(kinds=frozenset(ALLOWED), context_id=encounter_id, current_only=True)
        rows = await entries.page(uow.connection, patient_id, wanted, after=None, limit=AT_MOST)
        refs = await mongo.find_refs(uow.connection, [entry.document_id for entry in rows])
        by_id = {ref.id: ref for ref in refs}
        return [(entry, by_id[entry.document_id]) for entry in rows]

    async def shown(self, found: Found) -> list[ContextEntry]:
        """What they say, as far as it may be seen. Outside of the transaction; raises ``integrity``."""
        bodies = await self._documents.read_many([ref for _, ref in found])
        return [
            ContextEntry(
                id=entry.id,
                kind=entry.kind,
                occurred_at=entry.occurred_at,
                body={
                    name: value
                    for name, value in bodies[entry.document_id]["body"].items()
                    if name in ALLOWED[entry.kind]
                },
            )
            for entry, _ in found
        ]
