"""A pharmacy and a till whose connection to the database a test can break."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.kernel.clock import ManualClock
from hms_rt.storage import postgres
from tests.money.wire import Wire

LOCK_TIMEOUT_MS = 80


@pytest_asyncio.fixture
async def wire(stores: Stores) -> AsyncIterator[Wire]:
    made = Wire(stores.postgres_uri)
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def aside(stores: Stores) -> AsyncIterator[AsyncEngine]:
    """A way to the database that never breaks."""
    engine = create_async_engine(stores.postgres_uri)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def hospital(
    settings: Settings, stores: Stores, wire: Wire, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hospital]:
    """Not started: what commits is all that counts. It waits for locks but a little."""
    monkeypatch.setattr(postgres, "LOCK_TIMEOUT_MS", LOCK_TIMEOUT_MS)
    there = Stores(
        wire.uri, stores.mongo_uri, "redis://127.0.0.1:1", stores.mongo_database, stores.redis_prefix
    )
    made = Hospital(settings, there, clock=clock)
    yield made
    await made.close()
