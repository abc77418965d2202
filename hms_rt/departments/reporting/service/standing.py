"""How far every external server has read: what ``GET /status`` and ``hms-rt top`` show."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.reporting.model.account import Account
from hms_rt.departments.reporting.model.webhook import Webhook, WebhookState
from hms_rt.departments.reporting.repository import accounts, webhooks
from hms_rt.departments.reporting.schemas.feed import FeedCursor
from hms_rt.departments.reporting.schemas.standing import ReaderKind, ReaderStatus
from hms_rt.departments.reporting.service.feed import check_kept, place_of, wanted_of
from hms_rt.departments.reporting.service.foundation import Foundation
from hms_rt.kernel.errors import HmsError
from hms_rt.storage import change_feed
from hms_rt.storage.change_feed import Bounds

MOST = 50
"""Readers that are looked at: accounts, oldest first, each with its webhooks."""
COUNTED = 1_000


class Standing(Foundation):
    """The part of the reporting service that watches its readers."""

    async def readers(self) -> list[ReaderStatus]:
        """Accounts that were not revoked, and their webhooks, with what each has still to read."""
        found: list[ReaderStatus] = []
        async with self._units.asking() as connection:
            known, now = await change_feed.bounds(connection), self._units.now()
            hooks = await webhooks.standing(connection)
            for account in await accounts.working(connection, limit=MOST):
                works = "active" if account.works(now) else "expired"
                behind = await _behind(connection, known, account, account.read_to, ())
                found.append(
                    ReaderStatus(
                        kind=ReaderKind.FEED,
                        id=account.id,
                        last_read_at=account.last_read_at,
                        dead_letters=0,
                        **_told(account, works, behind),
                    )
                )
                own = [one for one in hooks if one.account_id == account.id]
                found += [await _webhook(connection, known, account, hook) for hook in own]
        return found[:MOST]


Behind = tuple[int, float] | None
"""Versions and seconds; None when the place is gone."""


async def _webhook(
    connection: AsyncConnection, known: Bounds, account: Account, hook: Webhook
) -> ReaderStatus:
    return ReaderStatus(
        kind=ReaderKind.WEBHOOK,
        id=hook.id,
        last_read_at=hook.last_delivered_at,
        dead_letters=int(hook.state is WebhookState.DEAD),
        **_told(
            account,
            hook.state.value,
            await _behind(connection, known, account, hook.cursor, hook.streams),
        ),
    )


def _told(account: Account, state: str, behind: Behind) -> dict[str, Any]:
    versions, seconds = behind or (0, 0.0)
    return {
        "name": account.name,
        "state": state if behind is not None else "start_over",
        "behind": versions,
        "lag_s": round(seconds, 1),
    }


async def _behind(
    connection: AsyncConnection,
    known: Bounds,
    account: Account,
    cursor: Mapping[str, Any] | None,
    streams: tuple[str, ...],
) -> Behind:
    """What lies after ``cursor``; nothing for who has not read yet."""
    if cursor is None:
        return 0, 0.0
    place = FeedCursor.model_validate(cursor)
    try:
        check_kept(place, known)
        wanted = wanted_of(account, ",".join(streams))
    except HmsError:
        return None
    first = await change_feed.look(connection, place_of(place), known, wanted, 1)
    if not first.found:
        return 0, _age(known.now, place.a) if first.more else 0.0
    all_of_it = await change_feed.look(connection, place_of(place), known, wanted, COUNTED)
    return all_of_it.found, _age(known.now, first.at)


def _age(now: datetime, at: datetime) -> float:
    return max(0.0, (now - at).total_seconds())
