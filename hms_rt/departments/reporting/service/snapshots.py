"""The state of the streams, for a reader that starts: a page of streams at a time.

Each stream is read at a moment of its own and says its version. The cursor that comes along was taken before
the first of them: who follows the feed from there, and passes over versions that it has, misses nothing.
"""

from collections.abc import AsyncIterator

import orjson

from hms_rt.departments.reporting import views
from hms_rt.departments.reporting.model.scopes import kind_of
from hms_rt.departments.reporting.repository import streams
from hms_rt.departments.reporting.schemas.feed import SnapshotCursor, SnapshotQuery
from hms_rt.departments.reporting.service.feed import (
    Feed,
    FeedPage,
    check_kept,
    cursor_of,
    ended,
    wanted_of,
)
from hms_rt.departments.reporting.service.foundation import lens_of
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import decode_cursor, encode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.storage import change_feed, change_log

STREAMS_AT_ONCE = 20


class Snapshots(Feed):
    """The state to begin with, for service accounts."""

    async def snapshot(self, principal: Principal, command: Command, query: SnapshotQuery) -> FeedPage:
        """The state of the next streams; accounted for with their names.

        Raises ``gone`` if the epoch changed since the page before, ``invalid``, ``forbidden`` beyond the
        scopes, ``rate_limited`` for too many at once, ``unauthenticated`` once revoked.
        """
        before = decode_cursor(query.page, SnapshotCursor) if query.page else None
        async with self._units.asking() as connection:
            account = await self._reader(connection, principal)
            wanted = wanted_of(account, query.streams)
            known = await change_feed.bounds(connection)
            after = before.after if before else cursor_of(known.end, known.now, known.epoch)
            check_kept(after, known)
            last = before.s if before else ""
            found = await streams.following(connection, wanted, last, STREAMS_AT_ONCE + 1)
        shown = found[:STREAMS_AT_ONCE]
        if shown:
            account = await self._accounted(principal, command, "changes.snapshot", {"streams": shown})
        more = len(found) > len(shown)
        next_page = encode_cursor(SnapshotCursor(s=shown[-1], after=after)) if more else None
        cursor = encode_cursor(after)
        lines = self._state_lines(shown, lens_of(account))
        closed = ended(lines, cursor=cursor, more=more, next_page=next_page)
        return FeedPage(closed, cursor, more, next_page)

    async def _state_lines(self, shown: list[str], lens: views.Lens) -> AsyncIterator[bytes]:
        """A portion for each stream. No connection is held while one is sent."""
        for stream in shown:
            async with self._units.reading() as connection:
                epoch, version = await change_log.head(connection, stream)
                read = self._states[kind_of(stream)]
                state = await read(connection, stream.partition(":")[2]) or {}
                now = self._units.now()
            common = {"stream": stream, "version": version, "epoch": str(epoch)}
            entities = [
                {"type": "state", **common, "key": key, "value": value}
                for key, full in state.items()
                if (value := lens.value(stream, key, full, now)) is not None
            ]
            opening = {"type": "stream", **common, "entities": len(entities)}
            yield b"".join(
                orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in [opening, *entities]
            )
