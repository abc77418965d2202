"""How long the event loop is held: a callback every millisecond, and the time by which it came late."""

import asyncio
import time

TICK_S = 0.001


class Hold:
    """Measures from :meth:`arm` to :meth:`read`; costs nothing otherwise.

    What is measured is the time between two ticks less the millisecond that was asked for, so a handler
    that runs for 30 ms shows as about 30 ms.
    """

    def __init__(self) -> None:
        self._late: list[float] = []
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Forget what was measured, and tick."""
        if self._timer is not None:
            self._timer.cancel()
        self._late = []
        self._last = time.perf_counter()
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def read(self) -> dict[str, float]:
        """Stop ticking; milliseconds: the longest hold, and the 99.9th percentile of ticks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        late = sorted(self._late) or [0.0]
        return {
            "hold_max_ms": late[-1] * 1000,
            "hold_p999_ms": late[int(len(late) * 0.999)] * 1000,
            "ticks": len(self._late),
        }

    def _tick(self) -> None:
        now = time.perf_counter()
        self._late.append(max(0.0, now - self._last - TICK_S))
        self._last = now
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
