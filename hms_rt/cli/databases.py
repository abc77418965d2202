"""Bringing the database to this version's schema."""

import asyncio

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hms_rt.config import ConfigError
from hms_rt.migrations import NEWEST


async def revision(postgres_uri: str) -> str | None:
    """The schema's revision, or None in an empty database. Raises :class:`ConfigError` if unreachable."""
    engine = create_async_engine(postgres_uri, poolclass=NullPool, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT version_num FROM alembic_version"))
            row: str | None = found.scalar_one_or_none()
            return row
    except ProgrammingError:
        return None
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise ConfigError(f"POSTGRES_URI: no answer ({type(error).__name__})") from error
    finally:
        await engine.dispose()


async def migrate(postgres_uri: str) -> bool:
    """Apply what is missing; True if there was anything. Alembic is loaded only then (it takes a second)."""
    if await revision(postgres_uri) == NEWEST:
        return False
    from hms_rt.migrations import runner

    await asyncio.to_thread(runner.upgrade, postgres_uri)
    return True


async def require_current(postgres_uri: str) -> None:
    """Raises :class:`ConfigError` unless the schema is the one that this version was made for."""
    found = await revision(postgres_uri)
    if found != NEWEST:
        raise ConfigError(
            f"the database is at revision {found or 'none'}, this version needs {NEWEST}: "
            "run `hms-rt migrate`"
        )
