"""Prescriptions: written, put in force, held, stopped."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from hms_rt.departments.patients.service import PatientBrief
from hms_rt.departments.pharmacy.events import PrescriptionChanged
from hms_rt.departments.pharmacy.model.formulary import FormularyStatus, Medicine, invalid
from hms_rt.departments.pharmacy.model.frequency import Frequency, FrequencyKind, course_end, usual_times
from hms_rt.departments.pharmacy.model.prescription import (
    Line,
    Prescription,
    PrescriptionMove,
    PrescriptionState,
)
from hms_rt.departments.pharmacy.model.safety import SafetyWarning, warnings
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import formulary, prescriptions
from hms_rt.departments.pharmacy.repository.prescriptions import Recorded
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    Activation,
    FrequencyIn,
    LineIn,
    PrescriptionIn,
    PrescriptionOut,
    When,
    Why,
)
from hms_rt.departments.pharmacy.service.foundation import (
    Foundation,
    found,
    locked,
    moved,
    prescription_out,
    require_at,
)
from hms_rt.departments.pharmacy.service.overriding import overridden
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_place
from hms_rt.storage.unit_of_work import UnitOfWork

_M = PrescriptionMove


class Prescribing(Foundation):
    """What doctors do; the pharmacy, too, may hold and resume."""

    async def prescribe(
        self, principal: Principal, command: Command, wanted: PrescriptionIn
    ) -> PrescriptionOut:
        """Write a draft for a patient in a place of the doctor's; nothing is in force yet.

        Raises ``not_found`` for an unknown patient or dispensary, or an admission without a bed, ``invalid``
        for medicines that cannot be prescribed, ``conflict`` for the dead, and ``forbidden``.
        Records ``PrescriptionChanged``.
        """

        async def work(uow: UnitOfWork) -> PrescriptionOut:
            require(principal, Permission.PRESCRIBE)
            patient = await self._patients.living(uow, wanted.patient_id)
            draft = await self._draft(uow, patient, wanted)
            _require_there(principal, draft)
            lines = await self._lines(uow, draft, wanted.lines)
            draft = await prescriptions.add(uow.connection, draft, lines)
            recorded = Recorded(uow.ids.new(), _M.DRAFT, draft.prescribed_at, uow.now, principal.id)
            await prescriptions.add_event(uow.connection, None, draft, recorded)
            uow.record(PrescriptionChanged(None, draft, tuple(lines), Cause.ORDERED))
            uow.audit(
                "prescription.draft",
                entity="prescription",
                entity_id=draft.id,
                patient_id=patient.id,
                detail={"medicines": [line.medicine for line in lines]},
            )
            return prescription_out(principal, draft, lines)

        return await self._units.execute(principal, command, PrescriptionOut, work)

    async def activate(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, told: Activation
    ) -> PrescriptionOut:
        """Put a draft in force. Raises ``conflict`` with the warnings that lack an override, by line.

        The patient is locked, so that of two prescriptions of one generic the second is warned of.
        """

        async def work(uow: UnitOfWork) -> PrescriptionOut:
            require(principal, Permission.PRESCRIBE)
            patient_id = await prescriptions.patient_of(uow.connection, prescription_id)
            await self._patients.living(uow, found(patient_id, "that prescription"))
            before, lines = await locked(uow, prescription_id)
            require_at(principal, Permission.PRESCRIBE, before)
            command.check_version(before.version)
            after = before.move(_M.ACTIVATE)
            raised = await self._warnings(uow, before, lines, uow.now)
            reasons = overridden(raised, told.overrides)
            await prescriptions.add_overrides(uow.connection, reasons, principal.id, uow.now)
            return await moved(uow, before, after, lines, _M.ACTIVATE, Cause.ORDERED, told.occurred_at)

        return await self._units.execute(principal, command, PrescriptionOut, work)

    async def hold(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, why: Why
    ) -> PrescriptionOut:
        """Put a prescription in force on hold: nothing is dispensed or given until it is resumed."""
        return await self._move(
            principal, command, prescription_id, Permission.PRESCRIPTION_HOLD, _M.HOLD, Cause.HELD, why
        )

    async def resume(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, when: When
    ) -> PrescriptionOut:
        """End a hold."""
        return await self._move(
            principal, command, prescription_id, Permission.PRESCRIPTION_HOLD, _M.RESUME, Cause.STATUS, when
        )

    async def stop(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, why: Why
    ) -> PrescriptionOut:
        """End a prescription before its course does; doses that are due later are cancelled with it."""
        return await self._move(
            principal, command, prescription_id, Permission.PRESCRIPTION_STOP, _M.STOP, Cause.CANCELLED, why
        )

    async def cancel_prescription(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, why: Why
    ) -> PrescriptionOut:
        """Discard a draft."""
        return await self._move(
            principal, command, prescription_id, Permission.PRESCRIBE, _M.CANCEL, Cause.CANCELLED, why
        )

    async def _move(
        self,
        principal: Principal,
        command: Command,
        prescription_id: uuid.UUID,
        permission: Permission,
        move: PrescriptionMove,
        cause: Cause,
        told: When | Why,
    ) -> PrescriptionOut:
        """Raises ``not_found``, ``forbidden``, ``stale_version``, ``illegal_move``."""

        async def work(uow: UnitOfWork) -> PrescriptionOut:
            require(principal, permission)
            patient_id = await prescriptions.patient_of(uow.connection, prescription_id)
            await self._patients.lock(uow, found(patient_id, "that prescription"))
            before, lines = await locked(uow, prescription_id)
            require_at(principal, permission, before)
            command.check_version(before.version)
            after = before.move(move, told.reason if isinstance(told, Why) else None)
            return await moved(uow, before, after, lines, move, cause, told.occurred_at)

        return await self._units.execute(principal, command, PrescriptionOut, work)

    async def _draft(self, uow: UnitOfWork, patient: PatientBrief, wanted: PrescriptionIn) -> Prescription:
        ward = None
        if wanted.admission_id is not None:
            in_bed = await self._ward_of(uow.connection, wanted.admission_id, patient.id)
            ward = found(in_bed, "an admission of this patient with a bed")
        return Prescription(
            id=uow.ids.new(),
            number=0,
            patient_id=patient.id,
            patient_name=patient.name,
            mrn=patient.mrn,
            restricted=patient.restricted,
            admission_id=wanted.admission_id,
            visit_id=wanted.visit_id,
            ward=ward,
            clinic=wanted.clinic,
            take_home=wanted.take_home,
            dispensary=await _dispensary(uow, wanted.dispensary),
            prescribed_by=uow.principal.id,
            state=PrescriptionState.DRAFT,
            prescribed_at=occurred(wanted.occurred_at, uow.now),
            recorded_at=uow.now,
        )

    async def _lines(self, uow: UnitOfWork, draft: Prescription, wanted: Sequence[LineIn]) -> list[Line]:
        known = await formulary.by_codes(uow.connection, {line.medicine for line in wanted})
        refused = sorted(
            {
                line.medicine
                for line in wanted
                if line.medicine not in known or known[line.medicine].status is not FormularyStatus.ACTIVE
            }
        )
        if refused:
            raise invalid("lines", f"cannot be prescribed: {', '.join(refused)}")
        ids = sorted(uow.ids.new() for _ in wanted)
        return [
            self._line(draft, known, ids[position], position, line) for position, line in enumerate(wanted)
        ]

    def _line(
        self,
        draft: Prescription,
        known: Mapping[str, Medicine],
        line_id: uuid.UUID,
        position: int,
        wanted: LineIn,
    ) -> Line:
        medicine = known[wanted.medicine]
        frequency = _frequency(wanted.frequency)
        starts_at = wanted.starts_at or draft.prescribed_at
        ends_at = course_end(starts_at, wanted.duration_days, self._zone)
        doses = frequency.doses(starts_at, ends_at, self._zone)
        if doses == 0:
            raise invalid("lines", f"{medicine.code}: no dose falls into the course")
        return Line(
            id=line_id,
            prescription_id=draft.id,
            position=position + 1,
            medicine=medicine.code,
            name=medicine.name,
            generic=medicine.generic,
            controlled=medicine.controlled,
            dose=wanted.dose,
            dose_unit=medicine.strength_unit,
            route=wanted.route,
            frequency_kind=frequency.kind,
            times=frequency.times,
            every_hours=frequency.every_hours,
            max_per_24h=frequency.max_per_24h,
            starts_at=starts_at,
            ends_at=ends_at,
            duration_days=wanted.duration_days,
            quantity=wanted.quantity or medicine.units_for(wanted.dose) * doses,
            dispense_unit=medicine.dispense_unit,
            dispensed=Decimal(0),
            note=wanted.note,
        )

    async def _warnings(
        self, uow: UnitOfWork, prescription: Prescription, lines: Sequence[Line], at: datetime
    ) -> list[SafetyWarning]:
        """What the prescriber must know, as of ``at``; the patient is locked."""
        known = await formulary.by_codes(uow.connection, {line.medicine for line in lines})
        allergies = await self._allergies_of(uow.connection, prescription.patient_id)
        taken = await prescriptions.taken(uow.connection, prescription.patient_id, prescription.id, at)
        return warnings(lines, known, allergies, taken)


def _require_there(principal: Principal, draft: Prescription) -> None:
    """Raises ``forbidden`` unless the doctor may prescribe where the patient is."""
    require_place(
        principal,
        Permission.PRESCRIBE,
        wards_of=[draft.ward] if draft.ward is not None else [],
        clinics_of=[draft.clinic] if draft.clinic is not None else [],
    )


async def _dispensary(uow: UnitOfWork, code: str | None) -> str:
    if code is None:
        return found(await formulary.first_dispensary(uow.connection), "a dispensary").code
    store = found(await formulary.store(uow.connection, code), f"dispensary {code}")
    if store.kind is not StoreKind.DISPENSARY:
        raise invalid("dispensary", f"{code} is no dispensary")
    return store.code


def _frequency(told: FrequencyIn) -> Frequency:
    times: tuple[str, ...] = ()
    if told.kind is FrequencyKind.TIMES_PER_DAY:
        times = tuple(told.times) if told.times is not None else usual_times(told.per_day or 1)
    frequency = Frequency(told.kind, times, told.every_hours, told.max_per_24h)
    frequency.check()
    return frequency
