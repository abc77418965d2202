"""Giving medication: what nurses record, what the ward reads, what a timer moves on."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.identity.service import IdentityService
from hms_rt.departments.ipd.model.medication import (
    GRACE,
    HORIZON,
    RECORDING,
    TAKEN,
    Administration,
    CancelledFor,
    DoseMove,
    Medication,
    Outcome,
    check_moment,
)
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import medication as rows
from hms_rt.departments.ipd.repository import stays as stay_rows
from hms_rt.departments.ipd.schemas.medication import (
    AdministrationIn,
    AdministrationOut,
    AsNeededIn,
    Retraction,
)
from hms_rt.departments.ipd.service.medication_board import DoseChange, show_as_needed, show_doses
from hms_rt.departments.ipd.service.medication_planning import plan
from hms_rt.departments.ipd.service.medication_reading import MedicationReading, administration_out
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import Code, HmsError, conflict, not_found
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, require, require_place
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork

T = TypeVar("T")
Work = Callable[[UnitOfWork, Medication], Awaitable[AdministrationOut]]

BATCH = 100
"""Medications, and doses, that one transaction of the timer moves on."""

REFUSALS = {
    "ipd_administration_once_key": "what became of this dose is recorded already",
    "ipd_administration_most_check": "that would be more doses within 24 hours than prescribed",
    "ipd_administration_in_force_check": "the medicine was stopped, or the patient had left, at that moment",
}
"""What a violated rule of the database means."""


class MedicationService(MedicationReading):
    """The medication administration record.

    Locks are taken in the order patient, medication, dose, administration, sums. Whatever changes is shown
    in ``ipd/ward:<code>`` and audited.
    """

    def __init__(
        self, units: UnitsOfWork, patients: PatientsService, identity: IdentityService, zone: ZoneInfo
    ) -> None:
        self._units = units
        self._patients = patients
        self._identity = identity
        self._zone = zone

    async def administer(
        self, principal: Principal, command: Command, dose_id: uuid.UUID, told: AdministrationIn
    ) -> AdministrationOut:
        """Record what became of a dose that is due. Never twice: raises ``illegal_move`` for the second.

        Late, too: a dose that was given before the prescription was held or stopped, or the patient went.
        Raises ``conflict`` for one given afterwards, ``not_found``, ``forbidden`` outside the own ward (where
        the patient lies, or lay when it was given), ``stale_version``, ``invalid`` where amount, reason or
        witness do not fit.
        """

        async def work(uow: UnitOfWork, medication: Medication) -> AdministrationOut:
            dose = _found(await rows.lock_dose(uow.connection, dose_id), "that dose")
            command.check_version(dose.version)
            left_at = await _left_at(uow, medication)
            ceased = medication.ceased_at is not None or left_at is not None
            after = dose.recorded(RECORDING[told.outcome], ceased=ceased)
            at = occurred(told.occurred_at, uow.now)
            check_moment(dose, at)
            if told.outcome in TAKEN:
                medication.check_taken(at, left_at)
            amount = told.amount
            if amount is None and told.outcome is Outcome.GIVEN:
                amount = medication.dose
            made = Administration(
                id=uow.ids.new(),
                line_id=medication.line_id,
                dose_id=dose.id,
                controlled=medication.controlled,
                outcome=told.outcome,
                amount=amount,
                reason=told.reason,
                given_by=principal.id,
                witness=told.witness,
                occurred_at=at,
                recorded_at=uow.now,
            )
            answer = await self._record(uow, medication, made)
            await rows.save_doses(uow.connection, [after])
            await show_doses(uow, [DoseChange(medication, dose, after)], Cause.ADMINISTERED)
            return answer

        line = rows.line_of_dose
        return await self._on_ward(
            principal, command, lambda uow: line(uow.connection, dose_id), work, told.occurred_at
        )

    async def administer_as_needed(
        self, principal: Principal, command: Command, line_id: uuid.UUID, told: AsNeededIn
    ) -> AdministrationOut:
        """Record a dose that the patient needed; raises ``conflict`` if it is too many within 24 hours."""

        async def work(uow: UnitOfWork, medication: Medication) -> AdministrationOut:
            if not medication.as_needed:
                raise conflict(f"{medication.name} is due at its own moments: record the dose")
            at = occurred(told.occurred_at, uow.now)
            medication.check_taken(at, await _left_at(uow, medication))
            given = await rows.taken(uow.connection, [line_id])
            medication.check_as_needed(given[line_id], at)
            amount = told.amount if told.amount is not None else medication.dose
            made = Administration(
                id=uow.ids.new(),
                line_id=line_id,
                dose_id=None,
                controlled=medication.controlled,
                outcome=Outcome.GIVEN,
                amount=amount,
                reason=told.reason,
                given_by=principal.id,
                witness=told.witness,
                occurred_at=at,
                recorded_at=uow.now,
            )
            answer = await self._record(uow, medication, made)
            await show_as_needed(uow, medication, medication, Cause.ADMINISTERED)
            return answer

        async def line(uow: UnitOfWork) -> uuid.UUID:
            return line_id

        return await self._on_ward(principal, command, line, work, told.occurred_at)

    async def retract_administration(
        self, principal: Principal, command: Command, administration_id: uuid.UUID, why: Retraction
    ) -> AdministrationOut:
        """What was recorded was entered in error: it stays readable, and the dose is due again."""

        async def work(uow: UnitOfWork, medication: Medication) -> AdministrationOut:
            before = _found(
                await rows.lock_administration(uow.connection, administration_id), "that administration"
            )
            after = before.retract(why.reason, principal.id, uow.now)
            await rows.retract(uow.connection, after)
            uow.audit(
                "medication.retract",
                entity="administration",
                entity_id=after.id,
                patient_id=medication.patient_id,
            )
            if after.dose_id is None:
                await show_as_needed(uow, medication, medication, Cause.RETRACTED)
            else:
                await self._reopen(uow, medication, after.dose_id)
            return administration_out(after)

        line = rows.line_of_administration
        return await self._on_ward(
            principal, command, lambda uow: line(uow.connection, administration_id), work
        )

    async def move_on(self, principal: Principal, command: Command) -> int:
        """For a timer: plan doses up to the horizon, and make late ones overdue; answers how many changed."""
        changed = 0
        for step in (self._plan_ahead, self._make_overdue):
            while True:
                done: list[int] = []

                async def work(
                    uow: UnitOfWork,
                    step: Callable[[UnitOfWork], Awaitable[int]] = step,
                    done: list[int] = done,
                ) -> None:
                    done[:] = [await step(uow)]

                await self._units.execute(principal, command, type(None), work)
                changed += done[0]
                if done[0] < BATCH:
                    break
        return changed

    async def _plan_ahead(self, uow: UnitOfWork) -> int:
        held = await rows.to_plan(uow.connection, uow.now + HORIZON / 2, BATCH)
        changes: list[DoseChange] = []
        for medication in held:
            changes += (await plan(uow, medication, self._zone))[1]
        await show_doses(uow, changes, Cause.DUE)
        return len(held)

    @staticmethod
    async def _make_overdue(uow: UnitOfWork) -> int:
        late = await rows.lock_late(uow.connection, uow.now - GRACE, BATCH)
        changes = [DoseChange(medication, dose, dose.moved(DoseMove.OVERDUE)) for medication, dose in late]
        await rows.save_doses(uow.connection, [change.after for change in changes])
        await show_doses(uow, changes, Cause.OVERDUE)
        return len(late)

    async def _on_ward(
        self,
        principal: Principal,
        command: Command,
        line_of: Callable[[UnitOfWork], Awaitable[uuid.UUID | None]],
        work: Work,
        at: datetime | None = None,
    ) -> AdministrationOut:
        """Lock patient and medication, check that it is of the nurse's ward, and let ``work`` record.

        The ward where the patient lies, or lay last; or lay at the moment ``at`` that is told.
        """

        async def run(uow: UnitOfWork) -> AdministrationOut:
            require(principal, Permission.MEDICATION_ADMINISTER)
            line_id = _found(await line_of(uow), "that medication")
            patient_id = _found(await rows.patient_of(uow.connection, line_id), "that medication")
            await self._patients.lock(uow, patient_id)
            medication = _found(await rows.lock(uow.connection, line_id), "that medication")
            places = await _wards(uow, medication, at)
            require_place(principal, Permission.MEDICATION_ADMINISTER, wards_of=places)
            try:
                return await work(uow, medication)
            except IntegrityError as error:
                rule = violated(error)
                raise (conflict(REFUSALS[rule]) if rule in REFUSALS else error) from error

        return await self._units.execute(principal, command, AdministrationOut, run)

    async def _record(
        self, uow: UnitOfWork, medication: Medication, made: Administration
    ) -> AdministrationOut:
        made.check(medication)
        if made.witness is not None:
            able = await self._identity.users_with(uow.connection, roles=[Role.DOCTOR, Role.NURSE])
            if made.witness not in {user.id for user in able}:
                raise HmsError(Code.INVALID, "witness: is a doctor or nurse who works here")
        await rows.add_administration(uow.connection, made)
        uow.audit(
            "medication.administer",
            entity="administration",
            entity_id=made.id,
            patient_id=medication.patient_id,
            detail={"outcome": made.outcome, "line": str(made.line_id)},
        )
        return administration_out(made)

    @staticmethod
    async def _reopen(uow: UnitOfWork, medication: Medication, dose_id: uuid.UUID) -> None:
        """Due again, at once overdue if its moment is past; also of a prescription that was stopped since."""
        before = _found(await rows.lock_dose(uow.connection, dose_id), "that dose")
        after = before.pending(DoseMove.REOPEN, uow.now)
        if medication.ward is None:  # nobody is there to get it
            after = replace(after.moved(DoseMove.CANCEL, CancelledFor.DEPARTURE), version=before.version + 1)
        await rows.save_doses(uow.connection, [after])
        await show_doses(uow, [DoseChange(medication, before, after)], Cause.RETRACTED)


async def _left_at(uow: UnitOfWork, medication: Medication) -> datetime | None:
    """When the patient left; None while they are here. The patient is locked."""
    return (await admission_rows.admission(uow.connection, medication.admission_id)).discharged_at


async def _wards(uow: UnitOfWork, medication: Medication, at: datetime | None) -> list[str]:
    """Where the patient lies, or lay last, and where they lay at ``at``."""
    admission = await admission_rows.admission(uow.connection, medication.admission_id)
    then = await stay_rows.ward_at(uow.connection, admission.id, at) if at is not None else None
    return [medication.ward or admission.ward, *([then] if then is not None else [])]


def _found(thing: T | None, what: str) -> T:
    if thing is None:
        raise not_found(what)
    return thing
