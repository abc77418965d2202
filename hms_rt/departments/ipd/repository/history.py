"""SQL of the history of admissions, which is only appended to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import tables
from hms_rt.departments.ipd.model import Admission, AdmissionState, Disposition, Move, Stay

_EVENT = tables.event.c


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the history, as it is written."""

    id: uuid.UUID
    move: Move
    occurred_at: datetime
    recorded_at: datetime
    recorded_by: uuid.UUID
    source: Stay | None = None
    target: Stay | None = None
    disposition: Disposition | None = None
    reason: str | None = None


async def insert_event(
    connection: AsyncConnection, before: Admission | None, after: Admission, recorded: Recorded
) -> None:
    """Append to the history."""
    source, target = recorded.source, recorded.target
    await connection.execute(
        tables.event.insert().values(
            id=recorded.id,
            admission_id=after.id,
            move=recorded.move.value,
            state_before=before.state.value if before else None,
            state_after=after.state.value,
            from_ward=source.ward if source else None,
            from_bed=source.bed_id if source else None,
            to_ward=target.ward if target else None,
            to_bed=target.bed_id if target else None,
            disposition=recorded.disposition,
            reason=recorded.reason,
            occurred_at=recorded.occurred_at,
            recorded_at=recorded.recorded_at,
            recorded_by=recorded.recorded_by,
        )
    )


async def insert_plain(
    connection: AsyncConnection,
    *,
    event_id: uuid.UUID,
    admission_id: uuid.UUID,
    move: Move,
    state: AdmissionState,
    ward: str,
    bed_id: uuid.UUID,
    at: datetime,
    by: uuid.UUID,
) -> None:
    """Append what happened to the plan of an admission, whose state stays."""
    await connection.execute(
        tables.event.insert().values(
            id=event_id,
            admission_id=admission_id,
            move=move.value,
            state_before=state.value,
            state_after=state.value,
            from_ward=ward,
            from_bed=bed_id,
            occurred_at=at,
            recorded_at=at,
            recorded_by=by,
        )
    )


async def events(connection: AsyncConnection, admission_id: uuid.UUID) -> Sequence[Row[Any]]:
    """The history of an admission, in the order of recording."""
    query = sa.select(tables.event).where(_EVENT.admission_id == admission_id)
    return (await connection.execute(query.order_by(_EVENT.recorded_at, _EVENT.id))).all()
