"""A doctor's own list: whom they see today, over all clinics."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import views
from hms_rt.departments.opd.repository import appointments, tokens
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.errors import forbidden
from hms_rt.kernel.principal import Principal, Role
from hms_rt.security.permissions import Permission, clinics, require


class Doctors(Foundation):
    """Room ``doctor:<user id>``; its stream is moved by the events of tokens and appointments."""

    @staticmethod
    def doctor_audience(principal: Principal, doctor_id: str) -> Audience:
        """Doctors get their own list whole; those who receive patients in every clinic get anybody's, as
        they see it in the clinics. Raises ``forbidden`` for everybody else."""
        require(principal, Permission.APPOINTMENT_READ)
        if principal.has(Role.DOCTOR) and str(principal.id) == doctor_id:
            return Audience.OWN
        if clinics(principal, Permission.APPOINTMENT_READ) is None:
            return Audience.STAFF
        raise forbidden("a doctor's list is for that doctor, and for those who receive patients everywhere")

    async def doctor_state(
        self, connection: AsyncConnection, argument: str
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """The state of stream ``opd/doctor:<user id>``: in every clinic the unfinished numbers that wait for
        the doctor or are with them, and what is booked and has arrived on the day that the clinic is in. None
        if there is no such user."""
        doctor_id = _read_id(argument)
        if doctor_id is None or doctor_id not in await self._identity.names_of(connection, [doctor_id]):
            return None
        state = {
            views.token_key(token.id): views.of_doctor(token.clinic, views.token_value(token))
            for token in await tokens.of_doctor(connection, doctor_id)
        }
        for held in await appointments.of_doctor(connection, doctor_id):
            value = views.appointment_value(held)
            state[views.appointment_key(held.id)] = views.of_doctor(held.clinic, value)
        return state


def _read_id(argument: str) -> uuid.UUID | None:
    """An id as it is written everywhere else; None for anything else, which would be a stream of its own."""
    try:
        found = uuid.UUID(argument)
    except ValueError:
        return None
    return found if str(found) == argument else None
