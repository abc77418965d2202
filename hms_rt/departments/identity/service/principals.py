"""Principals by session, cached in this process and dropped the moment rights change.

The stream ``identity/rights`` tells which to drop. While this process cannot be sure to have heard
everything (``fresh`` says no), every request asks the database.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime

from cachetools import TTLCache

from hms_rt.kernel.clock import SystemClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, PrincipalKind

CACHED = 10_000
CACHED_FOR_S = 30.0
LOAD_S = 3.0
"""How long who asks waits for the database; to be told to ask again is better than to hang."""

ATTEMPTS = 10

Load = Callable[[uuid.UUID, PrincipalKind], Awaitable[Principal]]
_CLOCK = SystemClock()
_Key = tuple[uuid.UUID, PrincipalKind]


class Principals:
    """Answers who acts in a session. ``load`` is ``IdentityService.principal_of``.

    ``fresh`` tells whether this process heard every change of rights of the last seconds; ``now`` is the
    time by which sessions expire.
    """

    def __init__(
        self, load: Load, fresh: Callable[[], bool], now: Callable[[], datetime] = _CLOCK.now
    ) -> None:
        self._load = load
        self._fresh = fresh
        self._now = now
        self._cache: TTLCache[uuid.UUID, tuple[int, Principal]] = TTLCache(CACHED, CACHED_FOR_S)
        self._dropped: TTLCache[uuid.UUID, int] = TTLCache(2 * CACHED, 2 * CACHED_FOR_S)
        self._drops = 0
        self._loading: dict[_Key, asyncio.Task[Principal]] = {}

    async def of(self, session_id: uuid.UUID, kind: PrincipalKind, *, at_least: int = 0) -> Principal:
        """Who acts in the session; ``at_least`` is the rights version that the token saw.

        Raises ``unauthenticated`` when the session is over and ``unavailable`` when the database does not
        answer in time.
        """
        cached = self._known(session_id, kind)
        if cached is not None and cached.rights_version >= at_least and self._fresh():
            return cached
        for _ in range(ATTEMPTS):
            drops = self._drops
            principal = await self._shared((session_id, kind))
            # Else rights changed while it was read, or before the token was made: the answer may be older.
            if drops == self._drops and principal.rights_version >= at_least:
                return principal
        raise _unavailable()

    def _known(self, session_id: uuid.UUID, kind: PrincipalKind) -> Principal | None:
        read_at, cached = self._cache.get(session_id, (0, None))
        if cached is None or cached.kind is not kind or cached.over(self._now()):
            return None
        return cached if self._dropped.get(cached.id, 0) <= read_at else None

    async def _shared(self, key: _Key) -> Principal:
        """The database's answer; those who ask at once share it."""
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.create_task(self._read(key), name="principal")
            loading.add_done_callback(_heard)
        return await asyncio.shield(loading)

    async def _read(self, key: _Key) -> Principal:
        me = asyncio.current_task()
        try:
            async with asyncio.timeout(LOAD_S):
                principal = await self._load(*key)
        except TimeoutError:
            raise _unavailable() from None
        finally:
            current = self._loading.get(key) is me
            if current:
                del self._loading[key]
        if current:  # else it may have been read before the change that was dropped
            self._cache[key[0]] = (self._drops, principal)
        return principal

    def drop(self, key: str) -> None:
        """Forget a session, or every session of a principal: ``key`` as on the stream of rights."""
        try:
            gone = uuid.UUID(key)
        except ValueError:
            self.clear()
            return
        self._loading.clear()
        self._drops += 1
        self._cache.pop(gone, None)
        self._dropped[gone] = self._drops
        if len(self._dropped) > CACHED:
            self.clear()

    def clear(self) -> None:
        """Forget everybody: after a gap in the stream."""
        self._loading.clear()
        self._drops += 1
        self._cache.clear()
        self._dropped.clear()


def _unavailable() -> HmsError:
    return HmsError(Code.UNAVAILABLE, "the database does not answer: try again", retry_after_ms=1000)


def _heard(loading: asyncio.Task[Principal]) -> None:
    """Everybody who waited may have gone: a failure is nobody's surprise."""
    if not loading.cancelled():
        loading.exception()
