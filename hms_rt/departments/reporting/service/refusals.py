"""Accounts for what external servers were refused, in as few lines as tell all of it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hms_rt.departments.reporting.model.refusal import Refusal, Tally
from hms_rt.departments.reporting.service import metrics
from hms_rt.departments.reporting.service.foundation import Foundation
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, forbidden
from hms_rt.kernel.principal import SYSTEM, Principal, PrincipalKind
from hms_rt.storage.unit_of_work import UnitOfWork

ACTION = "reporting.refused"
NOBODY = "unknown"
"""Stands for the account of a secret that is none."""
_OF_CODE = {
    Code.FORBIDDEN: Refusal.SCOPE,
    Code.RATE_LIMITED: Refusal.RATE,
    Code.UNAUTHENTICATED: Refusal.REVOKED,  # while a page was being made
}

Place = tuple[uuid.UUID | None, Refusal]
"""Whose refusals are counted together: an account's, or those of unknown secrets; and why."""


class Refusals(Foundation):
    """Refused attempts of service accounts, and of those who would like to be one."""

    async def refused(self, principal: Principal | None, why: Refusal, address: str) -> None:
        """Account for one. Raises ``unavailable`` if it could not be written down; it is counted then."""
        metrics.refused(why)
        place = (principal.id if principal is not None else None, why)
        tally, now = self._tallies.get(place), self._units.now()
        if tally is not None and not tally.over(now):
            tally.one_more(address)
            return
        fresh = self._tallies[place] = Tally(principal, now)
        try:
            if tally is not None:
                await self._counted(why, tally)
            await self._write(principal, why, address, {"count": 1})
        except Exception:
            fresh.unwritten(tally, address)
            raise

    async def account_for_refusals(self, principal: Principal, command: Command) -> None:
        """Write down what was counted in minutes that are over; the timer's job."""
        now = self._units.now()
        await self._close({place: tally for place, tally in self._tallies.items() if tally.over(now)})

    async def finish_refusals(self) -> None:
        """Write down all that was counted: the process ends."""
        await self._close(dict(self._tallies))

    async def _close(self, tallies: dict[Place, Tally]) -> None:
        for place, tally in tallies.items():
            if self._tallies.get(place) is not tally:
                continue  # closed meanwhile by the next one
            await self._counted(place[1], tally)
            if self._tallies.get(place) is tally and not tally.count:
                del self._tallies[place]

    async def _counted(self, why: Refusal, tally: Tally) -> None:
        """A line for what followed the first one, if anything did."""
        if not tally.count:
            return
        count, tally.count = tally.count, 0  # what comes while this is written is the next line's
        detail = {"count": count, "since": rfc3339(tally.since), "addresses": tally.addresses}
        try:
            await self._write(tally.principal, why, tally.addresses[0], detail)
        except Exception:
            tally.count += count
            raise

    async def _write(
        self, principal: Principal | None, why: Refusal, address: str, detail: dict[str, Any]
    ) -> None:
        async def work(uow: UnitOfWork) -> None:
            uow.audit(
                ACTION,
                entity="service_account",
                entity_id=principal.id if principal is not None else NOBODY,
                detail={"refused": why.value, **detail},
                outcome="denied",
            )

        command = Command(name=ACTION, request_id=f"refused {why.value}", address=address)
        await self._units.execute(principal or SYSTEM, command, type(None), work)

    async def refuse_other_door(self, principal: Principal, address: str) -> None:
        """A service account reads the feed and does nothing else; raises ``forbidden``, always."""
        await self.refused(principal, Refusal.OTHER_DOOR, address)
        raise forbidden("a service account reads the feed of changes and nothing else")

    @asynccontextmanager
    async def accounting_for(self, principal: Principal, address: str) -> AsyncIterator[None]:
        """What a service account is refused within stands in the audit trail."""
        try:
            yield
        except HmsError as error:
            why = _OF_CODE.get(error.code)
            if why is not None and principal.kind is PrincipalKind.SERVICE:
                await self.refused(principal, why, address)
            raise
