"""Estimates and their lines: written once, together."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.billing import tables
from hms_rt.departments.billing.model.estimate import Estimate, EstimateLine
from hms_rt.departments.billing.model.tariff import Amounts

_ESTIMATE = tables.estimate.c
_LINE = tables.estimate_line.c
_AMOUNTS = [field.name for field in fields(Amounts)]
_OWN = [field.name for field in fields(Estimate) if field.name != "lines"]
_PLAIN = [field.name for field in fields(EstimateLine) if field.name != "amounts"]


async def add(connection: AsyncConnection, one: Estimate) -> None:
    """Add an estimate with its lines."""
    sums = {name: getattr(one, name) for name in ("total", "payer_part", "patient_part")}
    values = {name: getattr(one, name) for name in _OWN}
    await connection.execute(tables.estimate.insert().values({**values, **sums}))
    lines = [
        {
            "estimate_id": one.id,
            "position": position,
            **{name: getattr(line, name) for name in _PLAIN},
            **asdict(line.amounts),
        }
        for position, line in enumerate(one.lines, 1)
    ]
    await connection.execute(tables.estimate_line.insert(), lines)


async def find(connection: AsyncConnection, estimate_id: uuid.UUID) -> Estimate | None:
    """One estimate."""
    query = sa.select(tables.estimate).where(_ESTIMATE.id == estimate_id)
    found = await _read(connection, list(await connection.execute(query)))
    return found[0] if found else None


async def page(
    connection: AsyncConnection, patient_id: uuid.UUID | None, before: uuid.UUID | None, limit: int
) -> list[Estimate]:
    """At most ``limit`` estimates, newest first."""
    query = sa.select(tables.estimate).order_by(_ESTIMATE.id.desc()).limit(limit)
    if patient_id is not None:
        query = query.where(_ESTIMATE.patient_id == patient_id)
    if before is not None:
        query = query.where(_ESTIMATE.id < before)
    return await _read(connection, list(await connection.execute(query)))


async def _read(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Estimate]:
    query = (
        sa.select(tables.estimate_line)
        .where(_LINE.estimate_id.in_([row.id for row in rows]))
        .order_by(_LINE.estimate_id, _LINE.position)
    )
    lines: dict[uuid.UUID, list[EstimateLine]] = {row.id: [] for row in rows}
    for row in await connection.execute(query):
        amounts = Amounts(**{name: getattr(row, name) for name in _AMOUNTS})
        plain = {name: getattr(row, name) for name in _PLAIN}
        lines[row.estimate_id].append(EstimateLine(**plain, amounts=amounts))
    return [
        Estimate(**{name: getattr(row, name) for name in _OWN}, lines=tuple(lines[row.id])) for row in rows
    ]
