"""Who treats whom, and who a session is now: what the server asks several departments about."""

import uuid
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.identity.service import Principals
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import AssignmentKind, Principal

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


class SessionAuthority:
    """Tells the socket server who a session is now, from identity's cache and database."""

    def __init__(self, principals: Principals) -> None:
        self._principals = principals

    async def current(self, principal: Principal) -> Principal | None:
        """The principal as of now, or None when the session is over."""
        try:
            return await self._principals.of(principal.session_id, principal.kind)
        except HmsError as error:
            if error.code is Code.UNAUTHENTICATED:
                return None
            raise

    def drop(self, key: uuid.UUID) -> None:
        """Forget what is cached for a principal's or session's id."""
        self._principals.drop(str(key))

    def clear(self) -> None:
        """Forget what is cached of everybody."""
        self._principals.clear()
