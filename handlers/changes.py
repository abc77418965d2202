"""REST of the feed of changes, for external servers: lines of JSON, sent as they are read."""

import asyncio
from typing import Any

from aiohttp import web

from hms_rt.departments.reporting.schemas.feed import FeedLine, FeedQuery, SnapshotLine, SnapshotQuery
from hms_rt.departments.reporting.service import FeedPage
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("changes", "The changes of the hospital, as a feed for external servers")

NDJSON = "application/x-ndjson"
SEND_S = 60.0
"""For a page to be taken; whoever is slower asks for it again."""


@routes.get(
    "/changes",
    query=FeedQuery,
    answer=FeedLine,
    permission=Permission.CHANGES_READ,
    raw=True,
    produces=NDJSON,
    problems=(Code.GONE,),
    summary="The changes since a cursor",
)
async def changes(call: Call[None, FeedQuery]) -> web.StreamResponse:
    """One change a line, in order within each stream; the last line has `type: end`, the cursor to go on
    from, and whether there is more. A page without that line is incomplete: ask for it again. The headers
    `Next-Cursor` and `More-Changes` say the same. Nothing is ever left out: a change appears once every
    transaction that began before it has ended. `410 gone`: the database may have gone back in time, or the
    cursor is older than what is kept; the answer says how to start over."""
    reporting = call.services.reporting
    async with reporting.page_for(call.principal, call.address):
        return await _sent(call, await reporting.changes(call.principal, call.command, call.query))


@routes.get(
    "/changes/snapshot",
    query=SnapshotQuery,
    answer=SnapshotLine,
    permission=Permission.CHANGES_READ,
    raw=True,
    produces=NDJSON,
    problems=(Code.GONE,),
    summary="The state to begin with",
)
async def snapshot(call: Call[None, SnapshotQuery]) -> web.StreamResponse:
    """A page of streams, each with its version and everything in it. Ask for the next page until `next_page`
    is null; then follow `/changes` from the last line's `cursor`, and pass over versions that you have."""
    reporting = call.services.reporting
    async with reporting.page_for(call.principal, call.address):
        return await _sent(call, await reporting.snapshot(call.principal, call.command, call.query))


async def _sent(call: Call[Any, Any], page: FeedPage) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = NDJSON
    response.headers["Cache-Control"] = "no-store"
    response.headers["Next-Cursor"] = page.cursor
    response.headers["More-Changes"] = "true" if page.more else "false"
    await response.prepare(call.request)
    try:
        async with asyncio.timeout(SEND_S):
            async for portion in page.lines:
                await response.write(portion)
            await response.write_eof()
    except (HmsError, TimeoutError) as error:
        # The status is out already: what breaks off is seen to be incomplete, and asked for again.
        if call.request.transport is not None:
            call.request.transport.abort()
        raise ConnectionResetError("the page broke off") from error
    return response
