"""What every part of the service works with: whose patient it is, and what is closed to whom."""

import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.events import GlassBroken
from hms_rt.departments.patients.model.merge import merged_away
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.repository import patients
from hms_rt.departments.patients.schemas.record import BreakGlass
from hms_rt.departments.patients.service.care import CareRelation
from hms_rt.kernel.errors import HmsError, forbidden, not_found
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, Scope, may
from hms_rt.storage.mongo import Documents
from hms_rt.storage.unit_of_work import UnitOfWork, UnitsOfWork


class Foundation:
    """The collaborators of the service; ``care`` decides what "own patient" means."""

    def __init__(self, units: UnitsOfWork, documents: Documents, care: CareRelation) -> None:
        self._units = units
        self._documents = documents
        self._care = care

    async def _allowed(
        self, connection: AsyncConnection, principal: Principal, permission: Permission, patient: Patient
    ) -> bool:
        """Whether ``permission`` reaches this patient: anybody's, or an own one.

        A restricted patient is nobody's but theirs who treat.
        """
        scope = may(principal, permission)
        if scope is None:
            return False
        if scope is Scope.OWN or (patient.restricted and principal.kind is not PrincipalKind.SYSTEM):
            return await self._care.treats(connection, principal, patient.id)
        return True

    async def _require(
        self, uow: UnitOfWork, principal: Principal, permission: Permission, patient: Patient
    ) -> None:
        """Raises ``forbidden`` unless ``permission`` reaches this patient."""
        if not await self._allowed(uow.connection, principal, permission, patient):
            raise closed(patient)

    async def require_care(
        self, uow: UnitOfWork, principal: Principal, permission: Permission, patient_id: uuid.UUID
    ) -> None:
        """For other departments: raises ``forbidden`` unless ``permission`` reaches this patient."""
        patient = await patients.by_id(uow.connection, patient_id)
        if patient is None:
            raise not_found("that patient")
        await self._require(uow, principal, permission, patient)

    @staticmethod
    def _opened(uow: UnitOfWork, principal: Principal, patient: Patient, glass: BreakGlass | None) -> bool:
        """Whether a given reason opens what is closed; audited, and recorded as ``GlassBroken``."""
        if glass is None or may(principal, Permission.RECORD_BREAK_GLASS) is None:
            return False
        uow.audit(
            "record.break_glass",
            entity="patient",
            entity_id=patient.id,
            patient_id=patient.id,
            detail={"reason": glass.reason, "restricted": patient.restricted},
        )
        uow.record(GlassBroken(patient.id, principal.id, patient.restricted, glass.reason))
        return True


def closed(patient: Patient) -> HmsError:
    """Why somebody may not see or do this, and the way out in an emergency."""
    if patient.restricted:
        return forbidden("this record is restricted to those who treat; in an emergency break the glass")
    return forbidden("this patient is not in your wards or clinics; in an emergency break the glass")


def found(patient: Patient | None) -> Patient:
    """``patient``; raises ``not_found`` for None."""
    if patient is None:
        raise not_found("the patient")
    return patient


def acting(patient: Patient | None) -> Patient:
    """``patient``, for whom something is about to be done; raises ``not_found``, and ``conflict`` for a
    pointer to a survivor."""
    patient = found(patient)
    if patient.merged_into is not None:
        raise merged_away(patient)
    return patient
