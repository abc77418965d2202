"""Durable timers in PostgreSQL: set and cancelled inside a unit of work, fired once.

A timer's row is not locked while its callback works: the callback takes a patient, a stay and what else it
needs in the one order of locks, and a command that holds these and cancels the timer would wait for it in a
circle. Two things keep it single instead: an advisory lock of the transaction, so that other processes pass
it over, and the last statement, which marks it fired only if it still is what was claimed; otherwise
everything is undone.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, Integer, Row, Table, Text, Uuid, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.timers import MAX_ATTEMPTS, PAUSE_WITHOUT_STORE, Timer, TimerState, pause_after
from hms_rt.storage.metadata import Moment, metadata
from hms_rt.storage.unit_of_work import UnitOfWork

timers = Table(
    "timers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("run_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("error", Text),
    Column("version", Integer, nullable=False),
    Column("set_at", Moment, nullable=False),
    Column("ended_at", Moment),
)
"""``due_at`` is when it was wanted, ``run_at`` when it is tried next; unique by kind and key."""

_SET = text(
    """
    INSERT INTO timers AS t (id, kind, key, due_at, run_at, state, attempts, payload, version, set_at)
    VALUES (:id, :kind, :key, :due_at, :due_at, 'waiting', 0, CAST(:payload AS jsonb), 1, :now)
    ON CONFLICT (kind, key) DO UPDATE SET
        due_at = excluded.due_at, run_at = excluded.run_at, state = 'waiting', attempts = 0,
        payload = excluded.payload, error = NULL, version = t.version + 1, set_at = excluded.set_at,
        ended_at = NULL
    RETURNING id
    """
)
_CANCEL = text(
    """
    UPDATE timers SET state = 'cancelled', version = version + 1, ended_at = :now
    WHERE kind = :kind AND key = :key AND state IN ('waiting', 'dead') RETURNING id
    """
)
_LOOK = text(
    """
    SELECT id, kind, run_at FROM timers
    WHERE state = 'waiting' AND kind = ANY(CAST(:kinds AS text[])) ORDER BY run_at LIMIT :most
    """
)
_CLAIM = text("SELECT pg_try_advisory_xact_lock(hashtextextended('timer ' || :id, 0))")
_FINISH = text(
    """
    UPDATE timers SET state = 'fired', version = version + 1, ended_at = :now
    WHERE id = :id AND version = :version AND state = 'waiting' RETURNING id
    """
)
_FAIL = text(
    """
    UPDATE timers SET attempts = :attempts, state = :state, run_at = :run_at, error = :error,
        version = version + 1, ended_at = :ended_at
    WHERE id = :id AND version = :version AND state = 'waiting' RETURNING id
    """
)
_RETRY = text(
    """
    UPDATE timers SET state = 'waiting', attempts = 0, run_at = :now, version = version + 1, ended_at = NULL
    WHERE id = :id AND state = 'dead' RETURNING *
    """
)
_FORGET = text("DELETE FROM timers WHERE state IN ('fired', 'cancelled') AND ended_at < :before")


class TimerChangedError(HmsError):
    """Another command moved or cancelled a timer while it fired: nothing of it is kept."""

    def __init__(self) -> None:
        super().__init__(Code.CONFLICT, "the timer was changed while it fired")


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A timer that waits, and when it is to run."""

    id: uuid.UUID
    kind: str
    run_at: datetime


async def set_timer(
    uow: UnitOfWork, kind: str, key: str, due_at: datetime, payload: Mapping[str, str] | None = None
) -> None:
    """Let ``kind`` fire about ``key`` at ``due_at``; one that was set before is moved, a past one set anew.

    ``payload`` holds references (ids, codes), never names or values: it may be shown to administrators.
    Call it after all other locks.
    """
    await uow.connection.execute(
        _SET,
        {
            "id": uow.ids.new(),
            "kind": kind,
            "key": key,
            "due_at": due_at,
            "payload": orjson.dumps(dict(payload or {})).decode(),
            "now": uow.now,
        },
    )
    uow.timers[kind, key] = due_at


async def cancel_timer(uow: UnitOfWork, kind: str, key: str) -> bool:
    """Let it not fire; False if none waits. Call it after all other locks."""
    found = await uow.connection.execute(_CANCEL, {"kind": kind, "key": key, "now": uow.now})
    return found.one_or_none() is not None


async def upcoming(connection: AsyncConnection, kinds: Collection[str], most: int) -> list[Upcoming]:
    """The next timers of these kinds, due or not, soonest first."""
    rows = await connection.execute(_LOOK, {"kinds": sorted(kinds), "most": most})
    return [Upcoming(row.id, row.kind, row.run_at) for row in rows]


async def claim(uow: UnitOfWork, timer_id: uuid.UUID) -> Timer | None:
    """The timer, if it is due and no other process has it in hand; else None."""
    mine = await uow.connection.execute(_CLAIM, {"id": str(timer_id)})
    if not mine.scalar_one():
        return None
    query = select(timers).where(
        timers.c.id == timer_id, timers.c.state == TimerState.WAITING, timers.c.run_at <= uow.now
    )
    row = (await uow.connection.execute(query)).one_or_none()
    return _timer(row) if row is not None else None


async def finish(uow: UnitOfWork, timer: Timer) -> None:
    """Mark a claimed timer as fired, unless its own callback set it anew.

    Raises :class:`TimerChangedError` if a command did meanwhile: the unit of work must not commit.
    """
    if (timer.kind, timer.key) in uow.timers:
        return
    values = {"id": timer.id, "version": timer.version, "now": uow.now}
    if (await uow.connection.execute(_FINISH, values)).one_or_none() is None:
        raise TimerChangedError


async def fail(uow: UnitOfWork, timer: Timer, error: str, *, store_away: bool = False) -> TimerState | None:
    """Count a failure of a claimed timer; its state now, or None if it was changed meanwhile.

    ``store_away``: not the timer's fault, so it is tried again soon, and for as long as it takes.
    """
    attempts = timer.attempts + 1
    state = TimerState.DEAD if attempts >= MAX_ATTEMPTS and not store_away else TimerState.WAITING
    pause = min(pause_after(attempts), PAUSE_WITHOUT_STORE) if store_away else pause_after(attempts)
    values = {
        "id": timer.id,
        "version": timer.version,
        "attempts": attempts,
        "state": state.value,
        "run_at": uow.now + pause,
        "error": error[:200],
        "ended_at": uow.now if state is TimerState.DEAD else None,
    }
    found = await uow.connection.execute(_FAIL, values)
    return state if found.one_or_none() is not None else None


async def page(
    connection: AsyncConnection, state: TimerState, *, before: uuid.UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Timers in ``state``, newest first."""
    query = select(timers).where(timers.c.state == state.value).order_by(timers.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(timers.c.id < before)
    return (await connection.execute(query)).all()


async def retry(uow: UnitOfWork, timer_id: uuid.UUID) -> Row[Any] | None:
    """Try a dead timer again at once; its row, or None if it is not dead."""
    row = (await uow.connection.execute(_RETRY, {"id": timer_id, "now": uow.now})).one_or_none()
    if row is not None:
        uow.timers[row.kind, row.key] = uow.now
    return row


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Delete those that fired or were cancelled before a time."""
    await connection.execute(_FORGET, {"before": before})


def _timer(row: Row[Any]) -> Timer:
    return Timer(row.id, row.kind, row.key, row.due_at, row.payload, row.attempts, row.version)
