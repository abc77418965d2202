"""Those who watch over privacy hear of it when somebody opens a record that was closed to them."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from hms_rt.departments.notifications.model.notification import Kind, Priority, Subject
from hms_rt.departments.notifications.model.wording import Phrase, say
from hms_rt.departments.notifications.repository import batches
from hms_rt.departments.notifications.service.telling import Telling
from hms_rt.departments.patients.events import GlassBroken
from hms_rt.kernel.changes import Event
from hms_rt.kernel.principal import AssignmentKind, Role
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

ONCE_IN = timedelta(hours=1)
"""An emergency opens a record page by page: its officers are told of it once, the audit trail of each."""


class Privacy(Telling):
    """Telling privacy officers; administrators, where nobody is one."""

    async def glass_broken(self, uow: UnitOfWork, event: GlassBroken) -> None:
        """Tell who did it (``subject``) and whose record it is; the reason stays in the audit trail, since it
        may be clinical. Those who broke it are not told of themselves."""
        subject = Subject("user", str(event.principal_id))
        since = uow.now - ONCE_IN
        told = await batches.told_since(uow.connection, Kind.GLASS_BROKEN, subject, event.patient_id, since)
        if told:
            return
        phrase = Phrase.GLASS_RESTRICTED if event.restricted else Phrase.GLASS_ELSEWHERE
        await self.notify(
            uow,
            await self._watching(uow, event),
            Kind.GLASS_BROKEN,
            say(phrase),
            subject,
            event.patient_id,
            Priority.HIGH,
        )

    async def _watching(self, uow: UnitOfWork, event: GlassBroken) -> list[uuid.UUID]:
        officers = await self._identity.users_with(
            uow.connection, assignment_kind=AssignmentKind.PRIVACY_OFFICER
        )
        others = [one.id for one in officers if one.id != event.principal_id]
        if others:
            return others
        admins = await self._identity.users_with(uow.connection, roles=[Role.ADMIN])
        return [one.id for one in admins if one.id != event.principal_id]

    def projectors(self) -> dict[type[Event], Sequence[Projector]]:
        """What notifications make of other departments' events."""
        return {GlassBroken: (self.glass_broken,)}
