"""Rows of on-call groups, members, rotas, shifts and covers."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications import tables
from hms_rt.departments.notifications.model.on_call import LONGEST_SHIFT, Cover, PlaceKind, Shift

_GROUP, _MEMBER, _SHIFT, _COVER = tables.group.c, tables.member.c, tables.shift.c, tables.cover.c
_ROTA = tables.rota.c
_SHOWN_SHIFT: sa.Select[Any] = (
    sa.select(tables.shift, _MEMBER.user_id, _GROUP.code)
    .join(tables.member, _MEMBER.number == _SHIFT.member_number)
    .join(tables.group, _GROUP.number == _SHIFT.group_number)
)
_COUNTED = (
    sa.select(sa.func.count())
    .select_from(tables.shift)
    .where(_SHIFT.rota_id == _ROTA.id, _SHIFT.cancelled_at.is_(None))
    .scalar_subquery()
    .label("shifts")
)

Found = Sequence[sa.Row[Any]]


# --- groups and members


async def add_group(connection: AsyncConnection, **values: Any) -> None:
    """Insert a group; an ``IntegrityError`` says that the code is taken."""
    await connection.execute(tables.group.insert().values(**values))


async def group(connection: AsyncConnection, code: str, *, lock: bool = False) -> sa.Row[Any] | None:
    """A group by code; ``lock`` keeps its shifts from being changed by others."""
    query = sa.select(tables.group).where(_GROUP.code == code)
    if lock:
        query = query.with_for_update(key_share=True)
    return (await connection.execute(query)).one_or_none()


async def lock_groups(connection: AsyncConnection, numbers: Collection[int]) -> dict[int, sa.Row[Any]]:
    """Groups by number, locked in that order."""
    query = (
        sa.select(tables.group)
        .where(_GROUP.number.in_(numbers))
        .order_by(_GROUP.number)
        .with_for_update(key_share=True)
    )
    return {row.number: row for row in await connection.execute(query)}


async def save_group(connection: AsyncConnection, code: str, **values: Any) -> None:
    """Change a locked group."""
    await connection.execute(
        tables.group.update().where(_GROUP.code == code).values(**values, version=_GROUP.version + 1)
    )


async def groups(
    connection: AsyncConnection,
    *,
    place_kind: PlaceKind | None = None,
    place: str | None = None,
    active: bool | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Found:
    """Groups by code."""
    query = sa.select(tables.group).order_by(_GROUP.code).limit(limit)
    if place_kind is not None:
        query = query.where(_GROUP.place_kind == place_kind.value)
    if place is not None:
        query = query.where(_GROUP.place == place)
    if active is not None:
        query = query.where(_GROUP.active.is_(active))
    if after is not None:
        query = query.where(_GROUP.code > after)
    return (await connection.execute(query)).all()


async def members(connection: AsyncConnection, numbers: Collection[int]) -> dict[int, dict[uuid.UUID, int]]:
    """Of each group its active members: user to member number."""
    found: dict[int, dict[uuid.UUID, int]] = defaultdict(dict)
    query = sa.select(tables.member).where(_MEMBER.group_number.in_(numbers), _MEMBER.active)
    for row in await connection.execute(query.order_by(_MEMBER.number)):
        found[row.group_number][row.user_id] = row.number
    return found


async def add_member(
    connection: AsyncConnection, group_number: int, user_id: uuid.UUID, by: uuid.UUID, at: datetime
) -> None:
    """Let somebody join, or come back."""
    new = upsert(tables.member).values(
        group_number=group_number, user_id=user_id, active=True, added_by=by, added_at=at
    )
    await connection.execute(
        new.on_conflict_do_update(index_elements=["group_number", "user_id"], set_={"active": True})
    )


async def remove_member(connection: AsyncConnection, member_number: int, at: datetime) -> int:
    """Let somebody leave a locked group, with what is left of their shifts and covers; how many shifts."""
    await connection.execute(
        tables.member.update().where(_MEMBER.number == member_number).values(active=False)
    )
    for table in (tables.cover, tables.shift):
        ended = await connection.execute(
            table.update()
            .where(
                table.c.member_number == member_number, table.c.cancelled_at.is_(None), table.c.ends_at > at
            )
            .values(cancelled_at=at, version=table.c.version + 1)
        )
    return ended.rowcount


# --- rotas


async def add_rota(connection: AsyncConnection, **values: Any) -> None:
    """Insert a rota."""
    await connection.execute(tables.rota.insert().values(**values))


async def rota(connection: AsyncConnection, rota_id: uuid.UUID) -> sa.Row[Any] | None:
    """A rota with its group's code and how many shifts it has."""
    query = sa.select(tables.rota, _GROUP.code, _COUNTED).join(
        tables.group, _GROUP.number == _ROTA.group_number
    )
    return (await connection.execute(query.where(_ROTA.id == rota_id))).one_or_none()


