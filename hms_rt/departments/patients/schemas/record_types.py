"""Shapes of kinds of record entries on the wire."""

import uuid
from typing import Any

from hms_rt.departments.patients.model.record_type import WrittenAs
from hms_rt.departments.patients.schemas.record import Kind
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Name, Schema


class RecordTypeIn(Schema):
    """A kind of the hospital's own, or what it adds to a built-in one."""

    code: Kind
    name: Name
    written_as: WrittenAs | None = None
    """Who writes entries of a kind of your own: whoever writes this. Absent for a built-in kind."""
    body_schema: dict[str, Any]
    """JSON Schema 2020-12 of the body, at most 32 KiB; ``$ref`` only to ``#/$defs/<name>``, not in circles.
    For a built-in kind it holds beside the built-in one."""


class RecordTypeChange(Schema):
    """What to change; what is absent stays. Entries keep the version that they were checked by."""

    name: Name | None = None
    body_schema: dict[str, Any] | None = None
    active: bool | None = None
    """False: no more entries of a kind of your own; of a built-in kind: nothing is added any more."""


class RecordTypeOut(Schema):
    """A kind of record entries."""

    code: str
    name: str
    built_in: bool
    written_as: WrittenAs | None
    base: dict[str, Any] | None
    """JSON Schema of a built-in kind."""
    body_schema: dict[str, Any] | None
    """JSON Schema of the hospital; null where it added nothing."""
    active: bool
    version: int
    """0 for a built-in kind to which the hospital added nothing."""
    updated_at: Moment | None
    updated_by: uuid.UUID | None


class RecordTypeQuery(PageQuery):
    """Which kinds to list."""
