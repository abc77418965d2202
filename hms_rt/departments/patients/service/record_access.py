"""Who may write which kind of entry, who may read it, and what entries belong to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.entry import Context, ContextKind, Entry, EntryKind, without_attachment
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.model.record_type import RecordType, WrittenAs
from hms_rt.departments.patients.repository import patients, record_types
from hms_rt.departments.patients.schemas.record import BreakGlass, ContextRef, EntryFull, EntryOut
from hms_rt.departments.patients.service.care import CareRelation
from hms_rt.departments.patients.service.foundation import Foundation, acting, closed, found
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, may, require
from hms_rt.storage.mongo import Documents
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

PatientOf = Callable[[AsyncConnection, UUID], Awaitable[UUID]]
"""Whose a visit or an admission is; raises ``not_found``."""

WRITING: Mapping[str, Permission] = {
    EntryKind.NOTE: Permission.RECORD_WRITE_NOTE,
    EntryKind.NURSING_NOTE: Permission.RECORD_WRITE_NOTE,
    EntryKind.MEDICAL_NOTE: Permission.RECORD_WRITE_DIAGNOSIS,
    EntryKind.ENCOUNTER: Permission.RECORD_WRITE_DIAGNOSIS,
    EntryKind.VITALS: Permission.RECORD_WRITE_VITALS,
    EntryKind.DIAGNOSIS: Permission.RECORD_WRITE_DIAGNOSIS,
    EntryKind.PROCEDURE: Permission.RECORD_WRITE_NOTE,
    EntryKind.MEDICATION: Permission.RECORD_WRITE_NOTE,
    EntryKind.DOCUMENT: Permission.RECORD_WRITE_NOTE,
}
"""What it takes to write an entry of each built-in kind. Medical notes and encounters are a doctor's."""

WRITTEN_AS: Mapping[WrittenAs, Permission] = {
    WrittenAs.NOTE: Permission.RECORD_WRITE_NOTE,
    WrittenAs.VITALS: Permission.RECORD_WRITE_VITALS,
    WrittenAs.DIAGNOSIS: Permission.RECORD_WRITE_DIAGNOSIS,
}
"""What it takes to write an entry of a hospital's own kind."""

READING: Mapping[Permission, frozenset[str]] = {
    Permission.RECORD_READ_MEDICATION: frozenset({EntryKind.MEDICATION}),
}
"""The kinds that those may read who may not read the whole record."""


class RecordAccess(Foundation):
    """Rights on the record, and which visit or admission an entry belongs to."""

    def __init__(
        self,
        units: UnitsOfWork,
        documents: Documents,
        care: CareRelation,
        contexts: Mapping[ContextKind, PatientOf] | None = None,
    ) -> None:
        super().__init__(units, documents, care)
        self._contexts = dict(contexts or {})

    @staticmethod
    async def _whose(uow: UnitOfWork, patient_id: UUID) -> Patient:
        """The patient, or whoever it was merged into: where the record is now."""
        asked = found(await patients.by_id(uow.connection, patient_id))
        return await patients.survivor(uow.connection, asked)

    @staticmethod
    async def _defined(connection: AsyncConnection, kind: str) -> RecordType | None:
        """The hospital's definition in force of ``kind``; None for a built-in one without.

        Raises ``invalid`` for a kind that does not exist or is not used any more.
        """
        defined = await record_types.by_code(connection, kind)
        if defined is not None and defined.active:
            return defined
        if kind not in WRITING:
            raise HmsError(Code.INVALID, "kind: is not one that this hospital uses (GET /record-types)")
        return None

    async def _require_writing(
        self,
        uow: UnitOfWork,
        principal: Principal,
        patient_id: UUID,
        permission: Permission,
        *,
        treated: bool = False,
    ) -> Patient:
        """Locks the patient, so that the care relation that was checked holds until the commit.

        ``treated``: whoever asks has checked that relation.
        """
        require(principal, permission)
        patient = acting(await patients.lock(uow.connection, patient_id))
        if not treated:
            await self._require(uow, principal, permission, patient)
        return patient

    async def _readable(
        self, uow: UnitOfWork, principal: Principal, patient: Patient, glass: BreakGlass | None
    ) -> frozenset[str] | None:
        """The kinds that the caller may read; None for all. An opened glass is audited only where needed."""
        if may(principal, Permission.RECORD_READ) is None:
            require(principal, Permission.RECORD_READ_MEDICATION)
        if await self._allowed(uow.connection, principal, Permission.RECORD_READ, patient):
            return None
        if self._opened(uow, principal, patient, glass):
            return None
        for permission, kinds in READING.items():
            if await self._allowed(uow.connection, principal, permission, patient):
                return kinds
        raise closed(patient)

    async def _context(self, uow: UnitOfWork, patient: Patient, said: ContextRef | None) -> Context | None:
        """What an entry belongs to; raises ``invalid`` unless it is this patient's."""
        if said is None:
            return None
        patient_of = self._contexts.get(said.kind)
        owner = await patient_of(uow.connection, said.id) if patient_of is not None else None
        if owner != patient.id:
            raise HmsError(Code.INVALID, f"context.id: is no {said.kind} of this patient")
        return Context(said.kind, said.id)


def writing(kind: str, defined: RecordType | None) -> Permission:
    """What it takes to write an entry of this kind."""
    if defined is not None and defined.written_as is not None:
        return WRITTEN_AS[defined.written_as]
    return WRITING[kind]


def entry_out(entry: Entry) -> EntryOut:
    """An entry without what it says."""
    context = entry.context
    return EntryOut(
        id=entry.id,
        patient_id=entry.patient_id,
        kind=entry.kind,
        schema_version=entry.schema_version,
        state=entry.state,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        author=entry.author,
        supersedes=entry.supersedes,
        entered_in_error=entry.entered_in_error,
        context=ContextRef(kind=context.kind, id=context.id) if context is not None else None,
    )


def entry_full(
    entry: Entry, documents: Mapping[UUID, Mapping[str, Any]], *, attached: bool = True
) -> EntryFull:
    """An entry with what it says; in lists without what is ``attached`` to it."""
    body = documents[entry.document_id]["body"]
    return EntryFull.model_validate(
        {**dict(entry_out(entry)), "body": body if attached else without_attachment(entry.kind, body)}
    )
