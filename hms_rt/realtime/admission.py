"""Who may begin a handshake now: after a restart everybody comes at once.

Handshakes are authenticated a few at a time, in the order they came. One that would wait too long, or behind
too many, is told to come back, at a time of its own so that the next wave is flatter.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.realtime import metrics

AT_ONCE = 64
"""Handshakes that ask who the client is at the same time; more would only queue for the database."""

WAITING = 2_000
PATIENCE_S = 5.0
RETRY_MS = (500, 4_000)


class Admission:
    """A bounded queue before authentication."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, patience: float = PATIENCE_S) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._waiting = waiting
        self._patience = patience
        self._queued = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place; raises ``unavailable`` with the time to come back."""
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()

    async def _wait(self) -> None:
        if self._queued >= self._waiting:
            raise _busy()
        self._queued += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._queued -= 1


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
