"""The demo's working day, over and over: a replay of ``day.csv`` at a readable pace."""

import asyncio
import secrets
from datetime import UTC, datetime

import structlog

from hms_rt.demo.seed import Seeded, day_file
from hms_rt.replay.run import ReplaySettings, Watcher, replay

log = structlog.get_logger(__name__)

PAUSE_S = 5.0
PATIENCE_S = 600.0


async def run_day(url: str, seeded: Seeded, speed: float) -> None:
    """Play the day until cancelled, each time with new patients; what goes wrong is logged, and it goes on.

    ``speed``: how many times faster than a real day.
    """
    while True:
        settings = ReplaySettings(
            file=day_file(),
            accounts=seeded.accounts,
            url=url,
            speed=speed,
            concurrency=16,
            run=f"{datetime.now(UTC):%m%d}{secrets.token_hex(2)}",
            patience=PATIENCE_S,
        )
        watcher = Watcher()
        playing = asyncio.create_task(replay(settings, watcher))
        try:
            report = await asyncio.shield(playing)
        except asyncio.CancelledError:
            watcher.stop.set()
            playing.cancel()
            raise
        except Exception:
            log.exception("demo.day_failed")
        else:
            log.info("demo.day_over", rows=report.rows, seconds=round(report.seconds))
        await asyncio.sleep(PAUSE_S)
