"""The feed of changes: pages that a reader follows, near-live if it waits, and the state to begin with.

What a page holds is settled before its first line is sent, and accounted for; its lines are then read and
sent a portion at a time, so that a page costs little memory however large it is and however slow its reader.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

import orjson

from hms_rt.departments.reporting import views
from hms_rt.departments.reporting.model.account import Account
from hms_rt.departments.reporting.model.scopes import check_known, narrowed, reach
from hms_rt.departments.reporting.repository import accounts
from hms_rt.departments.reporting.schemas.feed import FeedCursor, FeedQuery
from hms_rt.departments.reporting.service.foundation import lens_of
from hms_rt.departments.reporting.service.refusals import Refusals
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.paging import decode_cursor, encode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.storage import change_feed
from hms_rt.storage.change_feed import BEGINNING, Bounds, Place, Placed, Stretch, Wanted
from hms_rt.storage.unit_of_work import UnitOfWork

PORTION = 200
"""Versions in memory at a time."""
LOOK_S = 0.25
"""Between two looks for a reader that waits."""
SEARCH_S = 2.0
"""How long a page passes over the streams of others before it says how far it got."""
AT_ONCE = 4
"""Pages of one account at a time, in one process."""
SNAPSHOT = "/api/v1/changes/snapshot"


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page: its lines, and what is known of it before the first."""

    lines: AsyncIterator[bytes]
    cursor: str
    more: bool
    next_page: str | None = None


def wanted_of(account: Account, streams: str | None) -> Wanted:
    """What is read; raises ``invalid`` and ``forbidden``."""
    asked = tuple(one for one in (streams or "").split(",") if one)
    check_known(asked, views.STREAMS)
    found = reach(narrowed(account.scopes, asked), views.STREAMS)
    return Wanted(found.exact, found.prefixes)


def cursor_of(place: Place, at: datetime, epoch: uuid.UUID) -> FeedCursor:
    """``place`` as a reader keeps it."""
    return FeedCursor(e=epoch, r=place.era, p=place.position, s=place.stream, v=place.version, a=at)


def place_of(cursor: FeedCursor) -> Place:
    """Where ``cursor`` points."""
    return Place(cursor.r, cursor.p, cursor.s, cursor.v)


def beginning(known: Bounds) -> FeedCursor:
    """Before the oldest change that is kept."""
    return cursor_of(BEGINNING, known.kept_from, known.epoch)


def check_kept(cursor: FeedCursor, known: Bounds) -> None:
    """Raises ``gone``, which says how to start over, for a place of another epoch or before what is kept."""
    if cursor.e != known.epoch:
        reason, why = "epoch_changed", "the database may have gone back in time"
    elif cursor.a < known.kept_from:
        reason, why = "no_longer_kept", f"changes are kept from {rfc3339(known.kept_from)} on"
    else:
        return
    raise HmsError(
        Code.GONE,
        f"{why}: start over, with {SNAPSHOT} or from the oldest change",
        fields={
            "reason": reason,
            "snapshot": SNAPSHOT,
            "oldest": encode_cursor(beginning(known)),
            "kept_from": rfc3339(known.kept_from),
        },
    )


def reached(before: FeedCursor, stretch: Stretch, known: Bounds) -> FeedCursor:
    """Where a reader stands after ``stretch``.

    What was written before there were positions comes sorted by stream: within it the cursor stays as old as
    it began, so that it is noticed if any of it is detached meanwhile.
    """
    at = before.a if stretch.more and stretch.end.position == 0 else stretch.at
    return cursor_of(stretch.end, at, known.epoch)


