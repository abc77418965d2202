"""A limit of requests per client address and minute, so that one client cannot cost the others.

Kept in memory, per process, as a sliding window of two counters an address: its memory does not grow with
the limit. Attempts to sign in have a limit of their own, by address and user name.
"""

import time

from aiohttp import web
from aiohttp.typedefs import Handler
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.web.address import client_address, parse_address, within
from hms_rt.web.request_log import QUIET
from hms_rt.web.settings import Network, WebSettings


def _exempt(address: str, networks: tuple[Network, ...]) -> bool:
    parsed = parse_address(address)
    return parsed is not None and within(parsed, networks)


COUNTED = web.RequestKey("COUNTED", bool)
"""Set on a request that was counted before aiohttp made one of it."""


class RateLimiter:
    """The limit of ``settings.rate_limit``; 0 is none."""

    def __init__(self, settings: WebSettings) -> None:
        self._exempt = settings.rate_exempt
        self._most = settings.rate_limit
        self._limit = RateLimitItemPerMinute(max(1, self._most))
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count every request but those that watch the server."""
        if COUNTED not in request and request.path not in QUIET:
            await self.count(request)
        return await handler(request)

    async def count(self, request: web.Request) -> None:
        """Count one request; raises ``rate_limited``."""
        if self._most == 0:
            return
        address = client_address(request)
        if _exempt(address, self._exempt) or await self._limiter.hit(self._limit, address):
            return
        reset = (await self._limiter.get_window_stats(self._limit, address)).reset_time
        wait = max(1.0, reset - time.time())
        raise HmsError(
            Code.RATE_LIMITED,
            f"over {self._most} requests a minute from your address",
            retry_after_ms=round(wait * 1000),
        )


RATE_LIMITER: web.AppKey[RateLimiter] = web.AppKey("RATE_LIMITER", RateLimiter)
