"""Reading the medication administration record. Every answer is audited before it is given."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import views
from hms_rt.departments.ipd.model.medication import Administration, Dose, Medication
from hms_rt.departments.ipd.repository import admissions
from hms_rt.departments.ipd.repository import medication as rows
from hms_rt.departments.ipd.schemas.medication import (
    AdministrationOut,
    AdministrationQuery,
    DoseCursor,
    DoseOut,
    DoseQuery,
    IdCursor,
    MedicationChart,
    MedicationOut,
)
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command
from hms_rt.kernel.outstanding import Outstanding, OutstandingKind
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.security.permissions import Permission, require, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

State = dict[str, Mapping[str, Any]]
_FIRST_FEW = 5


class MedicationReading:
    """Charts, lists and the ward's room."""

    _units: UnitsOfWork

    async def chart(self, principal: Principal, command: Command, admission_id: uuid.UUID) -> MedicationChart:
        """What is prescribed to an inpatient for the ward to give; raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> MedicationChart:
            await _require_admission(uow, admission_id, "medication.chart_read")
            medications = await rows.of_admission(uow.connection, admission_id)
            lines = [one.line_id for one in medications]
            given = await rows.taken(uow.connection, lines) if lines else {}
            patient = medications[0].patient_id if medications else None
            shown = [_medication_out(one, given[one.line_id]) for one in medications]
            return MedicationChart(admission_id=admission_id, patient_id=patient, medications=shown)

        return await self._units.execute(principal, replace(command, key=None), MedicationChart, work)

    async def doses(self, principal: Principal, command: Command, query: DoseQuery) -> Page[DoseOut]:
        """What is due in a ward, or all doses of an admission, by their moment; audited."""
        cursor = decode_cursor(query.cursor, DoseCursor) if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[DoseOut]:
            require(principal, Permission.MEDICATION_READ)
            if query.ward is not None:
                require_ward(principal, Permission.MEDICATION_READ, query.ward)
                uow.audit("medication.ward_read", entity="ward", entity_id=query.ward)
            if query.admission_id is not None:
                await _require_admission(uow, query.admission_id, "medication.doses_read")
            listed = await rows.doses_page(
                uow.connection,
                ward=query.ward,
                admission_id=query.admission_id,
                after=(cursor.due_at, cursor.id) if cursor is not None else None,
                limit=query.limit + 1,
            )
            shown, following = cut(
                listed, query.limit, lambda one: DoseCursor(due_at=one[1].due_at, id=one[1].id)
            )
            return Page[DoseOut](items=[_dose_out(principal, *one) for one in shown], next_cursor=following)

        return await self._units.execute(principal, replace(command, key=None), Page[DoseOut], work)

    async def administrations(
        self, principal: Principal, command: Command, query: AdministrationQuery
    ) -> Page[AdministrationOut]:
        """What was recorded for an admission, newest first, entries in error too; audited."""
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[AdministrationOut]:
            await _require_admission(uow, query.admission_id, "medication.record_read")
            listed = await rows.administrations_page(
                uow.connection, query.admission_id, before, query.limit + 1
            )
            shown, following = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            items = [administration_out(one) for one in shown]
            return Page[AdministrationOut](items=items, next_cursor=following)

        return await self._units.execute(principal, replace(command, key=None), Page[AdministrationOut], work)

    @staticmethod
    async def outstanding(
        uow: UnitOfWork, patient_id: uuid.UUID, admission_id: uuid.UUID
    ) -> list[Outstanding]:
        """Doses whose moment has come and that nobody accounted for; the caller is audited."""
        due = await rows.due_of_admission(uow.connection, admission_id, patient_id, uow.now)
        if not due:
            return []
        what = tuple(f"{medication.name}, {dose.state.value}" for medication, dose in due[:_FIRST_FEW])
        return [Outstanding("ipd", OutstandingKind.DOSES_DUE, len(due), what)]

    @staticmethod
    def ward_audience(principal: Principal, ward: str) -> Audience:
        """Those who treat the ward's patients, and the pharmacy; raises ``forbidden``."""
        require_ward(principal, Permission.MEDICATION_READ, ward)
        return _audience(principal)

    @staticmethod
    async def ward_state(connection: AsyncConnection, code: str) -> State:
        """The state of stream ``ipd/ward:<code>``; a ward where nothing was ever due is empty."""
        state: State = {}
        for medication, dose in await rows.on_ward(connection, code):
            state[views.dose_key(dose.id)] = views.dose_value(medication, dose)
        as_needed = await rows.as_needed_on_ward(connection, code)
        lines = [one.line_id for one in as_needed]
        given = await rows.taken(connection, lines) if lines else {}
        for one in as_needed:
            state[views.as_needed_key(one.line_id)] = views.as_needed_value(one, given[one.line_id])
        row = await rows.sum_of(connection, code)
        if row is not None:
            state[views.SUM_KEY] = views.sum_value(row.due, row.overdue)
        return state


def administration_out(one: Administration) -> AdministrationOut:
    """What became of a dose, as it is answered."""
    return AdministrationOut(
        id=one.id,
        line_id=one.line_id,
        dose_id=one.dose_id,
        outcome=one.outcome,
        amount=one.amount,
        reason=one.reason,
        given_by=one.given_by,
        witness=one.witness,
        occurred_at=one.occurred_at,
        recorded_at=one.recorded_at,
        entered_in_error=one.error_at is not None,
        error_reason=one.error_reason,
        error_by=one.error_by,
        error_at=one.error_at,
    )


async def _require_admission(uow: UnitOfWork, admission_id: uuid.UUID, action: str) -> None:
    require(uow.principal, Permission.MEDICATION_READ)
    found = await admissions.admission(uow.connection, admission_id)
    require_ward(uow.principal, Permission.MEDICATION_READ, found.ward)
    uow.audit(action, entity="admission", entity_id=admission_id, patient_id=found.patient_id)


def _medication_out(one: Medication, given: Any) -> MedicationOut:
    return MedicationOut(
        line_id=one.line_id,
        prescription_id=one.prescription_id,
        name=one.name,
        dose=one.dose,
        dose_unit=one.dose_unit,
        route=one.route,
        controlled=one.controlled,
        note=one.note,
        frequency_kind=one.frequency_kind,
        times=list(one.times),
        every_hours=one.every_hours,
        max_per_24h=one.max_per_24h,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        state=one.state,
        recent=given[-(one.max_per_24h or 4) :],
    )


def _dose_out(principal: Principal, medication: Medication, dose: Dose) -> DoseOut:
    named = views.named(_audience(principal), medication)
    return DoseOut(
        id=dose.id,
        line_id=dose.line_id,
        admission_id=medication.admission_id,
        patient_id=medication.patient_id,
        **named,
        ward=dose.ward,
        name=medication.name,
        dose=medication.dose,
        dose_unit=medication.dose_unit,
        route=medication.route,
        controlled=medication.controlled,
        note=medication.note,
        due_at=dose.due_at,
        state=dose.state,
        version=dose.version,
    )


def _audience(principal: Principal) -> Audience:
    treats = principal.has(Role.DOCTOR, Role.NURSE) or principal.kind is PrincipalKind.SYSTEM
    return Audience.CLINICAL if treats else Audience.STAFF
