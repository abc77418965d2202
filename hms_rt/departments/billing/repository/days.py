"""Days of cash: which are closed, and what their shifts took."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.day import DayClose, MeansTotal
from hms_rt.departments.billing.model.payment import Means

_DAY = tables.day.c
_MEANS = tables.day_means.c
_SHIFT = tables.shift.c
_SUMS = tables.shift_means.c
_OWN = [field.name for field in fields(DayClose) if field.name != "means"]


async def closed_until(connection: AsyncConnection, facility: str) -> date | None:
    """The last day of a facility that is closed."""
    query = sa.select(sa.func.max(_DAY.day)).where(_DAY.facility == facility)
    last: date | None = (await connection.execute(query)).scalar_one_or_none()
    return last


async def lock_shifts(connection: AsyncConnection, facility: str, until: date) -> list[Row[Any]]:
    """The shifts of a facility that no closed day holds, up to a day, locked by id."""
    since = await closed_until(connection, facility)
    query = (
        sa.select(tables.shift)
        .where(_SHIFT.facility == facility, _SHIFT.day <= until)
        .order_by(_SHIFT.id)
        .with_for_update()
    )
    if since is not None:
        query = query.where(_SHIFT.day > since)
    return list(await connection.execute(query))


async def by_means(connection: AsyncConnection, shifts: Sequence[uuid.UUID]) -> list[MeansTotal]:
    """What shifts received, gave back and counted, by means."""
    every = sa.func.count() == sa.func.count(_SUMS.counted)
    sums = [sa.func.sum(column).label(column.name) for column in (_SUMS.opening, _SUMS.received)]
    query: sa.Select[Any] = (
        sa.select(
            _SUMS.means,
            *sums,
            sa.func.sum(_SUMS.given_back).label("given_back"),
            sa.case((every, sa.func.sum(_SUMS.counted))).label("counted"),
        )
        .where(_SUMS.shift_id.in_(shifts))
        .group_by(_SUMS.means)
    )
    known = {row.means: row for row in await connection.execute(query)}
    return [_total(known[each.value]) for each in Means if each.value in known]


def _total(row: Row[Any]) -> MeansTotal:
    return MeansTotal(Means(row.means), row.opening, row.received, row.given_back, row.counted)


async def add(connection: AsyncConnection, one: DayClose) -> None:
    """Close a day; violates ``billing_day_order_check`` while a shift is open, or if it is closed."""
    await connection.execute(tables.day.insert().values({name: getattr(one, name) for name in _OWN}))
    values = [{**asdict(each), "means": each.means.value, "day_id": one.id} for each in one.means]
    if values:
        await connection.execute(tables.day_means.insert(), values)


async def find(connection: AsyncConnection, day_id: uuid.UUID) -> DayClose | None:
    """One closed day."""
    query = sa.select(tables.day).where(_DAY.id == day_id)
    found = await _read(connection, list(await connection.execute(query)))
    return found[0] if found else None


async def page(
    connection: AsyncConnection, facility: str | None, before: uuid.UUID | None, limit: int
) -> list[DayClose]:
    """At most ``limit`` closed days, newest first."""
    query = sa.select(tables.day).order_by(_DAY.id.desc()).limit(limit)
    if facility is not None:
        query = query.where(_DAY.facility == facility)
    if before is not None:
        query = query.where(_DAY.id < before)
    return await _read(connection, list(await connection.execute(query)))


async def _read(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[DayClose]:
    query = sa.select(tables.day_means).where(_MEANS.day_id.in_([row.id for row in rows]))
    means: dict[uuid.UUID, list[MeansTotal]] = {row.id: [] for row in rows}
    for row in await connection.execute(query.order_by(_MEANS.day_id, _MEANS.means)):
        means[row.day_id].append(_total(row))
    return [
        DayClose(**{name: getattr(row, name) for name in _OWN}, means=tuple(means[row.id])) for row in rows
    ]
