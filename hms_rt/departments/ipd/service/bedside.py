"""Rounds and the discharge summary: entries of the record, written with the admission as their context."""

import asyncio
import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.ipd.model import IN_BED, Admission
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import bedside as bedside_rows
from hms_rt.departments.ipd.schemas.leaving import (
    RoundIn,
    RoundList,
    RoundOut,
    RoundPatient,
    SummaryIn,
    SummaryOut,
)
from hms_rt.departments.ipd.service.checklist import Checklist
from hms_rt.departments.ipd.views.letter import Letter, summary_pdf
from hms_rt.departments.patients.service import ContextKind, ContextRef, EntryKind, EntryNew
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork

TITLE = "Discharge summary"


class Bedside(Checklist):
    """What is written is checked, stored and read as every entry of the record is."""

    async def make_round(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, said: RoundIn
    ) -> RoundOut:
        """Write what was seen and decided at a patient's bedside; by the staff of the ward.

        Raises ``conflict`` for a patient in no bed, ``forbidden``, ``not_found``.
        """

        async def work(uow: UnitOfWork) -> RoundOut:
            admission = await self._at_bedside(uow, principal, Permission.RECORD_WRITE_NOTE, admission_id)
            at = occurred(said.occurred_at, uow.now)
            kind = EntryKind.MEDICAL_NOTE if principal.has(Role.DOCTOR) else EntryKind.NURSING_NOTE
            body = {"text": said.text, **({"plan": said.plan} if said.plan else {})}
            new = EntryNew(kind=kind.value, occurred_at=at, body=body, context=_context(admission))
            entry = await self._patients.write_entry(uow, principal, admission.patient_id, new)
            values: dict[str, Any] = {
                "id": uow.ids.new(),
                "admission_id": admission.id,
                "entry_id": entry.id,
                "occurred_at": at,
                "recorded_by": principal.id,
                "recorded_by_name": principal.name,
            }
            await bedside_rows.add_round(
                uow.connection, ward_code=admission.ward, recorded_at=uow.now, **values
            )
            _audit(uow, "admission.round", admission)
            return RoundOut(**values)

        return await self._units.execute(principal, command, RoundOut, work)

    async def rounds(self, principal: Principal, command: Command, ward: str) -> RoundList:
        """The patients of a ward by bed, and when somebody last made a round to each; audited."""

        async def work(uow: UnitOfWork) -> RoundList:
            require_ward(principal, Permission.RECORD_READ, ward)
            rows = await bedside_rows.patients_of_ward(uow.connection, ward)
            names = await self._patients.brief(uow.connection, {row.patient_id for row in rows})
            uow.audit("ward.rounds", entity="ward", entity_id=ward)
            return RoundList(ward=ward, patients=[_seen(row, names[row.patient_id]) for row in rows])

        return await self._units.execute(principal, replace(command, key=None), RoundList, work)

    async def write_summary(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, said: SummaryIn
    ) -> SummaryOut:
        """Write the discharge summary, or another that supersedes it; by a doctor of the ward.

        Raises ``conflict`` for a patient in no bed, ``forbidden``, ``not_found``.
        """

        async def work(uow: UnitOfWork) -> SummaryOut:
            admission = await self._at_bedside(uow, principal, Permission.DISCHARGE_ORDER, admission_id)
            before = await bedside_rows.summaries(uow.connection, admission.id)
            new = EntryNew(
                kind=EntryKind.DOCUMENT.value,
                body={"title": TITLE, **said.model_dump(exclude_none=True)},
                context=_context(admission),
                supersedes=before[-1].entry_id if before else None,
            )
            entry = await self._patients.write_entry(uow, principal, admission.patient_id, new)
            values: dict[str, Any] = {
                "admission_id": admission.id,
                "entry_id": entry.id,
                "number": len(before) + 1,
                "written_at": uow.now,
                "written_by": principal.id,
            }
            await bedside_rows.add_summary(uow.connection, **values)
            await self.recount(uow, admission.patient_id)
            _audit(uow, "admission.summary", admission)
            return SummaryOut(**values)

        return await self._units.execute(principal, command, SummaryOut, work)

    async def summary_pdf(self, principal: Principal, command: Command, admission_id: uuid.UUID) -> bytes:
        """The discharge summary to hand over, in the facility's language; read as an entry of the record.

        Raises ``not_found`` if none is written, ``forbidden`` for who may not read the record.
        """
        require(principal, Permission.RECORD_READ)
        async with self._units.reading() as connection:
            admission = await admission_rows.admission(connection, admission_id)
            written = await bedside_rows.summaries(connection, admission_id)
            patient = (await self._patients.brief(connection, [admission.patient_id]))[admission.patient_id]
        if not written:
            raise not_found("a discharge summary of that admission")
        last = written[-1]
        entry = await self._patients.get_entry(
            principal, replace(command, key=None), admission.patient_id, last.entry_id
        )
        shown = Letter(
            name=patient.name,
            mrn=patient.mrn,
            birth_date=patient.birth_date,
            ward=admission.ward,
            admitted_at=admission.admitted_at,
            discharged_at=admission.discharged_at,
            number=last.number,
            written_at=last.written_at,
            body={key: value for key, value in entry.body.items() if isinstance(value, str)},
        )
        return await asyncio.to_thread(summary_pdf, shown, self._language, self._zone)

    async def _at_bedside(
        self, uow: UnitOfWork, principal: Principal, permission: Permission, admission_id: uuid.UUID
    ) -> Admission:
        """Locks the patient and the admission; the patient is in a bed of a ward within reach."""
        require(principal, permission)
        await self._patients.lock(uow, await admission_rows.patient_of(uow.connection, admission_id))
        admission = await admission_rows.lock_admission(uow.connection, admission_id)
        require_ward(principal, permission, admission.ward)
        if admission.state not in IN_BED:
            raise conflict("the patient is in no bed: this is written while they are")
        return admission


def _context(admission: Admission) -> ContextRef:
    return ContextRef(kind=ContextKind.ADMISSION, id=admission.id)


def _audit(uow: UnitOfWork, action: str, admission: Admission) -> None:
    uow.audit(action, entity="admission", entity_id=admission.id, patient_id=admission.patient_id)


def _seen(row: Row[Any], patient: Any) -> RoundPatient:
    last = None
    if row.round_id is not None:
        last = RoundOut(
            id=row.round_id,
            admission_id=row.admission_id,
            entry_id=row.entry_id,
            occurred_at=row.occurred_at,
            recorded_by=row.recorded_by,
            recorded_by_name=row.recorded_by_name,
        )
    return RoundPatient(
        admission_id=row.admission_id,
        patient_id=row.patient_id,
        patient_name=patient.name,
        mrn=patient.mrn,
        bed=row.bed_code,
        bed_id=row.bed_id,
        since=row.started_at,
        last_round=last,
    )
