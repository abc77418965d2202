"""What every request meets, for the handshakes that are answered before aiohttp makes a request of them.

The middlewares do the same for all others. A handshake that is refused becomes aiohttp's, and is refused by
them: as a problem document, in the log and in the metrics.
"""

from aiohttp import web

from hms_rt.web.headers import request_id
from hms_rt.web.origin import must_be_allowed
from hms_rt.web.rate_limit import COUNTED, RATE_LIMITER
from hms_rt.web.request_log import SWITCHED, record


class Early:
    """For one application; see :class:`~hms_rt.realtime.doorstep.Manners`."""

    def __init__(self, app: web.Application) -> None:
        self._limiter = app[RATE_LIMITER]

    def request_id(self, request: web.Request) -> str:
        """The id that the answer carries."""
        return request_id(request)

    async def check(self, request: web.Request) -> None:
        """Raises ``bad_origin`` for the page of another site, ``rate_limited`` for who asks too often."""
        must_be_allowed(request)
        await self._limiter.count(request)

    def checked(self, request: web.Request) -> None:
        """This request was checked before it was one: do not count it again."""
        request[COUNTED] = True

    def record(self, request: web.Request, route: str, began: float) -> None:
        """The request log's line about a socket that was let in."""
        record(request, route, SWITCHED, began)
