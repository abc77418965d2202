"""Shapes of the audit trail on the wire."""

import uuid
from typing import Annotated, Any

from pydantic import Field

from hms_rt.departments.audit.model import Break
from hms_rt.kernel.paging import Cursor, PageQuery
from hms_rt.kernel.principal import PrincipalKind
from hms_rt.kernel.schema import Moment, Schema


class AuditQuery(PageQuery):
    """Which lines of the trail to list."""

    patient_id: uuid.UUID | None = None
    principal_id: uuid.UUID | None = None
    action: Annotated[str, Field(pattern=r"^[a-z_.]{1,60}$")] | None = None
    """Beginning of the action: `record.` finds `record.read` and `record.break_glass`."""
    since: Annotated[Moment | None, Field(alias="from")] = None
    """Not before."""
    until: Annotated[Moment | None, Field(alias="to")] = None
    """Before."""


class AuditLine(Schema):
    """One line of the trail: who did, or was denied, what."""

    id: int
    at: Moment
    xid: int
    """The transaction: lines with the same one were committed together."""
    principal_kind: PrincipalKind
    principal_id: uuid.UUID
    session_id: uuid.UUID
    action: str
    outcome: str
    """`allowed` or `denied`."""
    entity: str
    entity_id: str
    patient_id: uuid.UUID | None
    detail: dict[str, Any]
    request_id: str
    address: str


class AuditCursor(Schema):
    """Sort key of the trail: when, and of lines of one moment the number."""

    at: Moment
    id: Annotated[int, Field(ge=0, lt=2**62)]


class SealQuery(Schema):
    """Where to begin checking the chain."""

    cursor: Cursor | None = None
    """`next_cursor` of the answer before; from the first seal, if absent."""


class SealCursor(Schema):
    """The last seal that was checked."""

    id: Annotated[int, Field(ge=0, lt=2**62)]


class BrokenSeal(Schema):
    """The first seal that does not hold."""

    seal: int
    problem: Break
    first_id: int
    """The lines that it covers lie between these numbers."""
    last_id: int


class SealReport(Schema):
    """What a check of the chain found."""

    seals: int
    """How many seals this answer checked."""
    lines: int
    """How many lines of the trail they cover."""
    broken: BrokenSeal | None
    last_seal: int
    """The number of the last seal checked; 0 for none."""
    last_digest: str
    """Its SHA-256: compare it with the one noted on paper or in the log."""
    next_cursor: str | None
    """Set when there are more seals to check."""
