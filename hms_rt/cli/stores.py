"""Stores for server processes: the named ones, or embedded ones for those without a URI.

The application is loaded only where it runs: a supervisor of workers goes without.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hms_rt.config import ConfigError, Settings

if TYPE_CHECKING:
    from hms_rt.app import Stores
    from hms_rt.storage.embedded import ServerName

_NAMES: dict[str, ServerName] = {"POSTGRES_URI": "postgres", "MONGO_URI": "mongo", "REDIS_URL": "redis"}


@asynccontextmanager
async def embedded(
    settings: Settings, folder: Path, progress: Callable[[str], None] | None = None
) -> AsyncIterator[dict[str, str]]:
    """Private servers for the unset URIs; yields the environment that names every store."""
    from hms_rt.storage.embedded import EmbeddedStack, EmbeddedUris

    stack = EmbeddedStack(folder, need=frozenset(_NAMES[name] for name in settings.unset_stores))
    uris = await stack.start(progress) if settings.unset_stores else EmbeddedUris()
    try:
        yield {
            "POSTGRES_URI": settings.postgres_uri or uris.postgres_uri,
            "MONGO_URI": settings.mongo_uri or uris.mongo_uri,
            "REDIS_URL": settings.redis_url or uris.redis_url,
        }
    finally:
        await stack.stop()


def named(settings: Settings) -> Stores:
    """The stores that the settings name; ``settings.problems()`` was empty."""
    from hms_rt.app import Stores

    return Stores(str(settings.postgres_uri), str(settings.mongo_uri), str(settings.redis_url))


async def serve(settings: Settings, folder: Path | None) -> None:
    """Serve in this process until told to stop.

    ``folder`` allows embedded servers, which are migrated; else the schema must be current.
    """
    from hms_rt.cli import databases, serving

    if folder is None:
        stores = named(settings)
        await databases.require_current(stores.postgres_uri)
        await serving.serve(settings, stores)
        return
    async with embedded(settings, folder) as uris:
        await databases.migrate(uris["POSTGRES_URI"])
        lower = {name.lower(): uri for name, uri in uris.items()}
        await serving.serve(settings, named(settings.model_copy(update=lower)))


async def supervise(settings: Settings, folder: Path | None) -> None:
    """Serve with ``settings.workers`` processes until told to stop; embedded servers belong to this one."""
    if folder is None:
        await _supervise(settings, {})
        return
    async with embedded(settings, folder) as uris:
        await _migrate(uris)
        await _supervise(settings, uris)


async def _supervise(settings: Settings, uris: dict[str, str]) -> None:
    from hms_rt.cli.supervisor import Plan, Supervisor

    given = {
        "HOST": settings.host,
        "PORT": str(settings.port),
        "TLS_CERT": str(settings.tls_cert or ""),
        "TLS_KEY": str(settings.tls_key or ""),
        **uris,
    }
    plan = Plan(
        settings.workers, settings.host, settings.port, settings.drain_seconds, {**os.environ, **given}
    )
    await Supervisor(plan).run()


async def _migrate(uris: dict[str, str]) -> None:
    """In a process of its own: what migrating needs would stay in the supervisor's memory."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "hms_rt", "migrate", env={**os.environ, **uris}
    )
    if await process.wait() != 0:
        raise ConfigError("the embedded database could not be migrated (see above)")
