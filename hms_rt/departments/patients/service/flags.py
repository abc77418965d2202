"""Death and restriction: what changes who may do what with a patient."""

import uuid
from dataclasses import replace

from hms_rt.departments.patients.events import RestrictionChanged
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.projector import die, revive
from hms_rt.departments.patients.reading import shown_as
from hms_rt.departments.patients.repository import patients
from hms_rt.departments.patients.schemas import PatientOut, Shown
from hms_rt.departments.patients.schemas.details import (
    DeathIn,
    IdCursor,
    RestrictedOut,
    RestrictedQuery,
    WhyIn,
)
from hms_rt.departments.patients.service.foundation import Foundation, acting
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Flags(Foundation):
    """That a patient died, and that a record is closed to all but those who treat."""

    async def record_death(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, said: DeathIn
    ) -> PatientOut:
        """Record that a patient died; records ``PatientDied``. Raises ``illegal_move`` for a second time."""

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_DEATH)
            patient = acting(await patients.lock(uow.connection, patient_id))
            command.check_version(patient.version)
            await self._require(uow, principal, Permission.PATIENT_DEATH, patient)
            return shown_as(await die(uow, patient, occurred(said.occurred_at, uow.now)), Shown.ALL)

        return await self._units.execute(principal, command, PatientOut, work)

    async def revoke_death(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, why: WhyIn
    ) -> PatientOut:
        """The record of the death was a mistake; records ``DeathRevoked``. Raises ``illegal_move``."""

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_DEATH)
            patient = acting(await patients.lock(uow.connection, patient_id))
            command.check_version(patient.version)
            await self._require(uow, principal, Permission.PATIENT_DEATH, patient)
            return shown_as(await revive(uow, patient, why.reason), Shown.ALL)

        return await self._units.execute(principal, command, PatientOut, work)

    async def restrict(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, why: WhyIn
    ) -> PatientOut:
        """Close a record to all but those who treat; records ``RestrictionChanged``."""
        return await self._set_restricted(principal, command, patient_id, why, restricted=True)

    async def unrestrict(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, why: WhyIn
    ) -> PatientOut:
        """Open a restricted record; records ``RestrictionChanged``. Raises ``illegal_move`` if it is open."""
        return await self._set_restricted(principal, command, patient_id, why, restricted=False)

    async def restricted(
        self, principal: Principal, command: Command, query: RestrictedQuery
    ) -> Page[RestrictedOut]:
        """Every restricted patient, for whoever watches over privacy; audited."""

        async def work(uow: UnitOfWork) -> Page[RestrictedOut]:
            require(principal, Permission.PATIENT_RESTRICT)
            after = decode_cursor(query.cursor, IdCursor).id if query.cursor else None
            rows = await patients.restricted(uow.connection, after=after, limit=query.limit + 1)
            shown, cursor = cut(rows, query.limit, lambda patient: IdCursor(id=patient.id))
            uow.audit(
                "patient.list_restricted", entity="patient", entity_id="*", detail={"shown": len(shown)}
            )
            items = [RestrictedOut(id=one.id, mrn=one.mrn, name=one.name) for one in shown]
            return Page[RestrictedOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[RestrictedOut], work)

    async def _set_restricted(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, why: WhyIn, *, restricted: bool
    ) -> PatientOut:
        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_RESTRICT)
            patient = acting(await patients.lock(uow.connection, patient_id))
            command.check_version(patient.version)
            changed = patient.restrict(restricted=restricted).following(uow.now)
            await patients.save(uow.connection, changed)
            _audit(
                uow, "patient.restrict" if restricted else "patient.unrestrict", changed, reason=why.reason
            )
            uow.record(RestrictionChanged(changed.brief()))
            return shown_as(changed, Shown.MINIMUM)

        return await self._units.execute(principal, command, PatientOut, work)


def _audit(uow: UnitOfWork, action: str, patient: Patient, **detail: str) -> None:
    uow.audit(action, entity="patient", entity_id=patient.id, patient_id=patient.id, detail=detail)
