"""What patients must not get. Statements are appended, superseded by new ones, never changed."""

import uuid
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.events import AllergiesChanged
from hms_rt.departments.patients.model.allergy import Allergy, Substance, superseded_by
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.repository import allergies, patients
from hms_rt.departments.patients.schemas.allergies import (
    AllergyError,
    AllergyIn,
    AllergyList,
    AllergyOut,
    AllergyQuery,
    AllergyVerification,
)
from hms_rt.departments.patients.schemas.record import BreakGlass
from hms_rt.departments.patients.service.foundation import Foundation, acting, closed, found
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, may, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Allergies(Foundation):
    """Recording, verifying, retracting and reading allergies; each records ``AllergiesChanged``."""

    async def list_allergies(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        query: AllergyQuery,
        glass: BreakGlass | None = None,
    ) -> AllergyList:
        """How it stands now, or with ``history`` how it came about; audited. Pharmacists read it too."""

        async def work(uow: UnitOfWork) -> AllergyList:
            if may(principal, Permission.RECORD_READ) is None:
                require(principal, Permission.RECORD_READ_MEDICATION)
            asked = found(await patients.by_id(uow.connection, patient_id))
            patient = await patients.survivor(uow.connection, asked)
            for permission in (Permission.RECORD_READ, Permission.RECORD_READ_MEDICATION):
                if await self._allowed(uow.connection, principal, permission, patient):
                    break
            else:
                if not self._opened(uow, principal, patient, glass):
                    raise closed(patient)
            uow.audit("allergy.read", entity="patient", entity_id=patient.id, patient_id=patient.id)
            known = await allergies.of_patient(uow.connection, patient.id)
            return AllergyList(items=[_out(one) for one in known if query.history or one.current])

        return await self._units.execute(principal, replace(command, key=None), AllergyList, work)

    async def add_allergy(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, new: AllergyIn
    ) -> AllergyOut:
        """Record an allergy, a change of one (``supersedes``), or that none is known.

        Raises ``conflict`` for "none known" beside an allergy, and for a statement changed meanwhile.
        """

        async def work(uow: UnitOfWork) -> AllergyOut:
            patient = await self._writable(uow, principal, Permission.ALLERGY_WRITE, patient_id)
            supersedes = new.supersedes
            if supersedes is not None:
                (await self._known(uow, patient, supersedes)).check_current()
            else:
                known = await allergies.of_patient(uow.connection, patient.id)
                supersedes = superseded_by(new.kind, known)
            made = Allergy(
                id=uow.ids.new(),
                patient_id=patient.id,
                kind=new.kind,
                category=new.category,
                substance=Substance(new.substance or "", new.code_system, new.code),
                reaction=new.reaction,
                severity=new.severity,
                status=new.status,
                recorded_at=uow.now,
                recorded_by=principal.id,
                supersedes=supersedes,
            )
            return await self._stated(uow, made, "allergy.record")

        return await self._units.execute(principal, command, AllergyOut, work)

    async def verify_allergy(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        allergy_id: uuid.UUID,
        said: AllergyVerification,
    ) -> AllergyOut:
        """A doctor confirms a statement; answers the new one. Raises ``conflict`` if it is verified."""

        async def work(uow: UnitOfWork) -> AllergyOut:
            patient = await self._writable(uow, principal, Permission.ALLERGY_VERIFY, patient_id)
            known = await self._known(uow, patient, allergy_id)
            verified = known.verify(uow.ids.new(), principal.id, uow.now, occurred(said.occurred_at, uow.now))
            return await self._stated(uow, verified, "allergy.verify")

        return await self._units.execute(principal, command, AllergyOut, work)

    async def retract_allergy(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        allergy_id: uuid.UUID,
        why: AllergyError,
    ) -> AllergyOut:
        """Mark a statement as entered in error, by a new one that holds the reason; answers that one."""

        async def work(uow: UnitOfWork) -> AllergyOut:
            patient = await self._writable(uow, principal, Permission.ALLERGY_WRITE, patient_id)
            known = await self._known(uow, patient, allergy_id)
            wrong = known.retract(uow.ids.new(), principal.id, uow.now, why.reason)
            return await self._stated(uow, wrong, "allergy.retract")

        return await self._units.execute(principal, command, AllergyOut, work)

    async def _writable(
        self, uow: UnitOfWork, principal: Principal, permission: Permission, patient_id: uuid.UUID
    ) -> Patient:
        require(principal, permission)
        patient = acting(await patients.lock(uow.connection, patient_id))
        await self._require(uow, principal, permission, patient)
        return patient

    @staticmethod
    async def _known(uow: UnitOfWork, patient: Patient, allergy_id: uuid.UUID) -> Allergy:
        known = await allergies.by_id(uow.connection, patient.id, allergy_id)
        if known is None:
            raise not_found("that allergy")
        return known

    @staticmethod
    async def _stated(uow: UnitOfWork, made: Allergy, action: str) -> AllergyOut:
        try:
            await allergies.add(uow.connection, made)
        except IntegrityError as error:
            if violated(error) == "patients_allergy_supersedes_key":
                raise conflict("that allergy was changed or retracted before: read the list again") from None
            raise
        uow.audit(action, entity="allergy", entity_id=made.id, patient_id=made.patient_id)
        uow.record(AllergiesChanged(made.patient_id))
        return _out(made)


def _out(one: Allergy) -> AllergyOut:
    return AllergyOut(
        id=one.id,
        patient_id=one.patient_id,
        kind=one.kind,
        category=one.category,
        substance=one.substance.name or None,
        code_system=one.substance.code_system,
        code=one.substance.code,
        reaction=one.reaction,
        severity=one.severity,
        status=one.status,
        current=one.current,
        recorded_at=one.recorded_at,
        recorded_by=one.recorded_by,
        verified_at=one.verified_at,
        verified_by=one.verified_by,
        supersedes=one.supersedes,
        entered_in_error=one.entered_in_error,
        error_reason=one.error_reason,
    )
