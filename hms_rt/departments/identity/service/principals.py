"""Principals by session, cached in this process and dropped the moment rights change.

The stream ``identity/rights`` tells which to drop. While this process cannot be sure to have heard
everything (``fresh`` says no), every request asks the database.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from time import monotonic

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
        self._cache: dict[uuid.UUID, tuple[float, int, Principal]] = {}
        """When it is forgotten, the drops that were known when it was read, and who; oldest first."""
        self._dropped: TTLCache[uuid.UUID, int] = TTLCache(2 * CACHED, 2 * CACHED_FOR_S)
        self._drops = 0
        self._loading: dict[_Key, asyncio.Future[Principal]] = {}

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
        until, read_at, cached = self._cache.get(session_id, (0.0, 0, None))
        if cached is None or cached.kind is not kind or until <= monotonic() or cached.over(self._now()):
            return None
        unchanged = read_at == self._drops or self._dropped.get(cached.id, 0) <= read_at
        return cached if unchanged else None

    def _keep(self, session_id: uuid.UUID, principal: Principal) -> None:
        now = monotonic()
        self._cache.pop(session_id, None)
        while self._cache:
            oldest = next(iter(self._cache))
            if len(self._cache) < CACHED and self._cache[oldest][0] > now:
                break
            del self._cache[oldest]
        self._cache[session_id] = (now + CACHED_FOR_S, self._drops, principal)

    async def _shared(self, key: _Key) -> Principal:
        """The database's answer; those who ask at once share it, and who gives up takes it from nobody."""
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.ensure_future(self._load(*key))
            loading.add_done_callback(partial(self._heard, key))
        await asyncio.wait((loading,), timeout=LOAD_S)
        if loading.done():
            return loading.result()
        if self._loading.get(key) is loading:
            del self._loading[key]  # whoever asks next asks anew
        raise _unavailable()

    def _heard(self, key: _Key, loading: "asyncio.Future[Principal]") -> None:
        """Before those who wait: keep the answer. Everybody may have gone: a failure is nobody's surprise."""
        current = self._loading.get(key) is loading
        if current:
            del self._loading[key]
        failed = loading.cancelled() or loading.exception() is not None
        if current and not failed:  # else it may have been read before the change that was dropped
            self._keep(key[0], loading.result())

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
