"""Rows of the clinical record. What an entry says is not here but in its document."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.entry import Entry, EntryKind, EntryState
from hms_rt.departments.patients.tables import patients_record_entry as entries

_later = entries.alias("later")


def _columns() -> Select[Any]:
    """Every entry with what came of it: a later one that refers to it, and whether that retracts it."""
    joined = entries.outerjoin(_later, _later.c.supersedes == entries.c.id)
    return select(entries, _later.c.entered_in_error.label("retracted")).select_from(joined)


def _entry(row: Row[Any]) -> Entry:
    if row.retracted is None:
        state = EntryState.CURRENT
    else:
        state = EntryState.ENTERED_IN_ERROR if row.retracted else EntryState.CORRECTED
    return Entry(
        id=row.id,
        patient_id=row.patient_id,
        kind=EntryKind(row.kind),
        document_id=row.document_id,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        author=row.author,
        supersedes=row.supersedes,
        entered_in_error=row.entered_in_error,
        state=state,
    )


async def add(connection: AsyncConnection, entry: Entry) -> None:
    """Append ``entry``; superseding the same entry twice violates ``…_supersedes_key``."""
    await connection.execute(
        insert(entries).values(
            id=entry.id,
            patient_id=entry.patient_id,
            kind=entry.kind.value,
            document_id=entry.document_id,
            occurred_at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            author=entry.author,
            supersedes=entry.supersedes,
            entered_in_error=entry.entered_in_error,
        )
    )


async def by_id(connection: AsyncConnection, patient_id: uuid.UUID, entry_id: uuid.UUID) -> Entry | None:
    """One entry of this patient's record."""
    query = _columns().where(entries.c.id == entry_id, entries.c.patient_id == patient_id)
    row = (await connection.execute(query)).one_or_none()
    return _entry(row) if row is not None else None


async def page(
    connection: AsyncConnection,
    patient_id: uuid.UUID,
    *,
    kinds: Collection[EntryKind],
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Entry]:
    """At most ``limit`` entries of these kinds, what happened last first; retractions are left out."""
    query = (
        _columns()
        .where(
            entries.c.patient_id == patient_id,
            entries.c.kind.in_(sorted(kind.value for kind in kinds)),
            entries.c.entered_in_error.is_(False),
        )
        .order_by(entries.c.occurred_at.desc(), entries.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(entries.c.occurred_at, entries.c.id) < tuple_(*after))
    return [_entry(row) for row in await connection.execute(query)]
