"""Counters, the cashiers' shifts there, and what they took and counted by each means."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.counting import MeansCount
from hms_rt.departments.billing.model.payment import Means, Shift
from hms_rt.departments.billing.repository import rows
from hms_rt.storage.postgres import wait_in_turn

_SHIFT = tables.shift.c
_SUMS = tables.shift_means.c


async def add_cashier(connection: AsyncConnection, **values: str) -> None:
    """Add a counter; a taken code violates ``billing_cashier_pkey``."""
    await connection.execute(tables.cashier.insert().values(**values))


async def cashiers(connection: AsyncConnection, codes: Collection[str] | None = None) -> list[Row[Any]]:
    """Counters, by code."""
    query = sa.select(tables.cashier).order_by(tables.cashier.c.code)
    if codes is not None:
        query = query.where(tables.cashier.c.code.in_(codes))
    return list(await connection.execute(query))


async def lock_open_shift(connection: AsyncConnection, counter: str) -> Shift | None:
    """The open shift at a counter, locked, in the order of asking."""
    await wait_in_turn(connection, f"counter {counter}")
    query = sa.select(tables.shift).where(_SHIFT.closed_at.is_(None), _SHIFT.counter == counter)
    row = (await connection.execute(query.with_for_update())).one_or_none()
    return rows.read(Shift, row) if row is not None else None


async def open_shift(
    connection: AsyncConnection, *, cashier: uuid.UUID | None = None, counter: str | None = None
) -> Shift | None:
    """The open shift of somebody, or at a counter."""
    query = sa.select(tables.shift).where(_SHIFT.closed_at.is_(None))
    if cashier is not None:
        query = query.where(_SHIFT.cashier == cashier)
    if counter is not None:
        query = query.where(_SHIFT.counter == counter)
    row = (await connection.execute(query)).one_or_none()
    return rows.read(Shift, row) if row is not None else None


async def means_of(
    connection: AsyncConnection, shifts: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[MeansCount]]:
    """What each of these shifts took, gave back and counted, by means."""
    found: dict[uuid.UUID, list[MeansCount]] = {shift: [] for shift in shifts}
    order = {means.value: place for place, means in enumerate(Means)}
    listed = list(await connection.execute(sa.select(tables.shift_means).where(_SUMS.shift_id.in_(shifts))))
    for row in sorted(listed, key=lambda one: order[one.means]):
        found[row.shift_id].append(MeansCount(**{**row._asdict(), "means": Means(row.means)}))
    return found


async def save_counts(connection: AsyncConnection, counted: Sequence[MeansCount]) -> None:
    """Write what was counted of a locked shift."""
    for one in counted:
        told = {"counted": one.counted, "reason": one.reason}
        known = (_SUMS.shift_id == one.shift_id, _SUMS.means == one.means.value)
        done = await connection.execute(tables.shift_means.update().where(*known).values(told))
        if not done.rowcount:
            values = {**asdict(one), "means": one.means.value}
            await connection.execute(tables.shift_means.insert().values(values))
