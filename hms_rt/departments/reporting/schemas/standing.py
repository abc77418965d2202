"""How far external servers have read, for whoever watches the installation."""

import uuid
from enum import StrEnum

from pydantic import ConfigDict

from hms_rt.kernel.schema import Moment, Schema


class ReaderKind(StrEnum):
    """How changes reach an external server."""

    FEED = "feed"
    WEBHOOK = "webhook"


class ReaderStatus(Schema):
    """A service account that reads the feed, or one of its webhooks."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: ReaderKind
    id: uuid.UUID
    """Of the account or the webhook."""
    name: str
    """Of the account."""
    state: str
    """`active`, `expired`; of a webhook also `paused` and `dead`; `start_over` when its place is gone."""
    last_read_at: Moment | None
    """When it last got changes; of a webhook, when it last took a message."""
    behind: int
    """Versions of its streams that it has not got yet, 1,000 at most, and as far as the next 5,000 versions
    of all streams tell."""
    lag_s: float
    """Age of the oldest of them; 0 when it has everything."""
    dead_letters: int
    """Messages of a webhook that wait for an administrator."""
