"""Two records of one person become one, and two again when that was a mistake.

The record merged away stays as a pointer. Every department moves its own rows when it hears
``PatientsMerged`` and exactly those back when it hears ``PatientsUnmerged``, in the same transaction.
"""

import uuid
from dataclasses import replace

from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.model.merge import Merge, check_merge
from hms_rt.departments.patients.repository import merges, patients
from hms_rt.departments.patients.schemas.merging import (
    MergeCursor,
    MergeDetail,
    MergeIn,
    MergeOut,
    MergeQuery,
    UndoMerge,
)
from hms_rt.departments.patients.service.foundation import Foundation, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Merging(Foundation):
    """Merges, their undo, and reading both; administrators only."""

    async def merge(
        self, principal: Principal, command: Command, into_id: uuid.UUID, wanted: MergeIn
    ) -> MergeOut:
        """Merge ``wanted.from_id`` into this patient; records ``PatientsMerged``.

        Raises ``not_found``, ``invalid`` for one patient twice, and ``conflict`` if one of them was merged
        away before, or while a rule allows only one of two open things: the answer says what to do first.
        """

        async def work(uow: UnitOfWork) -> MergeOut:
            require(principal, Permission.PATIENT_MERGE)
            locked = await patients.lock_for_merge(uow.connection, {into_id, wanted.from_id})
            into, source = found(locked.get(into_id)), found(locked.get(wanted.from_id))
            command.check_version(into.version)
            check_merge(source, into)
            merge = Merge(
                id=uow.ids.new(),
                from_id=source.id,
                into_id=into.id,
                reason=wanted.reason,
                merged_at=uow.now,
                merged_by=principal.id,
            )
            await merges.add(uow.connection, merge)
            await patients.save(uow.connection, replace(source, merged_into=into.id).following(uow.now))
            await patients.save(uow.connection, into.following(uow.now))
            _audit(uow, "patient.merge", merge)
            uow.record(PatientsMerged(merge.id, source.id, into.brief()))
            return _out(merge)

        return await self._units.execute(principal, command, MergeOut, work)

    async def undo_merge(
        self, principal: Principal, command: Command, merge_id: uuid.UUID, why: UndoMerge
    ) -> MergeOut:
        """Make two patients of one again; records ``PatientsUnmerged``.

        What the merge moved goes back, with what belongs to it since; other work done since stays with the
        survivor. Raises ``illegal_move`` for a second undo, ``conflict`` while the survivor is merged away.
        """

        async def work(uow: UnitOfWork) -> MergeOut:
            require(principal, Permission.PATIENT_MERGE)
            known = _known(await merges.by_id(uow.connection, merge_id))
            locked = await patients.lock_for_merge(uow.connection, {known.from_id, known.into_id})
            source, into = locked[known.from_id], locked[known.into_id]
            current = _known(await merges.by_id(uow.connection, merge_id))
            merge = current.undo(into, uow.now, principal.id, why.reason)
            await merges.mark_undone(uow.connection, merge)
            restored = replace(source, merged_into=None).following(uow.now)
            await patients.save(uow.connection, restored)
            await patients.save(uow.connection, into.following(uow.now))
            _audit(uow, "patient.unmerge", merge)
            uow.record(PatientsUnmerged(merge.id, restored.brief(), into.brief()))
            return _out(merge)

        return await self._units.execute(principal, command, MergeOut, work)

    async def merges(self, principal: Principal, command: Command, query: MergeQuery) -> Page[MergeOut]:
        """Merges from or into a patient, or of anybody, newest first; audited."""

        async def work(uow: UnitOfWork) -> Page[MergeOut]:
            require(principal, Permission.PATIENT_MERGE)
            before = decode_cursor(query.cursor, MergeCursor).id if query.cursor else None
            rows = await merges.of_patient(
                uow.connection, query.patient_id, before=before, limit=query.limit + 1
            )
            shown, cursor = cut(rows, query.limit, lambda merge: MergeCursor(id=merge.id))
            uow.audit(
                "patient.list_merges",
                entity="patient",
                entity_id=query.patient_id or "*",
                patient_id=query.patient_id,
                detail={"shown": len(shown)},
            )
            return Page[MergeOut](items=[_out(merge) for merge in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[MergeOut], work)

    async def get_merge(self, principal: Principal, command: Command, merge_id: uuid.UUID) -> MergeDetail:
        """One merge, and how many rows it moved in every department; audited."""

        async def work(uow: UnitOfWork) -> MergeDetail:
            require(principal, Permission.PATIENT_MERGE)
            merge = _known(await merges.by_id(uow.connection, merge_id))
            _audit(uow, "patient.read_merge", merge)
            moved = await merges.moved(uow.connection, merge_id)
            return MergeDetail(**dict(_out(merge)), moved=dict(moved))

        return await self._units.execute(principal, replace(command, key=None), MergeDetail, work)


def _known(merge: Merge | None) -> Merge:
    if merge is None:
        raise not_found("that merge")
    return merge


def _audit(uow: UnitOfWork, action: str, merge: Merge) -> None:
    """On both patients: whoever looks for accesses to either finds it."""
    for patient_id in (merge.from_id, merge.into_id):
        uow.audit(
            action,
            entity="patient_merge",
            entity_id=merge.id,
            patient_id=patient_id,
            detail={"from": str(merge.from_id), "into": str(merge.into_id), "reason": merge.reason},
        )


def _out(merge: Merge) -> MergeOut:
    return MergeOut(
        id=merge.id,
        from_id=merge.from_id,
        into_id=merge.into_id,
        reason=merge.reason,
        merged_at=merge.merged_at,
        merged_by=merge.merged_by,
        undone_at=merge.undone_at,
        undone_by=merge.undone_by,
        undo_reason=merge.undo_reason,
    )
