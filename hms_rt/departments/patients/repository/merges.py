"""Rows of merges."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.merge import Merge
from hms_rt.departments.patients.tables import patients_merge as merges
from hms_rt.departments.patients.tables import patients_repoint as repoints


def _merge(row: Row[Any]) -> Merge:
    return Merge(**row._asdict())


async def add(connection: AsyncConnection, merge: Merge) -> None:
    """Insert a merge in force; a second one of the same patient violates ``…_from_id_key``."""
    await connection.execute(
        insert(merges).values(
            id=merge.id,
            from_id=merge.from_id,
            into_id=merge.into_id,
            reason=merge.reason,
            merged_at=merge.merged_at,
            merged_by=merge.merged_by,
        )
    )


async def mark_undone(connection: AsyncConnection, merge: Merge) -> None:
    """Store that a merge was undone; the database allows it once."""
    await connection.execute(
        update(merges)
        .where(merges.c.id == merge.id)
        .values(undone_at=merge.undone_at, undone_by=merge.undone_by, undo_reason=merge.undo_reason)
    )


async def by_id(connection: AsyncConnection, merge_id: uuid.UUID) -> Merge | None:
    """One merge."""
    row = (await connection.execute(select(merges).where(merges.c.id == merge_id))).one_or_none()
    return _merge(row) if row is not None else None


async def of_patient(
    connection: AsyncConnection, patient_id: uuid.UUID | None, *, before: uuid.UUID | None, limit: int
) -> list[Merge]:
    """At most ``limit`` merges from or into this patient (None: of anybody), newest first."""
    query = select(merges).order_by(merges.c.id.desc()).limit(limit)
    if patient_id is not None:
        query = query.where(or_(merges.c.from_id == patient_id, merges.c.into_id == patient_id))
    if before is not None:
        query = query.where(merges.c.id < before)
    return [_merge(row) for row in await connection.execute(query)]


async def moved(connection: AsyncConnection, merge_id: uuid.UUID) -> Mapping[str, int]:
    """How many rows a merge moved, by table."""
    query = (
        select(repoints.c.table_name, func.count().label("rows"))
        .where(repoints.c.merge_id == merge_id)
        .group_by(repoints.c.table_name)
        .order_by(repoints.c.table_name)
    )
    return {row.table_name: row.rows for row in await connection.execute(query)}
