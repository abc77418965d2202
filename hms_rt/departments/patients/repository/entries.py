"""Rows of the clinical record. What an entry says is not here but in its document."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Uuid,
    cast,
    column,
    func,
    insert,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.entry import (
    Context,
    ContextKind,
    Entry,
    EntryKind,
    EntryState,
)
from hms_rt.departments.patients.tables import patients_record_entry as entries

_later = entries.alias("later")


_retracted = (
    select(_later.c.entered_in_error)
    .where(_later.c.supersedes == entries.c.id)
    .correlate(entries)
    .scalar_subquery()
)
"""Whether a later entry retracts this one; null if none refers to it.

A subquery for each row shown, by the unique index: of a join the planner makes a hash of the whole table as
soon as it expects many rows (50 ms instead of 1 at 100,000 entries).
"""


def _columns() -> Select[Any]:
    """Every entry with what came of it."""
    return select(entries, _retracted.label("retracted"))


def _entry(row: Row[Any]) -> Entry:
    if row.retracted is None:
        state = EntryState.CURRENT
    else:
        state = EntryState.ENTERED_IN_ERROR if row.retracted else EntryState.CORRECTED
    return Entry(
        id=row.id,
        patient_id=row.patient_id,
        kind=row.kind,
        document_id=row.document_id,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        author=row.author,
        supersedes=row.supersedes,
        entered_in_error=row.entered_in_error,
        context=Context(ContextKind(row.context_kind), row.context_id) if row.context_id else None,
        schema_version=row.schema_version,
        state=state,
    )


async def add(connection: AsyncConnection, entry: Entry) -> None:
    """Append ``entry``; superseding the same entry twice violates ``…_supersedes_key``."""
    await connection.execute(
        insert(entries).values(
            id=entry.id,
            patient_id=entry.patient_id,
            kind=entry.kind,
            document_id=entry.document_id,
            occurred_at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            author=entry.author,
            supersedes=entry.supersedes,
            entered_in_error=entry.entered_in_error,
            schema_version=entry.schema_version,
            context_kind=entry.context.kind.value if entry.context is not None else None,
            context_id=entry.context.id if entry.context is not None else None,
        )
    )


async def by_id(connection: AsyncConnection, patient_id: uuid.UUID, entry_id: uuid.UUID) -> Entry | None:
    """One entry of this patient's record."""
    query = _columns().where(entries.c.id == entry_id, entries.c.patient_id == patient_id)
    row = (await connection.execute(query)).one_or_none()
    return _entry(row) if row is not None else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list; ``kinds`` None for all. ``since`` and ``until`` are about when it happened."""

    kinds: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    author: uuid.UUID | None = None
    context_id: uuid.UUID | None = None
    current_only: bool = False
    oldest_first: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same, on the columns of an entry."""
        found: list[ColumnElement[bool]] = []
        if self.since is not None:
            found.append(entries.c.occurred_at >= self.since)
        if self.until is not None:
            found.append(entries.c.occurred_at < self.until)
        if self.author is not None:
            found.append(entries.c.author == self.author)
        if self.context_id is not None:
            found.append(entries.c.context_id == self.context_id)
        if self.current_only:
            found.append(_retracted.is_(None))
        if self.kinds is not None:
            found.append(entries.c.kind.in_(sorted(self.kinds)))
        return found


async def page(
    connection: AsyncConnection,
    patient_id: uuid.UUID,
    wanted: Wanted,
    *,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Entry]:
    """At most ``limit`` entries, by when it happened; retractions are left out."""
    key = tuple_(entries.c.occurred_at, entries.c.id)
    order = (entries.c.occurred_at, entries.c.id)
    query = (
        _columns()
        .where(
            entries.c.patient_id == patient_id, entries.c.entered_in_error.is_(False), *wanted.conditions()
        )
        .order_by(*(order if wanted.oldest_first else [one.desc() for one in order]))
        .limit(limit)
    )
    if after is not None:
        query = query.where(key > tuple_(*after) if wanted.oldest_first else key < tuple_(*after))
    return [_entry(row) for row in await connection.execute(query)]


async def last_vitals(
    connection: AsyncConnection, patient_ids: Collection[uuid.UUID], most: int
) -> Sequence[Row[Any]]:
    """The last ``most`` current entries of vitals of each of these patients, newest first."""
    ids = cast(list(patient_ids), ARRAY(Uuid))
    asked = func.unnest(ids).table_valued(column("id", Uuid)).render_derived()
    newest = (
        select(entries.c.patient_id, entries.c.occurred_at, entries.c.document_id)
        .where(
            entries.c.patient_id == asked.c.id,
            entries.c.kind == EntryKind.VITALS.value,
            entries.c.entered_in_error.is_(False),
            _retracted.is_(None),
        )
        .order_by(entries.c.occurred_at.desc(), entries.c.id.desc())
        .limit(most)
        .lateral("newest")
    )
    return (await connection.execute(select(newest).select_from(asked.join(newest, true())))).all()
