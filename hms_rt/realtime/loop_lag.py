"""How late the event loop runs: a timer every 20 ms, and the worst delay of the last seconds."""

import asyncio
from collections import deque

PERIOD_S = 0.02
REMEMBERED_S = 15
"""As long as Prometheus usually waits between two looks, so that no peak falls between them."""


class LoopLag:
    """Samples the loop's delay. A hold shorter than the period may go unseen."""

    def __init__(self) -> None:
        self._maxima: deque[float] = deque([0.0], maxlen=REMEMBERED_S)
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to sample."""
        self._again(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop sampling."""
        if self._timer is not None:
            self._timer.cancel()

    def turn(self) -> None:
        """Called once a second: from here on counts as a new second."""
        self._maxima.append(0.0)

    def worst(self) -> float:
        """Seconds of the longest delay within the last 15 seconds."""
        return max(self._maxima)

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + PERIOD_S
        self._timer = loop.call_at(self._due, self._sample, loop)

    def _sample(self, loop: asyncio.AbstractEventLoop) -> None:
        delay = loop.time() - self._due
        if delay > self._maxima[-1]:
            self._maxima[-1] = delay
        self._again(loop)
