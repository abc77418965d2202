"""What screens say when somebody is called, and how good the promised waits were."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from hms_rt.departments.opd.events import ClinicChanged
from hms_rt.departments.opd.model.announcing import Announcement, announcement
from hms_rt.departments.opd.repository import clinics, lines
from hms_rt.departments.opd.schemas.waits import (
    AnnouncementOut,
    AnnouncementsIn,
    AnnouncementsOut,
    WaitErrors,
    WaitsOut,
    WaitsQuery,
)
from hms_rt.departments.opd.service.clinics import find_clinic
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, forbidden, not_found
from hms_rt.kernel.principal import Principal, PrincipalKind
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.storage.unit_of_work import UnitOfWork

MOST_DAYS = 366
_NOTHING = WaitErrors(
    compared=0,
    not_called=0,
    not_promised=0,
    mean_wait_s=None,
    mean_error_s=None,
    mean_absolute_error_s=None,
    within_p50=None,
    within_p90=None,
)


class Waits(Foundation):
    """What patients are told."""

    async def announcements(self, principal: Principal, clinic: str) -> AnnouncementsOut:
        """What is said in a clinic; raises ``not_found``."""
        require(principal, Permission.PLACES_READ)
        async with self._units.reading() as connection:
            found = await find_clinic(connection, clinic)
            said = await lines.announcements(connection, clinic)
        return _announcements_out(clinic, said, found.version)

    async def announce(
        self, principal: Principal, command: Command, clinic: str, wanted: AnnouncementsIn
    ) -> AnnouncementsOut:
        """Say this from now on, on every screen of the clinic. Raises ``not_found``, ``stale_version``, and
        ``invalid`` for a text without its slots or a language without a text."""

        async def work(uow: UnitOfWork) -> AnnouncementsOut:
            require(principal, Permission.CLINIC_DEFINE)
            version = await clinics.lock_clinic(uow.connection, clinic)
            if version is None:
                raise not_found(f"clinic {clinic}")
            command.require_version(version)
            said = [announcement(item.language, item.text) for item in wanted.items]
            await lines.announce(uow.connection, clinic, said)
            await clinics.touch(uow.connection, clinic)
            uow.record(ClinicChanged(clinic))
            languages = [each.language for each in said]
            uow.audit("clinic.announce", entity="clinic", entity_id=clinic, detail={"languages": languages})
            return _announcements_out(clinic, said, version + 1)

        return await self._units.execute(principal, command, AnnouncementsOut, work)

    async def waits(self, principal: Principal, clinic: str, query: WaitsQuery) -> WaitsOut:
        """Promised waits of some days against what then happened, of walk-ins and of appointments. Raises
        ``not_found``, and ``invalid`` for more than a year."""
        require_clinic(principal, Permission.QUEUE_READ, clinic)
        if principal.kind is PrincipalKind.DEVICE:
            raise forbidden("a screen reads its room only")
        async with self._units.reading() as connection:
            found = await find_clinic(connection, clinic)
            first = query.first_day or query.last_day or found.day
            last = query.last_day or max(first, found.day)
            if not 0 <= (last - first).days < MOST_DAYS:
                raise HmsError(Code.INVALID, f"last_day: 1 to {MOST_DAYS} days from first_day")
            rows = await lines.errors(connection, clinic, first, last)
        of = {row.appointment: _errors(row) for row in rows}
        return WaitsOut(
            clinic=clinic,
            first_day=first,
            last_day=last,
            walk_ins=of.get(False, _NOTHING),
            appointments=of.get(True, _NOTHING),
        )


def _errors(row: Row[Any]) -> WaitErrors:
    return WaitErrors(
        compared=row.compared,
        not_called=row.not_called,
        not_promised=row.not_promised,
        mean_wait_s=row.wait_s,
        mean_error_s=row.error_s,
        mean_absolute_error_s=row.absolute_error_s,
        within_p50=row.within_p50,
        within_p90=row.within_p90,
    )


def _announcements_out(clinic: str, said: Sequence[Announcement], version: int) -> AnnouncementsOut:
    items = [AnnouncementOut(language=each.language, text=each.text) for each in said]
    return AnnouncementsOut(clinic=clinic, items=items, version=version)