async def rotas(
    connection: AsyncConnection, group_number: int, *, before: uuid.UUID | None, limit: int
) -> Found:
    """Rotas of a group, newest first."""
    query = (
        sa.select(tables.rota, _GROUP.code, _COUNTED)
        .join(tables.group, _GROUP.number == _ROTA.group_number)
        .where(_ROTA.group_number == group_number)
        .order_by(_ROTA.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(_ROTA.id < before)
    return (await connection.execute(query)).all()


async def end_rota(connection: AsyncConnection, rota_id: uuid.UUID, at: datetime) -> None:
    """End a rota and cancel its shifts that have not begun."""
    await connection.execute(
        tables.rota.update().where(_ROTA.id == rota_id).values(ended_at=at, version=_ROTA.version + 1)
    )
    await connection.execute(
        tables.shift.update()
        .where(_SHIFT.rota_id == rota_id, _SHIFT.cancelled_at.is_(None), _SHIFT.starts_at >= at)
        .values(cancelled_at=at, version=_SHIFT.version + 1)
    )


# --- shifts and covers


async def add_shifts(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert shifts; an ``IntegrityError`` names the rule that two of them break."""
    await connection.execute(tables.shift.insert(), list(rows))


async def shifts_by_id(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Shift]:
    """Shifts that were not cancelled, with their covers."""
    query = _SHOWN_SHIFT.where(_SHIFT.id.in_(ids), _SHIFT.cancelled_at.is_(None))
    return {one.id: one for one in await _with_covers(connection, query)}


async def group_numbers_of(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> set[int]:
    """The groups of shifts, so that they can be locked first."""
    rows = await connection.execute(sa.select(_SHIFT.group_number).where(_SHIFT.id.in_(ids)))
    return {row.group_number for row in rows}


async def shifts(
    connection: AsyncConnection,
    numbers: Collection[int],
    since: datetime,
    until: datetime | None,
    *,
    after: tuple[datetime, uuid.UUID] | None = None,
    limit: int | None = None,
) -> list[Shift]:
    """Shifts of groups that overlap a time, by begin; ``until`` may be the same moment as ``since``."""
    query = (
        _SHOWN_SHIFT.where(
            _SHIFT.group_number.in_(numbers),
            _SHIFT.cancelled_at.is_(None),
            _SHIFT.starts_at > since - LONGEST_SHIFT,
            _SHIFT.ends_at > since,
        )
        .order_by(_SHIFT.starts_at, _SHIFT.id)
        .limit(limit)
    )
    if until is not None:
        query = query.where(_SHIFT.starts_at < until if until > since else _SHIFT.starts_at <= since)
    if after is not None:
        query = query.where(sa.tuple_(_SHIFT.starts_at, _SHIFT.id) > sa.tuple_(*after))
    return await _with_covers(connection, query)


async def cancel_shift(connection: AsyncConnection, shift_id: uuid.UUID, at: datetime) -> None:
    """Cancel a shift."""
    await connection.execute(
        tables.shift.update().where(_SHIFT.id == shift_id).values(cancelled_at=at, version=_SHIFT.version + 1)
    )


async def touch_shift(connection: AsyncConnection, shift_id: uuid.UUID) -> None:
    """A shift has other covers than before."""
    await connection.execute(
        tables.shift.update().where(_SHIFT.id == shift_id).values(version=_SHIFT.version + 1)
    )


async def add_cover(connection: AsyncConnection, **values: Any) -> None:
    """Insert a cover; an ``IntegrityError`` says that another one overlaps."""
    await connection.execute(tables.cover.insert().values(**values))


async def shift_of_cover(connection: AsyncConnection, cover_id: uuid.UUID) -> uuid.UUID | None:
    """Whose cover this is, unless it was cancelled."""
    query = (
        sa.select(_SHIFT.id)
        .join(tables.cover, _COVER.shift_number == _SHIFT.number)
        .where(_COVER.id == cover_id, _COVER.cancelled_at.is_(None))
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def cancel_cover(connection: AsyncConnection, cover_id: uuid.UUID, at: datetime) -> None:
    """Cancel a cover."""
    await connection.execute(
        tables.cover.update().where(_COVER.id == cover_id).values(cancelled_at=at, version=_COVER.version + 1)
    )


async def _with_covers(connection: AsyncConnection, query: sa.Select[Any]) -> list[Shift]:
    rows = (await connection.execute(query)).all()
    standing_in: dict[int, list[Cover]] = defaultdict(list)
    covers = (
        sa.select(tables.cover, _MEMBER.user_id)
        .join(tables.member, _MEMBER.number == _COVER.member_number)
        .where(_COVER.shift_number.in_([row.number for row in rows]), _COVER.cancelled_at.is_(None))
        .order_by(_COVER.starts_at)
    )
    for row in await connection.execute(covers) if rows else ():
        standing_in[row.shift_number].append(
            Cover(row.id, row.user_id, row.starts_at, row.ends_at, row.reason)
        )
    return [
        Shift(
            row.id,
            row.number,
            row.code,
            row.user_id,
            row.rota_id,
            row.starts_at,
            row.ends_at,
            row.version,
            tuple(standing_in[row.number]),
        )
        for row in rows
    ]
