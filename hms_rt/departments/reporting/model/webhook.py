"""Webhooks: where changes are sent, what happens when they do not arrive, and who decides then."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hms_rt.kernel.errors import illegal_move

MAX_ATTEMPTS = 20
"""Attempts of one delivery before it is a dead letter; with the pauses below after some eleven hours."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
BOTH_SECRETS = timedelta(hours=24)
"""How long the secret before still signs beside its successor."""


class WebhookState(StrEnum):
    """States of a webhook."""

    ACTIVE = "active"
    PAUSED = "paused"  # by an administrator; its place in the feed waits
    DEAD = "dead"  # stands at what it could not deliver
    REMOVED = "removed"


class WebhookMove(StrEnum):
    """What changes the state of a webhook."""

    PAUSE = "pause"
    RESUME = "resume"
    DIE = "die"
    REVIVE = "revive"  # what it could not deliver is tried again, or discarded
    REMOVE = "remove"


_S, _M = WebhookState, WebhookMove
MOVES: Mapping[WebhookState, Mapping[WebhookMove, WebhookState]] = {
    _S.ACTIVE: {_M.PAUSE: _S.PAUSED, _M.DIE: _S.DEAD, _M.REMOVE: _S.REMOVED},
    _S.PAUSED: {_M.RESUME: _S.ACTIVE, _M.REMOVE: _S.REMOVED},
    _S.DEAD: {_M.REVIVE: _S.ACTIVE, _M.REMOVE: _S.REMOVED},
    _S.REMOVED: {},
}
"""Legal moves."""


class DeliveryKind(StrEnum):
    """What is delivered: the ``type`` of the message."""

    CHANGES = "changes"
    START_OVER = "start_over"  # the feed is no longer what it was: ask for a snapshot
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Pending:
    """A delivery under way: up to where, as a cursor. It stays the same, however often it is tried."""

    id: uuid.UUID
    kind: DeliveryKind
    to: Mapping[str, Any]
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as its row holds it. Its moves raise ``illegal_move``."""

    id: uuid.UUID
    account_id: uuid.UUID
    url: str
    streams: tuple[str, ...]
    causes: tuple[str, ...]
    state: WebhookState
    secret: bytes
    secret_number: int
    previous_secret: bytes | None
    previous_until: datetime | None
    cursor: Mapping[str, Any]
    pending: Pending | None
    attempts: int
    next_at: datetime
    ping_id: uuid.UUID | None
    last_attempt_at: datetime | None
    last_delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    version: int
    created_by: uuid.UUID
    created_at: datetime

    def moved(self, move: WebhookMove) -> "Webhook":
        """After ``move``, if it is legal."""
        legal = MOVES[self.state]
        if move not in legal:
            raise illegal_move("the webhook", self.state.value, move.value, [one.value for one in legal])
        return replace(self, state=legal[move], version=self.version + 1)

    def with_secret(self, secret: bytes, now: datetime) -> "Webhook":
        """From now on ``secret`` signs; the one before beside it, for a day."""
        return replace(
            self,
            secret=secret,
            secret_number=self.secret_number + 1,
            previous_secret=self.secret,
            previous_until=now + BOTH_SECRETS,
            version=self.version + 1,
        )

    def signing(self, now: datetime) -> tuple[bytes, ...]:
        """The secrets that sign at this moment, the current one first."""
        if self.previous_secret is None or self.previous_until is None or self.previous_until <= now:
            return (self.secret,)
        return (self.secret, self.previous_secret)

    def arrived(self, now: datetime, status: int) -> "Webhook":
        """What was under way was taken: go on behind it."""
        if self.pending is None:
            raise ValueError("nothing is under way")
        return replace(
            self,
            cursor=self.pending.to,
            pending=None,
            attempts=0,
            next_at=now,
            last_attempt_at=now,
            last_delivered_at=now,
            last_status=status,
            last_error=None,
        )

    def failed(
        self, now: datetime, error: str, *, status: int | None, pause: timedelta, final: bool
    ) -> "Webhook":
        """It did not arrive; dead after the last attempt, or at once if that is ``final``."""
        attempts = self.attempts + 1
        after = replace(
            self,
            attempts=attempts,
            next_at=now + pause,
            last_attempt_at=now,
            last_status=status,
            last_error=error[:300],
        )
        over = final or attempts >= MAX_ATTEMPTS
        if over and self.state is WebhookState.ACTIVE and self.pending is not None:
            return after.moved(WebhookMove.DIE)
        return after

    def revived(self, now: datetime, *, skip: bool) -> "Webhook":
        """What it stood at is tried again at once, or ``skip``: passed over."""
        after = replace(self.moved(WebhookMove.REVIVE), attempts=0, next_at=now)
        if skip and self.pending is not None:
            return replace(after, cursor=self.pending.to, pending=None)
        return after


def pause_after(attempts: int, chance: float, asked: timedelta | None = None) -> timedelta:
    """How long to wait after so many failures: 5 s, doubled each time, an hour at most, of which ``chance``
    (0 to 1) takes away up to a half, so that not all come back at once. Longer, within that hour, if the
    receiver ``asked`` for it."""
    doubled: int = 2 ** min(max(attempts - 1, 0), 16)
    whole = min(FIRST_PAUSE * doubled, LONGEST_PAUSE)
    return max(whole * (1 - chance / 2), min(asked or timedelta(0), LONGEST_PAUSE))
