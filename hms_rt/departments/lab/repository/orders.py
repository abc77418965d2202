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
_LISTED = tables.ordered_test.c


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
    # Of one test: from the table that is sorted by test and time, or all orders would be read for a rare one.
    keys: Any = _ORDER if test is None else _LISTED
    at, key = keys.ordered_at, _ORDER.id if test is None else _LISTED.order_id
    wanted = (
        (_ORDER.patient_id, patient_id),
        (_ORDER.state, state.value if state is not None else None),
        (keys.place, place),
        (_ORDER.priority, priority.value if priority is not None else None),
        (_LISTED.code, test),
    )
    conditions = [column == value for column, value in wanted if value is not None]
    conditions += _between(at, key, since, until, after, oldest=oldest)
    source = tables.lab_order if test is None else tables.lab_order.join(tables.ordered_test)
    page = sa.select(tables.lab_order).select_from(source).where(*conditions)
    page = page.order_by(*_by_time(at, key, oldest=oldest)).limit(limit)
    parts = reach.each(page, keys.place, keys.ordered_by)
    either = sa.union(*(sa.select(part.subquery()) for part in parts)).subquery()
    columns = either.c
    query = sa.select(either).order_by(*_by_time(columns.ordered_at, columns.id, oldest=oldest)).limit(limit)
    return [rows.order(row, prefix="") for row in await connection.execute(query)]


def _between(
    at: sa.ColumnElement[datetime],
    key: sa.ColumnElement[uuid.UUID],
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, uuid.UUID] | None,
    *,
    oldest: bool,
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if since is not None:
        found.append(at >= since)
    if until is not None:
        found.append(at < until)
    if after is not None:
        here, last = sa.tuple_(at, key), sa.tuple_(*map(sa.literal, after))
        found.append(here > last if oldest else here < last)
    return found


def _by_time(*keys: sa.ColumnElement[Any], oldest: bool) -> list[sa.ColumnElement[Any]]:
    return [key.asc() if oldest else key.desc() for key in keys]
