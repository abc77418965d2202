"""Webhooks on the wire."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from hms_rt.departments.reporting.model.webhook import DeliveryKind, WebhookState
from hms_rt.departments.reporting.schemas.accounts import ScopeName
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.paging import PageQuery
from hms_rt.kernel.schema import Moment, Reason, Schema


def _plain(text: str) -> str:
    if not text.isascii() or any(c <= " " or c == "\x7f" for c in text):
        raise ValueError("must be written in visible ASCII characters")
    return text


Url = Annotated[
    str,
    StringConstraints(max_length=2000, pattern=r"^https?://"),
    AfterValidator(_plain),
    Field(examples=["https://reports.hospital.lan/hms"]),
]
Streams = Annotated[list[ScopeName], Field(max_length=50, examples=[["opd/clinic:GEN"]])]
Causes = Annotated[list[Cause], Field(max_length=50, examples=[["occupied", "left"]])]


class WebhookNew(Schema):
    """Where changes are to be sent."""

    account_id: uuid.UUID
    """The service account whose scopes say what is sent, and how patients are called."""
    url: Url
    streams: Streams = Field(default=[])
    """A part of the account's scopes; all of them if nothing is said."""
    causes: Causes = Field(default=[])
    """Only changes with these causes; all of them if nothing is said."""


class WebhookUpdate(Schema):
    """What to change; what is absent stays."""

    url: Url | None = None
    streams: Streams | None = None
    causes: Causes | None = None


class WebhookOut(Schema):
    """A webhook, and how it fares."""

    id: uuid.UUID
    account_id: uuid.UUID
    url: str
    streams: list[str]
    causes: list[Cause]
    state: WebhookState
    pending_since: Moment | None
    """Since when a delivery is under way; null if everything was taken."""
    attempts: int
    """Of this delivery, that failed."""
    next_at: Moment
    """When it is tried next, if it is active."""
    last_attempt_at: Moment | None
    last_delivered_at: Moment | None
    last_status: int | None
    """The HTTP status of the last attempt; null if none came."""
    last_error: str | None
    both_secrets_until: Moment | None
    """Until when the secret before still signs beside the current one."""
    version: int
    created_by: uuid.UUID
    created_at: Moment


class WebhookSecret(Schema):
    """A webhook with a new secret, which is shown this once."""

    webhook: WebhookOut
    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    """The key of the signatures, as the Standard Webhooks specification writes it."""


class SecretNumbered(Schema):
    """What is remembered of a command that made a secret: not the secret."""

    webhook: WebhookOut
    number: int


class WebhookQuery(PageQuery):
    """Which webhooks to list."""

    account_id: uuid.UUID | None = None


class WebhookCursor(Schema):
    """Sort key of the list of webhooks, and of dead letters."""

    id: uuid.UUID


class LetterQuery(PageQuery):
    """Which dead letters to list."""

    all: bool = False
    """Also those that somebody has settled."""


class LetterOut(Schema):
    """A delivery that failed for good. Its webhook stands still until somebody decides."""

    id: uuid.UUID
    webhook_id: uuid.UUID
    delivery_id: uuid.UUID
    """The ``webhook-id`` that the receiver saw, if it saw anything."""
    kind: DeliveryKind
    attempts: int
    status: int | None
    error: str
    failed_at: Moment
    outcome: str | None
    """``retried`` or ``discarded``; null while it is open."""
    reason: str | None
    settled_by: uuid.UUID | None
    settled_at: Moment | None


class DiscardIn(Schema):
    """Why a delivery is passed over."""

    reason: Reason
