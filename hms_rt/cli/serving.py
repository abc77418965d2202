"""Runs one server process until it is told to stop, and then lets it go without cutting anybody off.

The end, in order: not ready any more and no new sockets; ``DRAIN_SECONDS`` for proxies to notice; no new
connections; sockets told when to come back, then closed; requests under way answered; the publisher emptied;
stores closed.
"""

import asyncio
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from hms_rt.app import Hospital, Stores
from hms_rt.cli import sockets
from hms_rt.cli.loop import stop_event
from hms_rt.cli.runner import Runner
from hms_rt.config import Settings
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.realtime.server import PATH

log = structlog.get_logger(__name__)

SHUTDOWN_S = 8.0
"""What requests, and then sockets, get to finish what they began."""

ACCEPTING_S = 0.1
"""To accept who has arrived already, and to answer what they sent."""

RETRY_MS = (1_000, 5_000)
SWITCHED = 101


class Door:
    """What a hospital listens with. Opened once, closed once."""

    def __init__(self, hospital: Hospital, settings: Settings, given: Sequence[socket.socket] = ()) -> None:
        self.replaced = False
        """Set before closing when another process accepts from the same sockets: then nobody need wait."""
        self._hospital = hospital
        self._settings = settings
        self._sockets = list(given)
        self._leaving = False
        hospital.web.on_response_prepare.append(self._part)
        hospital.web.middlewares.append(self._turn_away)
        self._runner = Runner(
            hospital,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_S,
            keepalive_timeout=75,
        )

    async def open(self) -> int:
        """Listen; returns the port. Raises ``OSError`` if it is taken."""
        settings = self._settings
        tls = settings.tls()
        self._sockets = self._sockets or sockets.bind(settings.host, settings.port)
        await self._runner.setup()
        for each in self._sockets:
            await web.SockSite(self._runner, each, backlog=sockets.BACKLOG, ssl_context=tls).start()
        port: int = self._sockets[0].getsockname()[1]
        log.info("serving", host=settings.host, port=port, tls=settings.tls_cert is not None)
        return port

    async def close(self) -> None:
        """Go away as the module says; bounded, whatever clients do."""
        self._leaving = True
        self._runner.leave()
        self._hospital.leave()
        log.info("draining", replaced=self.replaced)
        if not self.replaced:
            await asyncio.sleep(self._settings.drain_seconds)
            sockets.refuse_more(self._sockets)
            await asyncio.sleep(ACCEPTING_S)
        for site in self._runner.sites:
            await site.stop()
        try:
            async with asyncio.timeout(SHUTDOWN_S):
                await self._hospital.realtime.drain()
            await asyncio.sleep(ACCEPTING_S)
        except TimeoutError:
            log.warning("drain.cut_short", seconds=SHUTDOWN_S)
        finally:
            await self._runner.cleanup()  # requests under way are finished

    @web.middleware
    async def _turn_away(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A socket that would have to go again at once is better opened elsewhere."""
        if self._leaving and request.path == PATH:
            raise HmsError(
                Code.UNAVAILABLE, "the server is going away", retry_after_ms=random.randint(*RETRY_MS)
            )
        return await handler(request)

    async def _part(self, _: web.Request, response: web.StreamResponse) -> None:
        """Whoever is answered now sends its next request on a new connection, elsewhere."""
        if self._leaving and response.status != SWITCHED:
            response.force_close()
            response.headers["Connection"] = "close"


@asynccontextmanager
async def listening(hospital: Hospital, settings: Settings) -> AsyncIterator[int]:
    """Start the application and listen; yields the port. Stops in order at the end."""
    await hospital.start()
    try:
        door = Door(hospital, settings)
        port = await door.open()
        try:
            yield port
        finally:
            await door.close()
    finally:
        await hospital.stop()
        log.info("stopped")


async def serve(settings: Settings, stores: Stores, ready: Callable[[int], None] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM; ``ready`` is called with the port once requests are answered."""
    stop = stop_event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _hung_up, stop)
    async with listening(Hospital(settings, stores), settings) as port:
        if ready is not None:
            ready(port)
        await stop.wait()


def _hung_up(stop: asyncio.Event) -> None:
    """The terminal is gone; or a service manager asks for a reload, which one process cannot do."""
    if sys.stdin.isatty():
        stop.set()
    else:
        log.warning("reload.needs_workers", advice="serve with WORKERS=2 or more, or restart")
