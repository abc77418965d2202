"""One furnished hospital per module, whose timers stand still so that nothing changes by itself."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time

import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.kernel.clock import ManualClock
from hms_rt.storage.embedded import EmbeddedUris
from hms_rt.timers import Timers
from tests.conftest import SECRET, lent_stores
from tests.databases import Databases
from tests.listening import HospitalServer
from tests.surface.world import World


@pytest_asyncio.fixture(scope="module")
async def module_stores(stack: EmbeddedUris, databases: Databases) -> AsyncIterator[Stores]:
    """Databases of this module alone."""
    async with lent_stores(stack, databases) as lent:
        yield lent


@pytest_asyncio.fixture(scope="module")
async def world(module_stores: Stores) -> AsyncIterator[World]:
    """A furnished hospital, listening; the laboratory's night lasts all day, so that one may be alone."""
    settings = Settings(
        _env_file=None,
        jwt_secret=SECRET,
        password_pepper=SECRET[::-1],
        password_cost=4,
        requests_per_minute=0,
        sockets_per_principal=500,  # a world keeps those of all its tests
        database_connections=12,
        facility_timezone="Europe/Vienna",
        lab_night=(time.min, time.max),
    )
    hospital = Hospital(settings, module_stores, clock=ManualClock(datetime.now(UTC).replace(microsecond=0)))
    hospital.timers = Timers()
    await hospital.start()
    server = HospitalServer(hospital)
    await server.start_server()
    made = World(hospital, server)
    await made.furnish()
    yield made
    await made.close()
    await hospital.realtime.drain()
    await server.close()
    await hospital.stop()
