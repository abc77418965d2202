"""The demo's working day, over and over: a replay of ``day.csv`` at a readable pace."""

import asyncio
import secrets
from datetime import UTC, datetime

import structlog

from hms_rt.demo.leftovers import Leftovers
from hms_rt.demo.seed import Seeded, day_file
from hms_rt.replay.client import Server
from hms_rt.replay.log import header
from hms_rt.replay.mapping import find_mapping
from hms_rt.replay.report import Outcome
from hms_rt.replay.run import ReplaySettings, Watcher, replay
from hms_rt.replay.staff import Staff

log = structlog.get_logger(__name__)

PAUSE_S = 5.0
PATIENCE_S = 600.0
STOP_S = 2.0
"""How long what is under way may take when the demo stops."""


async def run_day(url: str, seeded: Seeded, speed: float) -> None:
    """Play the day until cancelled, each time anew; what goes wrong is logged, and it goes on.

    The people of the day come again each time. What an interrupted day left open is ended first.
    ``speed``: how many times faster than a real day.
    """
    while True:
        try:
            await clear_up(url, seeded)
            await play_once(url, seeded, speed)
        except Exception:
            log.exception("demo.day_failed")
        await asyncio.sleep(PAUSE_S)


async def clear_up(url: str, seeded: Seeded) -> None:
    """End what the day's own patients left open."""
    mapping = find_mapping(None, header(day_file()))
    async with Server(url, patience=PATIENCE_S) as server:
        ended = await Leftovers(Staff(server, seeded.accounts), mapping).end()
    if ended:
        log.info("demo.leftovers_ended", number=ended)


async def play_once(url: str, seeded: Seeded, speed: float | None) -> None:
    """One day. Cancelled, it finishes what is under way and takes up nothing more."""
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
        await asyncio.wait({playing}, timeout=STOP_S)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        raise
    log.info(
        "demo.day_over",
        rows=report.rows,
        refused=report.count(Outcome.REFUSED),
        seconds=round(report.seconds),
    )
