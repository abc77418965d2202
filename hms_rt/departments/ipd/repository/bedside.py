"""SQL of rounds and discharge summaries: which entries of the record they are."""

import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import tables

_ROUND = tables.round_.c
_STAY = tables.stay.c
_SUMMARY = tables.summary.c


async def add_round(connection: AsyncConnection, **values: Any) -> None:
    """Append a round."""
    await connection.execute(tables.round_.insert().values(**values))


async def patients_of_ward(connection: AsyncConnection, ward: str) -> Sequence[Row[Any]]:
    """Open stays of a ward by bed, each with the newest round of its admission."""
    newest = (
        sa.select(tables.round_)
        .where(_ROUND.admission_id == _STAY.admission_id)
        .order_by(_ROUND.occurred_at.desc(), _ROUND.id.desc())
        .limit(1)
        .lateral("newest")
    )
    query: sa.Select[Any] = (
        sa.select(
            _STAY.admission_id,
            _STAY.patient_id,
            _STAY.bed_id,
            _STAY.bed_code,
            _STAY.started_at,
            newest.c.id.label("round_id"),
            newest.c.entry_id,
            newest.c.occurred_at,
            newest.c.recorded_by,
            newest.c.recorded_by_name,
        )
        .select_from(tables.stay.outerjoin(newest, sa.true()))
        .where(_STAY.ward_code == ward, _STAY.ended_at.is_(None))
        .order_by(_STAY.bed_code)
    )
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def add_summary(connection: AsyncConnection, **values: Any) -> None:
    """Append a summary; the unique key refuses two with the same number."""
    await connection.execute(tables.summary.insert().values(**values))


async def summaries(connection: AsyncConnection, admission_id: uuid.UUID) -> Sequence[Row[Any]]:
    """The summaries of an admission, oldest first; the last one holds."""
    query = sa.select(tables.summary).where(_SUMMARY.admission_id == admission_id)
    return (await connection.execute(query.order_by(_SUMMARY.number))).all()
