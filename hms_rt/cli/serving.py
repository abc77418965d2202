"""Runs one server process until it is told to stop."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from hms_rt.app import Hospital, Stores
from hms_rt.cli.loop import stop_event
from hms_rt.config import Settings

log = structlog.get_logger(__name__)

SHUTDOWN_S = 10.0
BACKLOG = 4096


@asynccontextmanager
async def listening(hospital: Hospital, settings: Settings) -> AsyncIterator[int]:
    """Start the application and listen; yields the port. Stops in order at the end."""
    await hospital.start()
    runner = web.AppRunner(
        hospital.web, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=75
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port, backlog=BACKLOG, ssl_context=settings.tls())
        await site.start()
        address = runner.addresses[0]
        log.info("serving", host=settings.host, port=address[1], tls=settings.tls_cert is not None)
        yield address[1]
    finally:
        try:
            await hospital.realtime.drain()
            await runner.cleanup()  # no new requests; those under way are finished
        finally:
            await hospital.stop()
        log.info("stopped")


async def serve(settings: Settings, stores: Stores, ready: Callable[[int], None] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM; ``ready`` is called with the port once requests are answered."""
    stop = stop_event()
    async with listening(Hospital(settings, stores), settings) as port:
        if ready is not None:
            ready(port)
        await stop.wait()
