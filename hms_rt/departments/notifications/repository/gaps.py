"""Gaps that were told."""

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.notifications import tables
from hms_rt.departments.notifications.model.gap_warning import GapTold

_TOLD = tables.gap_told.c


async def told(connection: AsyncConnection, group_number: int) -> list[GapTold]:
    """What of a locked group was told, by time."""
    query = sa.select(_TOLD.starts_at, _TOLD.ends_at, _TOLD.told_again)
    rows = await connection.execute(query.where(_TOLD.group_number == group_number).order_by(_TOLD.starts_at))
    return [GapTold(*row) for row in rows]


async def keep(connection: AsyncConnection, group_number: int, known: Sequence[GapTold]) -> None:
    """Replace what of a locked group was told."""
    await connection.execute(tables.gap_told.delete().where(_TOLD.group_number == group_number))
    if known:
        rows = [{"group_number": group_number, **asdict(one)} for one in known]
        await connection.execute(tables.gap_told.insert(), rows)
