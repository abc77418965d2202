"""Service accounts: external servers, each with scopes, at most two secrets at a time, and an end."""

import ipaddress
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hms_rt.departments.reporting.model.scopes import IDENTIFIED
from hms_rt.kernel.errors import Code, HmsError, conflict
from hms_rt.kernel.principal import Principal, PrincipalKind

LIFETIME = timedelta(days=365)
"""Of an account for which nothing else was said."""
LONGEST = timedelta(days=730)
"""From today; who needs it longer says so again in time."""
SLOTS = (1, 2)
"""Two secrets work while one follows the other on the reading server."""
PSEUDONYM_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Account:
    """An external server. ``pseudonym_key`` makes the pseudonyms that it, and only it, gets."""

    id: uuid.UUID
    name: str
    purpose: str
    scopes: tuple[str, ...]
    identified: bool
    networks: tuple[str, ...]
    pseudonym_key: bytes
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None
    read_to: Mapping[str, Any] | None
    last_read_at: datetime | None
    version: int
    created_by: uuid.UUID
    created_at: datetime

    def works(self, now: datetime) -> bool:
        """True until it is revoked or its time is over."""
        return self.revoked_at is None and now < self.expires_at

    def check_not_revoked(self) -> None:
        """Raises ``conflict`` for a revoked account; revoking is final."""
        if self.revoked_at is not None:
            raise conflict("the account was revoked: make a new one")

    def allows(self, address: str) -> bool:
        """True if it may be used from ``address``; without networks from anywhere."""
        if not self.networks:
            return True
        try:
            there = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(there in ipaddress.ip_network(network) for network in self.networks)

    def principal(self, secret_id: uuid.UUID) -> Principal:
        """Who acts with one of its secrets."""
        return Principal(
            kind=PrincipalKind.SERVICE,
            id=self.id,
            session_id=secret_id,
            name=self.name,
            until=self.expires_at,
            scopes=frozenset({*self.scopes, *((IDENTIFIED,) if self.identified else ())}),
        )


@dataclass(frozen=True, slots=True)
class Secret:
    """What proves to be the account; only the SHA-256 digest of it is kept."""

    id: uuid.UUID
    account_id: uuid.UUID
    slot: int
    digest: bytes
    created_at: datetime
    revoked_at: datetime | None


def checked_network(text: str) -> str:
    """An address or network in its one form; raises ``ValueError``."""
    return str(ipaddress.ip_network(text.strip()))


def check_end(expires_at: datetime, now: datetime) -> None:
    """Raises ``invalid`` for an end that is past or too far away."""
    if not now < expires_at <= now + LONGEST:
        raise HmsError(Code.INVALID, f"expires_at: within {LONGEST.days} days from now")


def free_slot(secrets: list[Secret]) -> int:
    """Where the next secret goes; raises ``conflict`` while two work."""
    taken = {secret.slot for secret in secrets if secret.revoked_at is None}
    for slot in SLOTS:
        if slot not in taken:
            return slot
    raise conflict("two secrets work already: revoke the old one first")
