"""Shapes of the clinical record on the wire."""

import uuid
from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from hms_rt.departments.patients.model.entry import ContextKind, EntryState
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Reason, Schema

Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$", max_length=40)]
"""A kind of entries: ``note``, ``nursing_note``, ``medical_note``, ``encounter``, ``vitals``, ``diagnosis``,
``procedure``, ``medication``, ``document``, or one that the hospital defined (``GET /record-types``)."""


class ContextRef(Schema):
    """The visit or admission that an entry belongs to."""

    kind: ContextKind
    id: uuid.UUID


class EntryNew(Schema):
    """An entry for the clinical record."""

    kind: Kind
    occurred_at: Moment | None = None
    """When it happened; now, if absent. Late entry is normal."""
    body: dict[str, Any]
    """By kind: notes and diagnoses need ``text``, encounters ``reason``, procedures and medication ``name``,
    documents ``title`` (and ``content`` in base64, at most 180,000 bytes), vitals hold readings (whole
    numbers or decimal strings). Further fields are free within bounds, unless the hospital says otherwise."""
    supersedes: uuid.UUID | None = None
    """The entry that this one corrects."""
    context: ContextRef | None = None
    """The visit or admission during which it was written; a correction keeps that of the older entry."""


class Retraction(Schema):
    """Why an entry was made in error."""

    reason: Reason


class EntryOut(Schema):
    """An entry of the clinical record, without what it says."""

    id: uuid.UUID
    patient_id: uuid.UUID
    kind: str
    schema_version: int | None = None
    """Version of the hospital's definition that the entry was checked by; null where it defined nothing."""
    state: EntryState
    occurred_at: Moment
    recorded_at: Moment
    author: uuid.UUID
    supersedes: uuid.UUID | None
    entered_in_error: bool
    """True for the entry that retracts another; its body holds the reason."""
    context: ContextRef | None = None


class EntryFull(EntryOut):
    """An entry of the clinical record."""

    body: dict[str, Any]


class EntryQuery(PageQuery):
    """Which entries to list."""

    kind: Kind | None = None
    since: Moment | None = None
    """Only what happened then or later."""
    until: Moment | None = None
    """Only what happened before."""
    author: uuid.UUID | None = None
    context: uuid.UUID | None = None
    """Only what belongs to this visit or admission."""
    current: bool = False
    """True: neither corrected entries nor those entered in error."""
    order: Literal["newest", "oldest"] = "newest"


class EntryCursor(Schema):
    """Sort key of the record: newest first."""

    occurred_at: Moment
    id: uuid.UUID


class BreakGlass(Schema):
    """Why somebody reads a record outside their own wards and clinics."""

    reason: Reason
