"""SQL of tokens. Every write of a token is preceded by its lock; several are locked in order of id."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import tables
from hms_rt.departments.opd.model.line import LATE, Lane
from hms_rt.departments.opd.model.token import UNFINISHED, Move, Priority, Token, TokenState

_TOKEN = tables.token.c
_IN_LINE = (_TOKEN.rank, _TOKEN.queued_at, _TOKEN.number, _TOKEN.id)
_UNFINISHED = _TOKEN.state.in_(sorted(UNFINISHED))
_RENAMED = {"clinic": "clinic_code", "origin": "origin_code", "counter": "counter_code"}


def from_row(row: Row[Any]) -> Token:
    """A row as the model's token."""
    return Token(
        id=row.id,
        clinic=row.clinic_code,
        origin=row.origin_code,
        day=row.day,
        number=row.number,
        category=row.category,
        priority=Priority(row.priority),
        state=TokenState(row.state),
        counter=row.counter_code,
        patient_id=row.patient_id,
        patient_name=row.patient_name,
        mrn=row.mrn,
        issued_at=row.issued_at,
        queued_at=row.queued_at,
        since=row.since,
        recorded_at=row.recorded_at,
        called_at=row.called_at,
        serving_at=row.serving_at,
        finished_at=row.finished_at,
        transferred_from=row.transferred_from,
        due_at=row.due_at,
        reason=row.reason,
        version=row.version,
        restricted=row.restricted,
        doctor_id=row.doctor_id,
    )


def _columns(token: Token) -> dict[str, Any]:
    return {_RENAMED.get(name, name): value for name, value in asdict(token).items()}


async def _read(connection: AsyncConnection, query: sa.Select[Any]) -> list[Token]:
    return [from_row(row) for row in await connection.execute(query)]


async def insert(connection: AsyncConnection, token: Token, now: datetime) -> None:
    """Add a token to a queue that exists."""
    await connection.execute(tables.token.insert().values(**_columns(token), changed_at=now))


async def save(connection: AsyncConnection, token: Token, now: datetime) -> None:
    """Write a locked token as a move left it."""
    values = {**_columns(token), "changed_at": now}
    await connection.execute(tables.token.update().where(_TOKEN.id == token.id).values(values))


async def find(connection: AsyncConnection, token_id: uuid.UUID) -> Token | None:
    """One token."""
    found = await _read(connection, sa.select(tables.token).where(_TOKEN.id == token_id))
    return found[0] if found else None


async def lock(connection: AsyncConnection, token_id: uuid.UUID) -> Token | None:
    """Lock one token."""
    query = sa.select(tables.token).where(_TOKEN.id == token_id).with_for_update()
    found = await _read(connection, query)
    return found[0] if found else None


_ROUTINE = _TOKEN.rank == Priority.ROUTINE.rank
_KEPT = sa.and_(_ROUTINE, _TOKEN.due_at.is_not(None), _TOKEN.queued_at <= _TOKEN.due_at + LATE)
"""Came for an appointment, and not too late for it. What a lane holds is said by ``model.line``."""


def _standing(lane: Lane, now: datetime) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[Any]]:
    """Which waiting tokens stand in a lane, and by what time."""
    if lane is Lane.URGENT:
        return sa.not_(_ROUTINE), _TOKEN.queued_at
    if lane is Lane.WALK_IN:
        return sa.and_(_ROUTINE, sa.not_(_KEPT)), _TOKEN.queued_at
    due = _TOKEN.due_at <= now if lane is Lane.DUE else _TOKEN.due_at > now
    return sa.and_(_KEPT, due), _TOKEN.due_at


