"""Who treats whom: answered by the departments where patients lie and wait, asked by this one."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.principal import AssignmentKind, Principal


class CareRelation(Protocol):
    """Whether a patient is in a ward or clinic that a principal is assigned to."""

    async def treats(
        self, connection: AsyncConnection, principal: Principal, patient_id: uuid.UUID
    ) -> bool: ...


PlacesOf = Callable[[AsyncConnection, uuid.UUID], Awaitable[set[str]]]


class PlacesOfCare:
    """Who treats whom: somebody assigned to a ward or clinic where the patient is."""

    def __init__(self, wards_of: Sequence[PlacesOf], clinics_of: Sequence[PlacesOf] = ()) -> None:
        self._wards_of = wards_of
        self._clinics_of = clinics_of

    async def treats(self, connection: AsyncConnection, principal: Principal, patient_id: uuid.UUID) -> bool:
        """True if a place of the patient is one of the principal's."""
        wards = principal.places(AssignmentKind.WARD) | principal.places(AssignmentKind.CHARGE_NURSE)
        clinics = principal.places(AssignmentKind.CLINIC) | principal.places(AssignmentKind.ON_CALL)
        for mine, asked in ((wards, self._wards_of), (clinics, self._clinics_of)):
            for places_of in asked if mine else ():
                if not mine.isdisjoint(await places_of(connection, patient_id)):
                    return True
        return False
