"""Shapes of cleaning requests on the wire. Nothing of a patient is in them."""

import uuid

from hms_rt.departments.beds.model.cleaning import CleaningKind, CleaningState
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, PlaceCode, Reason, Schema


class CleaningIn(Schema):
    """Something is to be cleaned at a bed whose state stays as it is."""

    note: Reason


class CleaningOut(Schema):
    """A request to clean a bed."""

    id: uuid.UUID
    bed_id: uuid.UUID
    ward: str
    room: str
    bed: str
    """The bed's code within its ward."""
    kind: CleaningKind
    state: CleaningState
    note: str
    requested_at: Moment
    due_at: Moment
    claimed_at: Moment | None
    claimed_by: uuid.UUID | None
    claimed_by_name: str | None
    finished_at: Moment | None
    overdue_at: Moment | None
    """When the charge nurse was told that it is overdue."""
    version: int


class CleaningQuery(PageQuery):
    """Which requests to list: of one ward, newest first."""

    ward: PlaceCode
    state: CleaningState | None = None


class CleaningCursor(Schema):
    """Sort key of the list of requests."""

    id: uuid.UUID


class CleaningCommand(Schema):
    """A move over a socket, where the request is named in the body."""

    cleaning_id: uuid.UUID