async def lock_next(
    connection: AsyncConnection,
    clinic: str,
    day: date,
    lane: Lane,
    now: datetime,
    *,
    doctor: uuid.UUID | None = None,
) -> Token | None:
    """Lock the first waiting token of a lane that nobody else is taking; None if there is none. ``doctor``:
    of those who wait for this doctor or for nobody in particular."""
    stands, time = _standing(lane, now)
    query = (
        sa.select(tables.token)
        .where(_TOKEN.clinic_code == clinic, _TOKEN.day == day, _TOKEN.state == TokenState.WAITING.value)
        .where(stands, sa.true() if doctor is None else _for(doctor))
        .order_by(_TOKEN.rank, time, _TOKEN.queued_at, _TOKEN.number, _TOKEN.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = await _read(connection, query)
    return found[0] if found else None


def _for(doctor: uuid.UUID) -> sa.ColumnElement[bool]:
    return sa.or_(_TOKEN.doctor_id.is_(None), _TOKEN.doctor_id == doctor)


async def waiting(connection: AsyncConnection, clinic: str, day: date) -> list[Token]:
    """The waiting tokens of a day."""
    return await _read(
        connection,
        sa.select(tables.token).where(
            _TOKEN.clinic_code == clinic, _TOKEN.day == day, _TOKEN.state == TokenState.WAITING.value
        ),
    )


async def first_stay(connection: AsyncConnection, token: Token, clinic: str) -> Token | None:
    """The first stay of this number in the queue of ``clinic``, if it was there before."""
    query = sa.select(tables.token).where(
        _TOKEN.origin_code == token.origin,
        _TOKEN.day == token.day,
        _TOKEN.number == token.number,
        _TOKEN.clinic_code == clinic,
    )
    found = await _read(connection, query.order_by(_TOKEN.queued_at, _TOKEN.id).limit(1))
    return found[0] if found else None


async def lock_left(
    connection: AsyncConnection,
    clinic: str,
    *,
    until: date,
    only: date | None = None,
    recorded_before: datetime | None = None,
) -> list[Token]:
    """Lock what is unfinished of days up to ``until``, or of the day ``only``; with ``recorded_before``
    those alone that the server has known since before."""
    query = sa.select(tables.token).where(_TOKEN.clinic_code == clinic, _UNFINISHED)
    query = query.where(_TOKEN.day <= until) if only is None else query.where(_TOKEN.day == only)
    if recorded_before is not None:
        query = query.where(_TOKEN.recorded_at < recorded_before)
    return await _read(connection, query.order_by(_TOKEN.id).with_for_update())


async def lock_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Token]:
    """Lock the patient's tokens; the patient is locked, so that none is added meanwhile."""
    query = sa.select(tables.token).where(_TOKEN.patient_id == patient_id)
    return await _read(connection, query.order_by(_TOKEN.id).with_for_update())


async def show(
    connection: AsyncConnection, ids: Collection[uuid.UUID], name: str, mrn: str, *, restricted: bool
) -> None:
    """Copy how a patient is shown to these tokens."""
    await connection.execute(
        tables.token.update()
        .where(_TOKEN.id.in_(ids))
        .values(patient_name=name, mrn=mrn, restricted=restricted)
    )


async def in_room(connection: AsyncConnection, clinic: str, day: date | None = None) -> list[Token]:
    """The clinic's unfinished tokens, of one day or of all, in the order of being called."""
    query = sa.select(tables.token).where(_TOKEN.clinic_code == clinic, _UNFINISHED).order_by(*_IN_LINE)
    return await _read(connection, query if day is None else query.where(_TOKEN.day == day))


async def of_doctor(connection: AsyncConnection, doctor_id: uuid.UUID) -> list[Token]:
    """A doctor's unfinished tokens in all clinics."""
    query = sa.select(tables.token).where(_TOKEN.doctor_id == doctor_id, _UNFINISHED)
    return await _read(connection, query.order_by(*_IN_LINE))


async def of_day(
    connection: AsyncConnection,
    clinic: str,
    day: date,
    *,
    state: TokenState | None = None,
    after: tuple[int, uuid.UUID] | None = None,
    limit: int,
) -> list[Token]:
    """All tokens of a day, finished ones too, by number."""
    query = sa.select(tables.token).where(_TOKEN.clinic_code == clinic, _TOKEN.day == day)
    if state is not None:
        query = query.where(_TOKEN.state == state.value)
    if after is not None:
        query = query.where(sa.tuple_(_TOKEN.number, _TOKEN.id) > sa.tuple_(*after))
    return await _read(connection, query.order_by(_TOKEN.number, _TOKEN.id).limit(limit))


async def lock_stay(
    connection: AsyncConnection, patient_id: uuid.UUID, clinic: str, token_id: uuid.UUID | None
) -> Token | None:
    """Lock the patient's unfinished token in a clinic's queue: this one, or the newest."""
    query = sa.select(tables.token).where(
        _TOKEN.patient_id == patient_id, _TOKEN.clinic_code == clinic, _UNFINISHED
    )
    if token_id is not None:
        query = query.where(_TOKEN.id == token_id)
    newest = query.order_by(_TOKEN.queued_at.desc(), _TOKEN.id.desc()).limit(1).with_for_update()
    found = await _read(connection, newest)
    return found[0] if found else None


async def lock_current(connection: AsyncConnection, token_id: uuid.UUID, clinic: str) -> Token | None:
    """Lock the unfinished stay in a clinic's queue of the number that ``token_id`` is a stay of."""
    way = tables.token.alias("way")
    query = (
        sa.select(tables.token)
        .join(
            way,
            sa.and_(
                way.c.origin_code == _TOKEN.origin_code,
                way.c.day == _TOKEN.day,
                way.c.number == _TOKEN.number,
            ),
        )
        .where(way.c.id == token_id, _TOKEN.clinic_code == clinic, _UNFINISHED)
        .with_for_update(of=tables.token)
    )
    found = await _read(connection, query)
    return found[0] if found else None


_CLINICS_OF_PATIENT = sa.text(
    """
    SELECT t.clinic_code FROM opd_token t JOIN opd_summary s USING (clinic_code)
    WHERE t.patient_id = :patient AND (t.finished_at IS NULL OR t.day >= s.day)
    UNION
    SELECT a.clinic_code FROM opd_appointment a JOIN opd_summary s USING (clinic_code)
    WHERE a.patient_id = :patient AND a.day = s.day AND a.state IN ('booked', 'arrived')
    UNION
    SELECT clinic_code FROM opd_visit WHERE patient_id = :patient AND finished_at IS NULL
    """
)


async def clinics_of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> set[str]:
    """Clinics where the patient has an unfinished token, any token or an appointment of the day that the
    clinic is in, or an open visit."""
    return set((await connection.execute(_CLINICS_OF_PATIENT, {"patient": patient_id})).scalars())


async def remember(
    connection: AsyncConnection,
    steps: Sequence[tuple[TokenState | None, Token]],
    move: Move | None,
    principal_id: uuid.UUID,
    now: datetime,
) -> None:
    """Add to the history how tokens came to their state; ``move`` None: they were issued."""
    if not steps:
        return
    await connection.execute(
        tables.token_event.insert(),
        [
            {
                "token_id": token.id,
                "move": move.value if move is not None else "issue",
                "before": before.value if before is not None else None,
                "after": token.state.value,
                "counter_code": token.counter,
                "occurred_at": token.since,
                "recorded_at": now,
                "principal_id": principal_id,
                "reason": token.reason,
            }
            for before, token in steps
        ],
    )


async def history(connection: AsyncConnection, token: Token) -> Sequence[Row[Any]]:
    """Every change of state of a number, through all the queues that it was in, oldest first."""
    columns = tables.token_event.c
    query = (
        sa.select(tables.token_event, _TOKEN.clinic_code)
        .join(tables.token, _TOKEN.id == columns.token_id)
        .where(_TOKEN.origin_code == token.origin, _TOKEN.day == token.day, _TOKEN.number == token.number)
        .order_by(columns.id)
    )
    return (await connection.execute(query)).all()
