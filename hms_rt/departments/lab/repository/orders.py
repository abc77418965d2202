"""Lists of orders, by who may see them."""

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.order import LabOrder, OrderState, Priority
from hms_rt.departments.lab.repository import rows
from hms_rt.departments.lab.repository.reach import Reach

_ORDER = tables.lab_order.c
_TEST = tables.lab_test.c


async def page(
    connection: AsyncConnection,
    reach: Reach,
    *,
    patient_id: uuid.UUID | None = None,
    state: OrderState | None = None,
    place: str | None = None,
    priority: Priority | None = None,
    test: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    oldest: bool = False,
    after: tuple[datetime, uuid.UUID] | None = None,
    limit: int,
) -> list[LabOrder]:
    """At most ``limit`` orders within reach beyond ``after``, the newest (or oldest) first.

    By when they were ordered, then by id.
    """
    conditions: list[sa.ColumnElement[bool]] = []
    for column, wanted in (
        (_ORDER.patient_id, patient_id),
        (_ORDER.state, state.value if state is not None else None),
        (_ORDER.place, place),
        (_ORDER.priority, priority.value if priority is not None else None),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if since is not None:
        conditions.append(_ORDER.ordered_at >= since)
    if until is not None:
        conditions.append(_ORDER.ordered_at < until)
    if test is not None:
        of_order = sa.select(_TEST.id).where(_TEST.order_id == _ORDER.id, _TEST.code == test)
        conditions.append(of_order.correlate(tables.lab_order).exists())
    if after is not None:
        key, last = sa.tuple_(_ORDER.ordered_at, _ORDER.id), sa.tuple_(*map(sa.literal, after))
        conditions.append(key > last if oldest else key < last)
    page = (
        sa.select(tables.lab_order).where(*conditions).order_by(*_by_time(_ORDER, oldest=oldest)).limit(limit)
    )
    parts = reach.each(page, _ORDER.place, _ORDER.ordered_by)
    either = sa.union(*(sa.select(part.subquery()) for part in parts)).subquery()
    query = sa.select(either).order_by(*_by_time(either.c, oldest=oldest)).limit(limit)
    return [rows.order(row, prefix="") for row in await connection.execute(query)]


def _by_time(columns: Any, *, oldest: bool) -> list[sa.ColumnElement[Any]]:
    keys = (columns.ordered_at, columns.id)
    return [key.asc() if oldest else key.desc() for key in keys]
