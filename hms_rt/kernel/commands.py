"""What travels with a request to change something, whichever door it came through."""

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from hms_rt.kernel.errors import Code, HmsError, stale_version

LATE_ENTRY_SKEW = timedelta(minutes=5)
"""How far ahead of the server's clock an ``occurred_at`` may lie (clocks of ward computers drift)."""

ANSWERED_BEFORE: ContextVar[bool] = ContextVar("ANSWERED_BEFORE", default=False)
"""True once a command of this request was answered from its idempotency key, without running again."""


@dataclass(frozen=True, slots=True)
class Command:
    """The envelope of one command.

    ``name`` is the service method, such as ``beds.change_status``. ``key`` is the idempotency key (None:
    the caller does not retry). ``fingerprint`` is the SHA-256 of the canonical target and body: the same
    key with another fingerprint is refused. ``expected_version`` is the row version that the caller read
    (If-Match, or ``expected_version`` on a socket). ``request_id`` and ``address`` go to the audit trail.
    """

    name: str
    request_id: str
    key: str | None = None
    fingerprint: bytes = b""
    expected_version: int | None = None
    address: str = ""

    def check_version(self, current: int) -> None:
        """Refuse a stale edit; a missing expectation passes (doors that require one refuse earlier)."""
        if self.expected_version is not None and self.expected_version != current:
            raise stale_version(current)

    def require_version(self, current: int) -> None:
        """Refuse an edit that does not say what it read, or that read something older."""
        if self.expected_version is None:
            raise HmsError(Code.VERSION_REQUIRED, "send the version you read (If-Match or expected_version)")
        self.check_version(current)


def fingerprint(*parts: bytes) -> bytes:
    """SHA-256 over length-prefixed parts (so that no two lists of parts collide)."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def occurred(at: datetime | None, now: datetime, *, after: datetime | None = None) -> datetime:
    """When it happened: ``at`` for a late entry, else ``now``; never in the future.

    ``after`` is when the thing's last step happened. Who tells no time is not refused for a clock: where one
    was set back, or is behind that of the server which took the last step, now is not before that step.
    """
    if at is None:
        return now if after is None else max(now, after)
    if at > now + LATE_ENTRY_SKEW:
        raise HmsError(Code.INVALID, "occurred_at lies in the future")
    return min(at, now)