class Feed(Refusals):
    """The changes, for service accounts."""

    async def changes(self, principal: Principal, command: Command, query: FeedQuery) -> FeedPage:
        """The next page of the feed; accounted for with its range, unless it shows nothing.

        Raises ``gone`` for a cursor of another epoch or older than what is kept, ``invalid``, ``forbidden``
        beyond the scopes, ``rate_limited`` for too many at once, ``unauthenticated`` once revoked.
        """
        after = decode_cursor(query.after, FeedCursor) if query.after else None
        async with self._units.asking() as connection:
            account = await self._reader(connection, principal)
        wanted = wanted_of(account, query.streams)
        after, place, stretch, known = await self._found(after, wanted, query)
        end = reached(after, stretch, known)
        if stretch.found:
            detail = {"streams": query.streams, "after": _told(after), "to": _told(end)}
            account = await self._accounted(
                principal, command, "changes.read", {**detail, "rows": stretch.found}, to=end
            )
        cursor = encode_cursor(end)
        lines = self._lines(account, wanted, place, stretch, known.epoch)
        return FeedPage(ended(lines, cursor=cursor, more=stretch.more), cursor, stretch.more)

    async def _found(
        self, after: FeedCursor | None, wanted: Wanted, query: FeedQuery
    ) -> tuple[FeedCursor, Place, Stretch, Bounds]:
        """From where the page goes, where its stretch begins, and the stretch: the next one in which
        something was found, if that comes while the reader waits."""
        began = monotonic()
        start: FeedCursor | None = after
        place: Place | None = None
        while True:
            async with self._units.asking() as connection:
                known = await change_feed.bounds(connection)
                start = start or beginning(known)
                check_kept(start, known)
                place = place or place_of(start)
                stretch = await change_feed.look(connection, place, known, wanted, query.limit)
            passed = monotonic() - began
            if stretch.found or passed >= (max(SEARCH_S, query.wait) if stretch.more else query.wait):
                return start, place, stretch, known
            if stretch.more:
                place = stretch.end
            else:
                await asyncio.sleep(LOOK_S)

    async def _accounted(
        self,
        principal: Principal,
        command: Command,
        action: str,
        detail: Mapping[str, Any],
        to: FeedCursor | None = None,
    ) -> Account:
        """The account, which still works, once what it is shown stands in the audit trail; and how far ``to``
        it has read then."""
        found: list[Account] = []

        async def work(uow: UnitOfWork) -> None:
            found[:] = [await self._reader(uow.connection, principal)]
            uow.audit(action, entity="changes", entity_id=principal.id, detail=detail)
            if to is not None:
                await accounts.read(uow.connection, principal.id, uow.now, to.model_dump(mode="json"))

        await self._units.execute(principal, command, type(None), work)
        return found[0]

    async def _lines(
        self, account: Account, wanted: Wanted, after: Place, stretch: Stretch, epoch: uuid.UUID
    ) -> AsyncIterator[bytes]:
        """Portions of lines. No connection is held while one is sent."""
        lens, left = lens_of(account), stretch.found
        while left > 0:
            async with self._units.asking() as connection:
                portion = await change_feed.read(connection, after, stretch.end, wanted, min(PORTION, left))
            if not portion:
                return
            after, left = portion[-1].place, left - len(portion)
            yield b"".join(line for one in portion for line in change_lines(one, lens, epoch))

    @asynccontextmanager
    async def page_for(self, principal: Principal, address: str) -> AsyncIterator[None]:
        """A page of this account, from the first look to the last line; what is refused within is accounted
        for. Raises ``rate_limited``."""
        async with self.accounting_for(principal, address):
            with self._one_more(principal):
                yield

    @contextmanager
    def _one_more(self, principal: Principal) -> Iterator[None]:
        if self._pages[principal.id] >= AT_ONCE:
            raise HmsError(
                Code.RATE_LIMITED, f"over {AT_ONCE} pages of this account at once", retry_after_ms=1_000
            )
        self._pages[principal.id] += 1
        try:
            yield
        finally:
            self._pages[principal.id] -= 1
            if not self._pages[principal.id]:
                del self._pages[principal.id]


def change_lines(one: Placed, lens: views.Lens, epoch: uuid.UUID) -> Iterator[bytes]:
    """What one version of a stream shows, a line for each change."""
    for made in changes_of(one, lens, epoch):
        yield orjson.dumps({"type": "change", **made}, option=orjson.OPT_APPEND_NEWLINE)


def changes_of(one: Placed, lens: views.Lens, epoch: uuid.UUID) -> Iterator[dict[str, Any]]:
    """The changes of one version of a stream, as the account sees them."""
    entry = one.entry
    for op in entry.ops:
        if not lens.shows(entry.stream, op["key"]):
            continue
        made = {
            "stream": entry.stream,
            "version": entry.version,
            "epoch": str(epoch),
            "at": rfc3339(entry.at),
            "op": op["op"],
            "key": op["key"],
            "cause": op["cause"],
        }
        if "value" in op:
            made["value"] = lens.value(entry.stream, op["key"], op["value"], entry.at)
        yield made


async def ended(lines: AsyncIterator[bytes], **told: Any) -> AsyncIterator[bytes]:
    """``lines``, and the line by which a reader knows that it has them all."""
    async for portion in lines:
        yield portion
    yield orjson.dumps({"type": "end", **told}, option=orjson.OPT_APPEND_NEWLINE)


def _told(cursor: FeedCursor) -> str:
    """A place for the audit trail."""
    return f"{cursor.r} {cursor.p} {cursor.s} {cursor.v}"
