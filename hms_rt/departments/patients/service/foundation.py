"""What both halves of the service work with."""

import uuid

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.merge import merged_away
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.service.care import CareRelation
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, Scope, may
from hms_rt.storage.mongo import Documents
from hms_rt.storage.unit_of_work import UnitsOfWork


class Foundation:
    """The collaborators of the service; ``care`` decides what "own patient" means."""

    def __init__(self, units: UnitsOfWork, documents: Documents, care: CareRelation) -> None:
        self._units = units
        self._documents = documents
        self._care = care

    async def _allowed(
        self,
        connection: AsyncConnection,
        principal: Principal,
        permission: Permission,
        patient_id: uuid.UUID,
    ) -> bool:
        """Whether ``permission`` reaches this patient: anybody's, or an own one."""
        scope = may(principal, permission)
        if scope is Scope.OWN:
            return await self._care.treats(connection, principal, patient_id)
        return scope is Scope.ANY


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
