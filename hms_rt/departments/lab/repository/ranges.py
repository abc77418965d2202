"""Sets of reference ranges."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.catalogue import Bounds
from hms_rt.departments.lab.model.ranges import Range, RangeSex

_SET = tables.range_set.c
_RANGE = tables.reference_range.c
_BOUNDS = ("reference_low", "reference_high", "critical_low", "critical_high")


@dataclass(frozen=True, slots=True)
class RangeSet:
    """The ranges of a test from ``valid_from`` on, in ``unit``, by ``source`` (a paper, a manufacturer)."""

    id: uuid.UUID
    code: str
    unit: str
    valid_from: date
    source: str
    defined_by: uuid.UUID
    defined_at: datetime
    ranges: tuple[Range, ...]
    withdrawn_by: uuid.UUID | None = None
    withdrawn_at: datetime | None = None
    withdraw_reason: str | None = None
    version: int = 1


async def add(connection: AsyncConnection, new: RangeSet) -> None:
    """Add a set. The database refuses a second one from the same day (``lab_range_set_valid_from_key``),
    another unit than the test's, and at COMMIT a gap or an overlap."""
    plain = {name: getattr(new, name) for name in RangeSet.__dataclass_fields__ if name != "ranges"}
    await connection.execute(tables.range_set.insert().values(plain))
    ranges: list[Mapping[str, Any]] = [
        {
            "set_id": new.id,
            "sex": one.sex.value,
            "age_from_days": one.age_from_days,
            "age_to_days": one.age_to_days,
            **{name: getattr(one.bounds, name) for name in _BOUNDS},
        }
        for one in new.ranges
    ]
    await connection.execute(tables.reference_range.insert(), ranges)


async def lock(connection: AsyncConnection, set_id: uuid.UUID) -> RangeSet | None:
    """One set, locked."""
    row = (
        await connection.execute(sa.select(tables.range_set).where(_SET.id == set_id).with_for_update())
    ).one_or_none()
    return (await _with_ranges(connection, [row]))[0] if row is not None else None


async def withdraw(
    connection: AsyncConnection, set_id: uuid.UUID, by: uuid.UUID, at: datetime, reason: str
) -> None:
    """A locked set was a mistake: the one before it holds on."""
    await connection.execute(
        tables.range_set.update()
        .where(_SET.id == set_id)
        .values(withdrawn_by=by, withdrawn_at=at, withdraw_reason=reason, version=_SET.version + 1)
    )


async def of_code(
    connection: AsyncConnection, code: str, *, before: date | None, limit: int
) -> list[RangeSet]:
    """At most ``limit`` sets of a test, the latest first, withdrawn ones left out."""
    query = (
        sa.select(tables.range_set)
        .where(_SET.code == code, _SET.withdrawn_at.is_(None))
        .order_by(_SET.valid_from.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(_SET.valid_from < before)
    return await _with_ranges(connection, (await connection.execute(query)).all())


async def valid_on(connection: AsyncConnection, code: str, day: date) -> RangeSet | None:
    """The set that holds for a test on ``day``; None if none does."""
    query = (
        sa.select(tables.range_set)
        .where(_SET.code == code, _SET.withdrawn_at.is_(None), _SET.valid_from <= day)
        .order_by(_SET.valid_from.desc())
        .limit(1)
    )
    found = (await connection.execute(query)).all()
    return (await _with_ranges(connection, found))[0] if found else None


async def _with_ranges(connection: AsyncConnection, sets: Sequence[sa.Row[Any]]) -> list[RangeSet]:
    query = (
        sa.select(tables.reference_range)
        .where(_RANGE.set_id.in_([row.id for row in sets]))
        .order_by(_RANGE.sex, _RANGE.age_from_days)
    )
    ranges: dict[uuid.UUID, list[Range]] = {row.id: [] for row in sets}
    for row in await connection.execute(query):
        bounds = Bounds(*(getattr(row, name) for name in _BOUNDS))
        ranges[row.set_id].append(Range(RangeSex(row.sex), row.age_from_days, row.age_to_days, bounds))
    names = [name for name in RangeSet.__dataclass_fields__ if name != "ranges"]
    return [
        RangeSet(**{name: getattr(row, name) for name in names}, ranges=tuple(ranges[row.id])) for row in sets
    ]
