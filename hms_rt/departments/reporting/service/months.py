"""How long the change log is kept: months are taken out of it by time or by an operator, accounted for."""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications.model.notification import Kind, Priority, Subject
from hms_rt.departments.notifications.model.wording import Phrase, say
from hms_rt.departments.reporting.repository import webhooks
from hms_rt.departments.reporting.schemas.feed import FeedCursor
from hms_rt.departments.reporting.service.foundation import Foundation
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.storage import change_feed, months
from hms_rt.storage.months import Month
from hms_rt.storage.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

AT_ONCE = 3
"""Months that one round takes out: the next one is an hour later."""


class Months(Foundation):
    """The months of the change log. Commands of the server itself and of whoever operates it."""

    async def keep_months(self, keep: int) -> list[str]:
        """Take out what is older than ``keep`` whole months before this one, a few at a time; which were.

        0 keeps all. A month that a webhook has not been sent yet stays, and so does all after it; the
        administrators are told once. A lock that is not to be had at once: in the next round.
        """
        if keep == 0:
            return []
        async with self._units.asking() as connection:
            limit = months.keep_from(self._units.now(), keep)
            old = [one for one in await months.months(connection) if one.attached and one.end <= limit]
        taken = []
        for one in old[:AT_ONCE]:
            try:
                await self.detach_month(SYSTEM, _command("detach", one.name), one.name)
            except HmsError as error:
                log.warning("change_log.month_stays", month=one.name, why=error.detail)
                behind = error.fields.get("webhooks")
                if isinstance(behind, list):
                    await self._tell(one, [str(webhook_id) for webhook_id in behind])
                break
            taken.append(one.name)
        return taken

    async def detach_month(self, principal: Principal, command: Command, name: str) -> None:
        """Take a month out of the log. Raises ``not_found``, ``conflict`` if it is out, has not ended, a
        webhook stands before its end, or others hold the log just now."""

        async def work(uow: UnitOfWork) -> Month:
            behind = await self._behind(uow.connection, await months.month(uow.connection, name))
            if behind:
                raise HmsError(
                    Code.CONFLICT,
                    f"{name}: webhooks were not sent all of it yet ({', '.join(behind)}): resume them, retry"
                    " or discard their dead letters, or remove them",
                    fields={"webhooks": behind},
                )
            return await months.detach(uow.connection, name)

        await self._month(principal, command, "change_log.detach", work)

    async def attach_month(self, principal: Principal, command: Command, name: str) -> None:
        """Put a month back. Raises ``not_found``, ``conflict`` if it is in the log."""

        async def work(uow: UnitOfWork) -> Month:
            return await months.attach(uow.connection, name)

        await self._month(principal, command, "change_log.attach", work)

    async def drop_month(self, principal: Principal, command: Command, name: str) -> None:
        """Delete a detached month for good. Raises ``not_found``, ``conflict`` if it is in the log."""

        async def work(uow: UnitOfWork) -> Month:
            return await months.drop(uow.connection, name)

        await self._month(principal, command, "change_log.drop", work)

    async def exported_month(self, principal: Principal, command: Command, name: str, sha256: str) -> None:
        """Account for a month that was written to a file."""

        async def work(uow: UnitOfWork) -> Month:
            return await months.month(uow.connection, name)

        await self._month(principal, command, "change_log.export", work, sha256=sha256)

    async def _month(
        self,
        principal: Principal,
        command: Command,
        action: str,
        work: Callable[[UnitOfWork], Awaitable[Month]],
        **detail: str,
    ) -> None:
        async def audited(uow: UnitOfWork) -> None:
            found = await work(uow)
            told = {"rows_about": found.rows, "bytes": found.bytes, **detail}
            uow.audit(action, entity="change_log", entity_id=found.name, detail=told)

        await self._units.execute(principal, command, type(None), audited)
        log.info(action, month=command.request_id)

    async def _behind(self, connection: AsyncConnection, month: Month) -> list[str]:
        """Webhooks that stand before the end of ``month``, by their ids."""
        epoch = (await change_feed.bounds(connection)).epoch
        found = []
        for webhook in await webhooks.standing(connection):
            cursor = FeedCursor.model_validate(webhook.cursor)
            if cursor.e == epoch and cursor.a < month.end:
                found.append(str(webhook.id))
        return found

    async def _tell(self, month: Month, behind: list[str]) -> None:
        """The administrators, once for each month and webhook."""

        async def work(uow: UnitOfWork) -> None:
            for webhook_id in behind:
                if await webhooks.told_of(uow.connection, month.name, webhook_id):
                    continue
                detail = {"webhook": webhook_id, "until": rfc3339(month.end)}
                uow.audit("change_log.keep", entity="change_log", entity_id=month.name, detail=detail)
                people = await self._identity.users_with(uow.connection, roles=[Role.ADMIN])
                await self._notifications.notify(
                    uow,
                    [one.id for one in people],
                    Kind.WEBHOOK_FAILED,
                    say(Phrase.WEBHOOK_FAILED),
                    Subject("webhook", webhook_id),
                    priority=Priority.HIGH,
                )

        await self._units.execute(SYSTEM, _command("keep", month.name), type(None), work)


def _command(what: str, name: str) -> Command:
    return Command(name=f"change_log.{what}", request_id=f"change log {name}")
