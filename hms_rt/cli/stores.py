"""Stores for a server process: the named ones, or embedded ones for those without a URI."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hms_rt.app import Stores
from hms_rt.cli import databases, serving
from hms_rt.config import Settings
from hms_rt.storage.embedded import EmbeddedStack, EmbeddedUris, ServerName

_NAMES: dict[str, ServerName] = {"POSTGRES_URI": "postgres", "MONGO_URI": "mongo", "REDIS_URL": "redis"}


@asynccontextmanager
async def embedded(
    settings: Settings, folder: Path, progress: Callable[[str], None] | None = None
) -> AsyncIterator[Stores]:
    """Private servers for the unset URIs, migrated; they stop at the end."""
    stack = EmbeddedStack(folder, need=frozenset(_NAMES[name] for name in settings.unset_stores))
    uris = await stack.start(progress) if settings.unset_stores else EmbeddedUris()
    try:
        stores = Stores(
            settings.postgres_uri or uris.postgres_uri,
            settings.mongo_uri or uris.mongo_uri,
            settings.redis_url or uris.redis_url,
        )
        await databases.migrate(stores.postgres_uri)
        yield stores
    finally:
        await stack.stop()


def named(settings: Settings) -> Stores:
    """The stores that the settings name; ``settings.problems()`` was empty."""
    return Stores(str(settings.postgres_uri), str(settings.mongo_uri), str(settings.redis_url))


async def serve(settings: Settings, folder: Path | None) -> None:
    """Serve until told to stop; ``folder`` allows embedded servers, else the schema must be current."""
    if folder is not None:
        async with embedded(settings, folder) as stores:
            await serving.serve(settings, stores)
        return
    stores = named(settings)
    await databases.require_current(stores.postgres_uri)
    await serving.serve(settings, stores)
