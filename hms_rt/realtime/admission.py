"""Who may begin a handshake now: after a restart everybody comes at once.

Handshakes are authenticated a few at a time, in the order they came. One that would wait too long, or behind
too many, is told to come back, at a time of its own so that the next wave is flatter.
"""

import asyncio
import random
from collections import deque

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.realtime import metrics

AT_ONCE = 250
"""Handshakes that ask who the client is at the same time: as many as one query answers."""

WAITING = 2_000
PATIENCE_S = 5.0
RETRY_MS = (500, 4_000)


class Admission:
    """A bounded queue before authentication: ``async with`` is one turn."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, patience: float = PATIENCE_S) -> None:
        self._free = at_once
        self._most = waiting
        self._patience = patience
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        """Wait for a place; raises ``unavailable`` with the time to come back."""
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait()

    async def __aexit__(self, *_: object) -> None:
        """Give the place back."""
        self._next()

    async def _wait(self) -> None:
        """Until a place is handed over."""
        if len(self._queue) >= self._most:
            raise _busy()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            async with asyncio.timeout(self._patience):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._next()  # it was handed over in the same moment
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise

    def _next(self) -> None:
        """Hand a place to the first who still waits."""
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1


def _busy() -> HmsError:
    metrics.refused(metrics.Refusal.ADMISSION)
    return HmsError(
        Code.UNAVAILABLE,
        "many screens connect at this moment: come back after the time told",
        retry_after_ms=random.randint(*RETRY_MS),
    )


def going_away() -> HmsError:
    """The answer to handshakes and commands while the server drains."""
    return HmsError(Code.UNAVAILABLE, "the server is going away", retry_after_ms=random.randint(1_000, 5_000))
