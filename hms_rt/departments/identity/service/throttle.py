"""Slows down guessing: failed sign-ins are counted per username and address, and per address.

Per pair, so that nobody can lock a colleague out from elsewhere. Counts live in Redis where one is given,
so that all processes share them, and in memory while it does not answer: Redis trouble never stops a
sign-in, nor opens the gate.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import Redis

from hms_rt.kernel.errors import Code, HmsError

log = structlog.get_logger(__name__)

T = TypeVar("T")

PAIR_LIMITS: tuple[RateLimitItem, ...] = (RateLimitItemPerMinute(5), RateLimitItemPerHour(30))
"""Attempts of one username from one address; a success forgets them."""

ADDRESS_LIMIT: RateLimitItem = RateLimitItemPerMinute(60)
"""Failures of one address, whatever the usernames: a ward's computers may share one."""

STORAGE_PATIENCE_S = 0.25
STORAGE_AWAY_S = 5.0
"""For a shared count to answer; and after one did not, for which none is asked: sign-ins stay fast."""


def counts_in(redis: Redis, prefix: str) -> Storage:
    """Counts that all processes share, over the connections of ``redis``, which the caller closes."""
    given: dict[str, Any] = {"connection_pool": redis.connection_pool}
    return RedisStorage(
        "async+redis://",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=f"{prefix}:throttle",
        **given,
    )


class Throttle:
    """Counts attempts to sign in, in the storage of :func:`counts_in` if one is given."""

    def __init__(self, shared: Storage | None = None) -> None:
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(shared) if shared is not None else None
        self._ask_again = float("-inf")

    async def admit(self, username: str, address: str) -> None:
        """Count an attempt before it is made, so that parallel guesses count too; raises ``rate_limited``."""
        pair = _key(username, address)
        if not await self._test(ADDRESS_LIMIT, address):
            raise _too_many()
        for limit in PAIR_LIMITS:
            if not await self._hit(limit, pair):
                raise _too_many()

    async def failed(self, address: str) -> None:
        """Count a failure against the address."""
        await self._hit(ADDRESS_LIMIT, address)

    async def succeeded(self, username: str, address: str) -> None:
        """Forget the attempts of this username from this address."""
        for limit in PAIR_LIMITS:
            await self._clear(limit, _key(username, address))

    async def _test(self, limit: RateLimitItem, key: str) -> bool:
        return await self._count(lambda counts: counts.test(limit, "login", key))

    async def _hit(self, limit: RateLimitItem, key: str) -> bool:
        return await self._count(lambda counts: counts.hit(limit, "login", key))

    async def _clear(self, limit: RateLimitItem, key: str) -> None:
        await self._count(lambda counts: counts.clear(limit, "login", key))
        await self._local.clear(limit, "login", key)

    async def _count(self, ask: Callable[[FixedWindowRateLimiter], Awaitable[T]]) -> T:
        """Ask the shared counts; this process's own while they do not answer, without waiting each time."""
        if self._shared is not None and time.monotonic() >= self._ask_again:
            try:
                async with asyncio.timeout(STORAGE_PATIENCE_S):
                    return await ask(self._shared)
            except (StorageError, OSError, TimeoutError) as error:
                self._ask_again = time.monotonic() + STORAGE_AWAY_S
                log.warning("throttle.counts_alone", error=type(error).__name__, seconds=STORAGE_AWAY_S)
        return await ask(self._local)


def _key(username: str, address: str) -> str:
    """A key of fixed size; usernames are what anybody typed, even a password."""
    return hashlib.sha256(f"{len(username)}:{username}{address}".encode("utf-8", "surrogatepass")).hexdigest()


def _too_many() -> HmsError:
    return HmsError(Code.RATE_LIMITED, "too many attempts: wait a minute", retry_after_ms=60_000)
