"""Shapes of notifications on the wire."""

import uuid
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

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
    wants_acknowledgement: bool
    """Seeing it is not enough: it stays in the room until it is acknowledged."""
    acknowledged_at: Moment | None
    expires_at: Moment | None
    """From then on it is not shown any more; the list keeps it."""


class NotificationQuery(PageQuery):
    """Which notifications to list."""

    unseen: bool = False
    """Only those not seen yet."""
    unacknowledged: bool = False
    """Only those that still want to be acknowledged."""
    kind: Kind | None = None
    priority: Priority | None = None


class NotificationCursor(Schema):
    """Sort key of the list: newest first."""

    id: uuid.UUID


class Seen(Schema):
    """Read receipts."""

    ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=500)]


class AcknowledgeNotification(Schema):
    """Acknowledge a notification, over a socket."""

    notification_id: uuid.UUID


class SeenOut(Schema):
    """What is left after the receipts."""

    unseen: int
    """How many notifications the caller has not seen."""


class ReceiptOut(Schema):
    """Somebody who was told, and whether they have read it."""

    user_id: uuid.UUID
    name: str
    seen_at: Moment | None
    acknowledged_at: Moment | None


class SentOut(Schema):
    """What the caller's command told others, and how many have read it."""

    id: uuid.UUID
    kind: Kind
    title: str
    subject: SubjectOut
    patient_id: uuid.UUID | None
    priority: Priority
    created_at: Moment
    acknowledge_by: Moment | None
    told: int
    seen: int
    acknowledged: int


class SentDetails(SentOut):
    """The same, with everybody who was told."""

    receipts: list[ReceiptOut]


class SentQuery(PageQuery):
    """Which tellings to list."""

    kind: Kind | None = None


def _clock(value: time) -> time:
    if value.tzinfo is not None or value.second or value.microsecond:
        raise ValueError("hours and minutes of the hospital's clocks, such as 22:00")
    return value


QuietTime = Annotated[time, AfterValidator(_clock)]
"""By the hospital's clocks."""


class PreferencesShape(Schema):
    """How the caller wants to be told. What is critical is always shown at once."""

    muted: Annotated[frozenset[Kind], Field(max_length=len(Kind))] = frozenset()
    """Kinds that only wait in the list."""
    quiet_from: QuietTime | None = None
    """What comes from then on is shown when the quiet hours end."""
    quiet_until: QuietTime | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] | None = None
    """ISO 639 code; pages and apps choose their words by it."""

    @model_validator(mode="after")
    def _both_or_none(self) -> "PreferencesShape":
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet_from and quiet_until go together")
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise ValueError("quiet_until: another time than quiet_from")
        return self
