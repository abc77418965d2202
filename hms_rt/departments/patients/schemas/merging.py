"""Shapes of merges on the wire."""

import uuid

from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Reason, Schema


class MergeIn(Schema):
    """Which patient to merge into the one of the path."""

    from_id: uuid.UUID
    """The record that becomes a pointer; everything of it moves to the survivor."""
    reason: Reason
    """How it is known that both are one person."""


class UndoMerge(Schema):
    """Why a merge was a mistake."""

    reason: Reason


class MergeOut(Schema):
    """A merge; in force while ``undone_at`` is null."""

    id: uuid.UUID
    from_id: uuid.UUID
    into_id: uuid.UUID
    reason: str
    merged_at: Moment
    merged_by: uuid.UUID
    undone_at: Moment | None
    undone_by: uuid.UUID | None
    undo_reason: str | None


class MergeDetail(MergeOut):
    """A merge with what it moved."""

    moved: dict[str, int]
    """Rows by table, of whatever department: what an undo moves back."""


class MergeQuery(PageQuery):
    """Which merges to list."""

    patient_id: uuid.UUID | None = None
    """Only merges from or into this patient."""


class MergeCursor(Schema):
    """Sort key of the list: newest first."""

    id: uuid.UUID
