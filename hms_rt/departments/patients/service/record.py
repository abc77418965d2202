"""Writing the clinical record: entries are appended, corrected or retracted by new ones, never changed.

What an entry says is an immutable document; PostgreSQL holds the reference and its digest.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.model.entry import Entry, EntryKind, check_body, with_attachment
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.model.record_type import BUILT_IN, RecordType
from hms_rt.departments.patients.repository import entries, record_types
from hms_rt.departments.patients.schemas.record import EntryNew, EntryOut, Retraction
from hms_rt.departments.patients.service.record_access import entry_out, writing
from hms_rt.departments.patients.service.record_reading import RecordReading
from hms_rt.departments.patients.service.validation import check_against
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, forbidden, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, may, require
from hms_rt.storage import mongo
from hms_rt.storage.mongo import DocumentRef
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

COLLECTION = "record_entries"


class ClinicalRecord(RecordReading):
    """What is known about the health of patients."""

    async def append(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, new: EntryNew
    ) -> EntryOut:
        """Add an entry, or the correction of one (``supersedes``).

        Raises ``invalid`` for a body that its kind does not allow, ``forbidden`` for somebody else's patient
        and ``conflict`` when the superseded entry was corrected or retracted before.
        """
        async with self._units.reading() as connection:
            defined = await self._defined(connection, new.kind)
        ref = await self._checked(principal, patient_id, new, defined)

        async def work(uow: UnitOfWork) -> EntryOut:
            return await self._append(uow, principal, patient_id, new, defined, ref)

        return await self._units.execute(principal, command, EntryOut, work)

    async def write_entry(
        self,
        uow: UnitOfWork,
        principal: Principal,
        patient_id: uuid.UUID,
        new: EntryNew,
        *,
        treated: bool = False,
    ) -> EntryOut:
        """Add an entry inside another department's transaction: a visit's vitals, a round's note.

        Locks the patient, who is first in the order of locks. The rights of ``principal`` are checked as by
        ``append``, and so is everything else. ``new.context`` names the visit or admission. ``treated``: that
        department knows that the patient was treated where ``principal`` works, and is there no more.
        """
        defined = await self._defined(uow.connection, new.kind)
        ref = await self._checked(principal, patient_id, new, defined)
        return await self._append(uow, principal, patient_id, new, defined, ref, treated=treated)

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
        ref = await self._written(
            principal, patient_id, Permission.RECORD_WRITE_NOTE, "retraction", {"reason": why.reason}
        )

        async def work(uow: UnitOfWork) -> EntryOut:
            require(principal, Permission.RECORD_WRITE_NOTE)
            older = await entries.by_id(uow.connection, patient_id, entry_id)
            if older is None:
                raise not_found("the entry")
            defined = await record_types.by_code(uow.connection, older.kind)
            await self._require_writing(uow, principal, patient_id, writing(older.kind, defined))
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
                context=older.context,
                schema_version=older.schema_version,
            )
            return await _add(uow, entry, _stored(ref), "record.retract")

        return await self._units.execute(principal, command, EntryOut, work)

    async def _append(
        self,
        uow: UnitOfWork,
        principal: Principal,
        patient_id: uuid.UUID,
        new: EntryNew,
        defined: RecordType | None,
        ref: DocumentRef | None,
        *,
        treated: bool = False,
    ) -> EntryOut:
        permission = writing(new.kind, defined)
        patient = await self._require_writing(uow, principal, patient_id, permission, treated=treated)
        if await self._defined(uow.connection, new.kind) != defined:
            raise conflict("the kind was defined anew meanwhile: read it, then write again")
        older = await self._corrected(uow, patient, new)
        context = await self._context(uow, patient, new.context)
        entry = Entry(
            id=uow.ids.new(),
            patient_id=patient.id,
            kind=new.kind,
            document_id=_stored(ref).id,
            occurred_at=occurred(new.occurred_at, uow.now),
            recorded_at=uow.now,
            author=principal.id,
            supersedes=new.supersedes,
            entered_in_error=False,
            context=context or (older.context if older is not None else None),
            schema_version=defined.version if defined is not None else None,
        )
        return await _add(uow, entry, _stored(ref), "record.append")

    @staticmethod
    async def _corrected(uow: UnitOfWork, patient: Patient, new: EntryNew) -> Entry | None:
        """The entry that a new one corrects, if any."""
        if new.supersedes is None:
            return None
        older = await entries.by_id(uow.connection, patient.id, new.supersedes)
        if older is None:
            raise not_found("the entry to correct")
        older.check_correctable(new.kind)
        return older

    async def _checked(
        self, principal: Principal, patient_id: uuid.UUID, new: EntryNew, defined: RecordType | None
    ) -> DocumentRef | None:
        """The document, checked and stored; None for who may not write at all. Raises ``invalid``."""
        check_body(new.kind, new.body)
        if new.kind in BUILT_IN:
            check_against(BUILT_IN[EntryKind(new.kind)][1], new.body)
        if defined is not None:
            check_against(defined.schema, new.body)
        body = with_attachment(new.kind, new.body)
        return await self._written(principal, patient_id, writing(new.kind, defined), new.kind, body)

    async def _written(
        self,
        principal: Principal,
        patient_id: uuid.UUID,
        permission: Permission,
        kind: str,
        body: Mapping[str, Any],
    ) -> DocumentRef | None:
        """The document, stored before the transaction; None for who may not write at all.

        The document says by itself whose it is: it must be readable without the database.
        """
        if may(principal, permission) is None:
            return None
        return await self._documents.write(
            COLLECTION,
            {
                "schema": 1,
                "patient_id": str(patient_id),
                "kind": kind,
                "author": str(principal.id),
                "body": dict(body),
            },
        )


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
        detail={"kind": entry.kind},
    )
    return entry_out(entry)


def _stored(ref: DocumentRef | None) -> DocumentRef:
    if ref is None:
        raise forbidden()
    return ref
