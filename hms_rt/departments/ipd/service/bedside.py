"""Rounds and the discharge summary: entries of the record, written with the admission as their context."""

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.ipd.model import IN_BED, Admission, AdmissionState
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import bedside as bedside_rows
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas.leaving import (
    RoundIn,
    RoundList,
    RoundOut,
    RoundPatient,
    SummaryIn,
    SummaryList,
    SummaryOut,
    SummaryQuery,
)
from hms_rt.departments.ipd.service.checklist import Checklist
from hms_rt.departments.ipd.views.letter import Letter, summary_pdf
from hms_rt.departments.patients.service import ContextKind, ContextRef, EntryKind, EntryNew
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import Code, HmsError, conflict, not_found
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require, require_place, require_ward, wards
from hms_rt.storage.unit_of_work import UnitOfWork

TITLE = "Discharge summary"

WAS_IN_BED = IN_BED | {AdmissionState.DISCHARGED}
"""Of whom there is something to write."""


class Bedside(Checklist):
    """What is written is checked, stored and read as every entry of the record is."""

    async def make_round(
        self, principal: Principal, command: Command, admission_id: uuid.UUID, said: RoundIn
    ) -> RoundOut:
        """Write what was seen and decided at a patient's bedside; by the staff of the ward.

        Late, too: of a time when the patient lay in a bed, by the staff of that ward or of the present one,
        also once the patient has left. Raises ``conflict`` for a patient in no bed, ``invalid`` for a time
        when they lay in none, ``forbidden``, ``not_found``.
        """

        async def work(uow: UnitOfWork) -> RoundOut:
            admission = await self._locked(uow, principal, Permission.RECORD_WRITE_NOTE, admission_id)
            at = occurred(said.occurred_at, uow.now)
            ward = await self._ward_then(uow, admission, at if said.occurred_at is not None else None)
            require_place(principal, Permission.RECORD_WRITE_NOTE, wards_of=(admission.ward, ward))
            kind = EntryKind.MEDICAL_NOTE if principal.has(Role.DOCTOR) else EntryKind.NURSING_NOTE
            body = {"text": said.text, **({"plan": said.plan} if said.plan else {})}
            new = EntryNew(kind=kind.value, occurred_at=at, body=body, context=_context(admission))
            entry = await self._patients.write_entry(uow, principal, admission.patient_id, new, treated=True)
            values: dict[str, Any] = {
                "id": uow.ids.new(),
                "admission_id": admission.id,
                "entry_id": entry.id,
                "occurred_at": at,
                "recorded_by": principal.id,
                "recorded_by_name": principal.name,
            }
            await bedside_rows.add_round(uow.connection, ward_code=ward, recorded_at=uow.now, **values)
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

        Once the patient has left, too, by a doctor of the ward where they lay last: what was handed out stays
        as a version, and who writes another says why. Raises ``conflict`` for somebody who was in no bed,
        ``invalid`` without a reason, ``forbidden``, ``not_found``.
        """

        async def work(uow: UnitOfWork) -> SummaryOut:
            admission = await self._locked(uow, principal, Permission.DISCHARGE_ORDER, admission_id)
            require_ward(principal, Permission.DISCHARGE_ORDER, admission.ward)
            before = await bedside_rows.summaries(uow.connection, admission.id)
            _check_amendment(admission, said, amends=bool(before))
            body = said.model_dump(exclude_none=True, exclude={"amended_because"})
            new = EntryNew(
                kind=EntryKind.DOCUMENT.value,
                body={"title": TITLE, **body},
                context=_context(admission),
                supersedes=before[-1].entry_id if before else None,
            )
            entry = await self._patients.write_entry(uow, principal, admission.patient_id, new, treated=True)
            values: dict[str, Any] = {
                "admission_id": admission.id,
                "entry_id": entry.id,
                "number": len(before) + 1,
                "written_at": uow.now,
                "written_by": principal.id,
                "amended_because": said.amended_because,
            }
            await bedside_rows.add_summary(uow.connection, **values)
            await self.recount(uow, admission.patient_id)
            _audit(uow, "admission.summary", admission)
            return SummaryOut(**values)

        return await self._units.execute(principal, command, SummaryOut, work)

    async def summaries(self, principal: Principal, command: Command, admission_id: uuid.UUID) -> SummaryList:
        """Every version of the discharge summary, without what it says; audited. Raises ``forbidden``."""

        async def work(uow: UnitOfWork) -> SummaryList:
            require(principal, Permission.RECORD_READ)
            admission = await admission_rows.admission(uow.connection, admission_id)
            require_ward(principal, Permission.RECORD_READ, admission.ward)
            rows = await bedside_rows.summaries(uow.connection, admission.id)
            _audit(uow, "admission.summaries", admission)
            return SummaryList(summaries=[SummaryOut(**row._asdict()) for row in rows])

        return await self._units.execute(principal, replace(command, key=None), SummaryList, work)

    async def summary_pdf(
        self,
        principal: Principal,
        command: Command,
        admission_id: uuid.UUID,
        query: SummaryQuery | None = None,
    ) -> bytes:
        """The discharge summary to hand over, in the facility's language; read as an entry of the record.

        The last version, or the one that is told. By those who treat, and by the ward where the patient lay
        last. Raises ``not_found`` if none is written, ``forbidden`` for who may not read the record.
        """
        require(principal, Permission.RECORD_READ)
        async with self._units.reading() as connection:
            admission = await admission_rows.admission(connection, admission_id)
            written = await bedside_rows.summaries(connection, admission_id)
            patient = (await self._patients.brief(connection, [admission.patient_id]))[admission.patient_id]
        number = query.number if query is not None and query.number is not None else len(written)
        if not 1 <= number <= len(written):
            raise not_found("a discharge summary of that admission")
        last = written[number - 1]
        reach = wards(principal, Permission.RECORD_READ)
        entry = await self._patients.get_entry(
            principal,
            replace(command, key=None),
            admission.patient_id,
            last.entry_id,
            treated=reach is None or admission.ward in reach,
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

    async def _locked(
        self, uow: UnitOfWork, principal: Principal, permission: Permission, admission_id: uuid.UUID
    ) -> Admission:
        """Locks the patient and the admission; raises ``conflict`` for somebody who was in no bed."""
        require(principal, permission)
        await self._patients.lock(uow, await admission_rows.patient_of(uow.connection, admission_id))
        admission = await admission_rows.lock_admission(uow.connection, admission_id)
        if admission.state not in WAS_IN_BED:
            raise conflict("the patient was in no bed: this is written of a stay")
        return admission

    @staticmethod
    async def _ward_then(uow: UnitOfWork, admission: Admission, told: datetime | None) -> str:
        """The ward of the bed in which the patient lies, or lay at the time that is told."""
        if told is None:
            if admission.state not in IN_BED:
                raise conflict("the patient has left: say occurred_at, when the round was made")
            return admission.ward
        ward = await stay_rows.ward_at(uow.connection, admission.id, told)
        if ward is None:
            raise HmsError(Code.INVALID, "occurred_at: the patient lay in no bed of this admission then")
        return ward


def _check_amendment(admission: Admission, said: SummaryIn, *, amends: bool) -> None:
    """Raises ``invalid`` for another version without a reason, once one may have been handed out."""
    if amends and admission.state not in IN_BED and said.amended_because is None:
        raise HmsError(Code.INVALID, "amended_because: the patient has left, say why it is amended")
    if not amends and said.amended_because is not None:
        raise HmsError(Code.INVALID, "amended_because: no summary is written yet")


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
