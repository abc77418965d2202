"""What a census asks of admissions: one statement for a whole ward."""

import uuid
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.ipd import tables


async def of_stays(connection: AsyncConnection, stays: Collection[uuid.UUID]) -> dict[uuid.UUID, sa.Row[Any]]:
    """Stay to its admission: id, state, and who asked for it."""
    query: sa.Select[Any] = sa.select(
        tables.stay.c.id.label("stay_id"),
        tables.admission.c.id,
        tables.admission.c.state,
        tables.admission.c.requested_by,
    ).join(tables.admission, tables.admission.c.id == tables.stay.c.admission_id)
    rows = await connection.execute(query.where(tables.stay.c.id.in_(list(stays))))
    return {row.stay_id: row for row in rows}
