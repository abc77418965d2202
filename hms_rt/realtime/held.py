"""Bytes that were handed to a transport and that the client has not taken yet."""

import time
from collections import deque


class Held:
    """Remembers every frame's size until the transport has got rid of it, and when it last did."""

    __slots__ = ("_frames", "_handed", "_progress_at", "_taken", "changes", "size")

    def __init__(self) -> None:
        self._frames: deque[tuple[int, bool]] = deque()
        self.size = 0
        self.changes = 0
        self._handed = 0
        self._taken = 0
        self._progress_at = time.monotonic()

    def add(self, size: int, *, counts: bool) -> None:
        """A frame of ``size`` bytes went into the transport's buffer."""
        self._frames.append((size, counts))
        self.size += size
        self.changes += size if counts else 0
        self._handed += size

    def sample(self, buffered: int) -> None:
        """The transport's buffer holds ``buffered`` bytes: forget the frames that left it, note progress."""
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
