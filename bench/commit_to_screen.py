"""From a nurse's PATCH to the last of N screens, on an idle server.

The change carries the time at which PostgreSQL numbered it, during COMMIT (``at``, milliseconds); screens
and server share this machine's clock. Two figures per change and screen: commit to screen (from ``at``) and
press to screen (from just before the PATCH is sent).
"""

import asyncio
import re
import statistics
import time
from datetime import datetime

from bench.harness import WARD, server, signed_in
from bench.sockets import Screen

CHANGES = 300
PAUSE_S = 0.05
_AT = re.compile(r'"at":"([^"]+)"')


def quantile(values: list[float], q: float) -> float:
    """The ``q`` quantile of ``values``, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


async def measure(screens: int) -> dict[str, float]:
    """Milliseconds by figure, over ``CHANGES`` changes and ``screens`` sockets."""
    async with server() as running:
        nurse = await signed_in(running.url)
        commits: list[float] = []
        presses: list[float] = []
        lasts: list[float] = []
        pressed = 0.0
        arrived = 0
        everybody = asyncio.Event()

        def changed(text: str) -> None:
            nonlocal arrived
            now = time.time()
            found = _AT.search(text)
            if found is None:
                raise ValueError("a change without its time")
            commits.append((now - datetime.fromisoformat(found.group(1)).timestamp()) * 1000)
            presses.append((now - pressed) * 1000)
            arrived += 1
            if arrived == screens:
                lasts.append(commits[-1])
                everybody.set()

        boards = [Screen(nurse, f"ward:{WARD}", changed) for _ in range(screens)]
        await asyncio.gather(*(board.open() for board in boards))
        for number in range(CHANGES):
            bed = running.beds[number % len(running.beds)]
            status = "cleaning" if number // len(running.beds) % 2 == 0 else "available"
            version = number // len(running.beds) + 1
            arrived = 0
            everybody.clear()
            pressed = time.time()
            answer = await nurse.patch(
                f"/api/v1/beds/{bed}", json={"status": status}, headers={"If-Match": f'"{version}"'}
            )
            answer.raise_for_status()
            await asyncio.wait_for(everybody.wait(), 5)
            await asyncio.sleep(PAUSE_S)
        for board in boards:
            await board.close()
        await nurse.close()
    return {
        "commit to a screen, p50": statistics.median(commits),
        "commit to a screen, p99": quantile(commits, 0.99),
        "commit to the last screen, p50": statistics.median(lasts),
        "commit to the last screen, p99": quantile(lasts, 0.99),
        "press to a screen, p50": statistics.median(presses),
        "press to a screen, p99": quantile(presses, 0.99),
    }
