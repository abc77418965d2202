"""Shapes of notifications on the wire."""

import uuid
from typing import Annotated

from pydantic import Field

from hms_rt.departments.notifications.model.notification import Kind, Priority
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Schema


class SubjectOut(Schema):
    """What a notification is about."""

    type: str
    id: str


class NotificationOut(Schema):
    """A message to the caller. Its title never holds a patient's name."""

    id: uuid.UUID
    kind: Kind
    title: str
    subject: SubjectOut
    patient_id: uuid.UUID | None
    priority: Priority
    created_at: Moment
    seen_at: Moment | None


class NotificationQuery(PageQuery):
    """Which notifications to list."""

    unseen: bool = False
    """Only those not seen yet."""


class NotificationCursor(Schema):
    """Sort key of the list: newest first."""

    id: uuid.UUID


class Seen(Schema):
    """Read receipts."""

    ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=500)]


class SeenOut(Schema):
    """What is left after the receipts."""

    unseen: int
    """How many notifications the caller has not seen."""
