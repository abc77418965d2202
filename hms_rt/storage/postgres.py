"""PostgreSQL: the engine, its time-outs, and what its errors mean to a caller."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hms_rt.kernel.errors import Code, HmsError

log = structlog.get_logger(__name__)

STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
POOL_WAIT_S = 5.0
CONNECT_S = 5.0
ANSWER_S = 12.0
"""Time for one statement, seen from here: PostgreSQL itself gives up before, unless it is out of reach."""

_DEADLOCK = "40P01"
_SERIALIZATION = "40001"
_LOCK_NOT_AVAILABLE = "55P03"
_TOOK_TOO_LONG = {"57014", "25P03", "25P04"}
"""PostgreSQL's time-outs of statements and transactions; also when its clock is set forward under one."""


_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('turn ' || :place, 0))")


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def make_engine(uri: str, *, pool_size: int = 16, application_name: str = "hms-rt") -> AsyncEngine:
    """An engine whose every wait is bounded. ``uri`` is ``postgresql+asyncpg://…``."""
    return create_async_engine(
        uri,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=1800,
        hide_parameters=True,  # patient data must not appear in logged errors
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={
            "timeout": CONNECT_S,
            "command_timeout": ANSWER_S,
            "server_settings": {
                "application_name": application_name,
                "jit": "off",
                "timezone": "UTC",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
            },
        },
    )


def sqlstate(error: BaseException) -> str | None:
    """The five-character SQLSTATE behind ``error``, if PostgreSQL said one."""
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    return state if isinstance(state, str) else None


def violated(error: IntegrityError) -> str | None:
    """The name of the constraint that refused the statement."""
    cause: BaseException | None = error.orig
    while cause is not None:
        name = getattr(cause, "constraint_name", None)
        if isinstance(name, str):
            return name
        cause = cause.__cause__
    return None


def worth_retrying(error: BaseException) -> bool:
    """A deadlock or serialization failure: the same command may run again."""
    return sqlstate(error) in {_DEADLOCK, _SERIALIZATION}


def lost_connection(error: BaseException) -> bool:
    """The server went away, or could not be reached."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (sqlstate(error) or "").startswith(("08", "57P"))
    return isinstance(error, (OSError, asyncio.TimeoutError, PoolTimeoutError))


def out_of_room(error: BaseException) -> bool:
    """The server answers, but has no disk, memory or connections left (class 53)."""
    return (sqlstate(error) or "").startswith("53")


def unavailable() -> HmsError:
    """The database is away for now."""
    return HmsError(Code.UNAVAILABLE, "the database does not answer: try again", retry_after_ms=1000)


def refusal(error: BaseException) -> HmsError | None:
    """What a caller is told of ``error``; None when it is our own mistake."""
    if lost_connection(error) or sqlstate(error) in _TOOK_TOO_LONG:
        return unavailable()
    if out_of_room(error):
        log.warning("postgres.out_of_room", sqlstate=sqlstate(error), fix="free disk space or memory for it")
        return HmsError(Code.UNAVAILABLE, "the database has no room left: try again", retry_after_ms=5000)
    if worth_retrying(error) or sqlstate(error) == _LOCK_NOT_AVAILABLE:
        return HmsError(Code.CONFLICT, "others are changing the same thing: try again", retry_after_ms=200)
    return None


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that sees one moment of the database (REPEATABLE READ, read only)."""
    with _told():
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection


@asynccontextmanager
async def statements(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection on which every statement is a transaction: one round trip instead of three.

    For reads that need one statement, or whose statements need not see the same moment.
    """
    with _told():
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection


async def wait_in_turn(connection: AsyncConnection, place: str) -> None:
    """Wait until those who asked for ``place`` before have committed; keeps it until this one does.

    A row that everybody updates is locked by whoever finds its newest version first: of fifty who wait, some
    do so for seconds. Before such a row, at its place in the order of locks, this lets them in one by one.
    """
    await connection.execute(_TURN, {"place": place})


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, SQLAlchemyError, OSError) as error:
        told = refusal(error)
        if told is None:
            raise
        raise told from error
