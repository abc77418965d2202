"""A limit of requests per client address and minute, so that one client cannot cost the others.

Kept in memory, per process, as a sliding window of two counters an address: its memory does not grow with
the limit. Attempts to sign in have a limit of their own, by address and user name.
"""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
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


def rate_limiter(settings: WebSettings) -> Middleware | None:
    """The middleware of ``settings.rate_limit``; None if that is 0."""
    if settings.rate_limit == 0:
        return None
    limit = RateLimitItemPerMinute(settings.rate_limit)
    limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    @web.middleware
    async def check_rate(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = client_address(request)
        if request.path in QUIET or _exempt(address, settings.rate_exempt):
            return await handler(request)
        if not await limiter.hit(limit, address):
            reset = (await limiter.get_window_stats(limit, address)).reset_time
            wait = max(1.0, reset - time.time())
            raise HmsError(
                Code.RATE_LIMITED,
                f"over {settings.rate_limit} requests a minute from your address",
                retry_after_ms=round(wait * 1000),
            )
        return await handler(request)

    return check_rate
