"""Bytes that were handed to a connection and that the client has not taken yet."""

import asyncio
import time
from collections import deque

READY_POLL_S = 0.05


class Held:
    """Remembers every frame's size until the connection has got rid of it, and when it last did."""

    __slots__ = ("_frames", "_handed", "_progress_at", "_taken", "changes", "size")

    def __init__(self) -> None:
        self._frames: deque[tuple[int, bool]] = deque()
        self.size = 0
        self.changes = 0
        self._handed = 0
        self._taken = 0
        self._progress_at = time.monotonic()

    def add(self, size: int, *, counts: bool) -> None:
        """A frame of ``size`` bytes waits from now on."""
        self._frames.append((size, counts))
        self.size += size
        self.changes += size if counts else 0
        self._handed += size

    def sample(self, buffered: int) -> None:
        """``buffered`` bytes are left: forget the frames that are gone, note progress."""
        while self._frames and self.size - self._frames[0][0] >= buffered:
            gone, counts = self._frames.popleft()
            self.size -= gone
            self.changes -= gone if counts else 0
        taken = self._handed - buffered
        if taken > self._taken:
            self._progress_at = time.monotonic()
        self._taken = taken

    def stuck_for(self) -> float:
        """Seconds since the buffer last shrank, as far as it was looked at."""
        return time.monotonic() - self._progress_at


class Backlogged:
    """What both kinds of outlets (see :class:`~hms_rt.realtime.outlet.Outlet`) say of what waits in them."""

    __slots__ = ()

    ready_bytes: int
    """With more than this waiting, :meth:`ready` does not return."""

    def held(self) -> Held | None:
        """What waits, as of now; None if nothing does."""
        raise NotImplementedError

    def lost(self) -> bool:
        """The connection is closed, or about to be."""
        raise NotImplementedError

    def waiting(self) -> int:
        """Bytes of changes that the client has not taken yet."""
        held = self.held()
        return held.changes if held is not None else 0

    def backlog(self) -> int:
        """Bytes of everything that the client has not taken yet."""
        held = self.held()
        return held.size if held is not None else 0

    def stuck_for(self) -> float:
        """Seconds since the client last took something; 0 when nothing waits for it."""
        held = self.held()
        return held.stuck_for() if held is not None else 0.0

    async def ready(self) -> None:
        """Return once the client has taken most of what it was sent, or is gone."""
        while self.backlog() > self.ready_bytes and not self.lost():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(READY_POLL_S)
