"""Principals by session, cached in this process and dropped the moment rights change.

The stream ``identity/rights`` tells which to drop. While this process cannot be sure to have heard
everything (``fresh`` says no), every request asks the database.
"""

import uuid
from collections.abc import Awaitable, Callable

from cachetools import TTLCache

from hms_rt.kernel.principal import Principal, PrincipalKind

CACHED = 10_000
CACHED_FOR_S = 30.0

Load = Callable[[uuid.UUID, PrincipalKind], Awaitable[Principal]]


class Principals:
    """Answers who acts in a session. ``load`` is ``IdentityService.principal_of``.

    ``fresh`` tells whether this process heard every change of rights of the last seconds.
    """

    def __init__(self, load: Load, fresh: Callable[[], bool]) -> None:
        self._load = load
        self._fresh = fresh
        self._cache: TTLCache[uuid.UUID, Principal] = TTLCache(CACHED, CACHED_FOR_S)
        self._drops = 0

    async def of(self, session_id: uuid.UUID, kind: PrincipalKind, *, at_least: int = 0) -> Principal:
        """Who acts in the session; ``at_least`` is the rights version that the token saw.

        Raises ``unauthenticated`` when the session is over.
        """
        cached = self._cache.get(session_id)
        known = cached is not None and cached.kind is kind and cached.rights_version >= at_least
        if cached is not None and known and self._fresh():
            return cached
        drops = self._drops
        principal = await self._load(session_id, kind)
        if drops == self._drops:  # else it may have been read before the change that was dropped
            self._cache[session_id] = principal
        return principal

    def drop(self, key: str) -> None:
        """Forget a session, or every session of a principal: ``key`` as on the stream of rights."""
        self._drops += 1
        try:
            gone = uuid.UUID(key)
        except ValueError:
            self.clear()
            return
        self._cache.pop(gone, None)
        for session_id in [s for s, who in self._cache.items() if who.id == gone]:
            self._cache.pop(session_id, None)

    def clear(self) -> None:
        """Forget everybody: after a gap in the stream."""
        self._drops += 1
        self._cache.clear()
