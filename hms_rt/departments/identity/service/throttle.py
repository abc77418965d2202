"""Slows down guessing: failed sign-ins are counted per username and address, and per address.

Per pair, so that nobody can lock a colleague out from elsewhere. Counts live in Redis where one is given,
so that all processes share them, and in memory while it does not answer: Redis trouble never stops a
sign-in, nor opens the gate.
"""

import asyncio
import hashlib

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from hms_rt.kernel.errors import Code, HmsError

PAIR_LIMITS: tuple[RateLimitItem, ...] = (RateLimitItemPerMinute(5), RateLimitItemPerHour(30))
"""Attempts of one username from one address; a success forgets them."""

ADDRESS_LIMIT: RateLimitItem = RateLimitItemPerMinute(60)
"""Failures of one address, whatever the usernames: a ward's computers may share one."""

STORAGE_PATIENCE_S = 0.25


class Throttle:
    """Counts attempts to sign in. Give it a ``limits`` storage made with ``wrap_exceptions=True``."""

    def __init__(self, shared: Storage | None = None) -> None:
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(shared) if shared is not None else None

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
        if self._shared is not None:
            try:
                async with asyncio.timeout(STORAGE_PATIENCE_S):
                    return await self._shared.test(limit, "login", key)
            except (StorageError, OSError, TimeoutError):
                pass
        return await self._local.test(limit, "login", key)

    async def _hit(self, limit: RateLimitItem, key: str) -> bool:
        if self._shared is not None:
            try:
                async with asyncio.timeout(STORAGE_PATIENCE_S):
                    return await self._shared.hit(limit, "login", key)
            except (StorageError, OSError, TimeoutError):
                pass
        return await self._local.hit(limit, "login", key)

    async def _clear(self, limit: RateLimitItem, key: str) -> None:
        if self._shared is not None:
            try:
                async with asyncio.timeout(STORAGE_PATIENCE_S):
                    await self._shared.clear(limit, "login", key)
            except (StorageError, OSError, TimeoutError):
                pass
        await self._local.clear(limit, "login", key)


def _key(username: str, address: str) -> str:
    """A key of fixed size; usernames are what anybody typed, even a password."""
    return hashlib.sha256(f"{len(username)}:{username}{address}".encode("utf-8", "surrogatepass")).hexdigest()


def _too_many() -> HmsError:
    return HmsError(Code.RATE_LIMITED, "too many attempts: wait a minute", retry_after_ms=60_000)
