"""The rules of accounts, sessions and screens; pure, they decide or raise."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hms_rt.kernel.errors import Code, HmsError, conflict, forbidden
from hms_rt.kernel.principal import Assignment, AssignmentKind, Principal, PrincipalKind, Role

SESSION_LIFETIME = timedelta(hours=12)
"""A shift and its handover; after that everybody signs in again, whatever they refreshed."""

REPEAT_GRACE = timedelta(seconds=10)
"""How long a replaced refresh token is forgiven: two tabs, or a lost answer."""

LINK_LIFETIME = timedelta(hours=24)
"""How long an enrolment link waits for its screen."""

NEEDS_PLACE = frozenset(
    {AssignmentKind.WARD, AssignmentKind.CLINIC, AssignmentKind.COUNTER, AssignmentKind.CHARGE_NURSE}
)
NEVER_A_PLACE = frozenset({AssignmentKind.PRIVACY_OFFICER})


class Ended(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    EXPIRED = "expired"
    REUSED = "refresh_token_reused"
    PASSWORD = "password_changed"  # noqa: S105 - a reason, not a password
    DEACTIVATED = "deactivated"


class RefreshOutcome(StrEnum):
    """What presenting a refresh token leads to."""

    ROTATE = "rotate"  # the current one: replace it
    REPEAT = "repeat"  # just replaced: hand out the same successor again
    REUSED = "reused"  # replaced long ago, or forged: somebody else may hold a copy
    ENDED = "ended"  # the session is over


@dataclass(frozen=True, slots=True)
class User:
    """An account. ``rights_version`` rises with every change of what the user may do."""

    id: uuid.UUID
    username: str
    display_name: str
    password_hash: str
    roles: frozenset[Role]
    assignments: frozenset[Assignment]
    active: bool
    rights_version: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. Digests are SHA-256 of the current refresh token and of the one before."""

    id: uuid.UUID
    user_id: uuid.UUID
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    refresh_digest: bytes
    previous_digest: bytes | None

    def present(self, digest: bytes, now: datetime) -> RefreshOutcome:
        """Decide about a refresh token with this ``digest``."""
        if self.ended_at is not None or self.expires_at <= now:
            return RefreshOutcome.ENDED
        if digest == self.refresh_digest:
            return RefreshOutcome.ROTATE
        if digest == self.previous_digest and now - self.refreshed_at <= REPEAT_GRACE:
            return RefreshOutcome.REPEAT
        return RefreshOutcome.REUSED


@dataclass(frozen=True, slots=True)
class Device:
    """An unattended screen, bound to rooms. ``session_id`` is its enrolment; None until enrolled."""

    id: uuid.UUID
    name: str
    rooms: tuple[str, ...]
    link_digest: bytes | None
    link_expires_at: datetime | None
    session_id: uuid.UUID | None
    enrolled_at: datetime | None
    revoked_at: datetime | None
    rights_version: int
    version: int
    created_at: datetime

    def check_enrollable(self, now: datetime) -> None:
        """Raises ``unauthenticated`` when the link is spent, too old, or the screen was revoked."""
        open_until = self.link_expires_at
        if self.revoked_at is not None or self.link_digest is None or open_until is None or open_until <= now:
            raise spent_link()

    def check_not_revoked(self) -> None:
        """Raises ``conflict`` for a revoked screen; revoking is final."""
        if self.revoked_at is not None:
            raise conflict("the screen was revoked: set up a new one")


def spent_link() -> HmsError:
    """One answer for every link that does not work, so that guessing teaches nothing."""
    return HmsError(Code.UNAUTHENTICATED, "this link was used, has expired or never was: ask for a new one")


def check_not_self(principal: Principal, user_id: uuid.UUID) -> None:
    """Nobody gives rights to themselves or takes them away, an administrator neither."""
    if principal.kind is PrincipalKind.USER and principal.id == user_id:
        raise forbidden("rights are given by another administrator, never to oneself")


def check_assignment(kind: AssignmentKind, place: str) -> None:
    """Raises ``invalid`` when the place is missing, or given where none is meant."""
    if kind in NEEDS_PLACE and not place:
        raise HmsError(Code.INVALID, f"place: {kind} needs the code of a place")
    if kind in NEVER_A_PLACE and place:
        raise HmsError(Code.INVALID, f"place: {kind} is not tied to a place")


def screen_path(rooms: tuple[str, ...]) -> str:
    """The page that shows the first of a device's rooms."""
    namespace, _, room = rooms[0].partition(" ")
    subject, _, code = room.partition(":")
    if (namespace, subject) == ("/beds", "ward"):
        return f"/screens/ward/{code}"
    if (namespace, subject) == ("/opd", "clinic"):
        return f"/screens/opd/{code}"
    if (namespace, subject) == ("/pharmacy", "dispensary"):
        return f"/screens/dispensary/{code}"
    if (namespace, subject) == ("/billing", "cashier"):
        return f"/screens/cashier/{code}"
    return f"/screens/{room}"
