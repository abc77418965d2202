"""Service accounts on the wire."""

import uuid
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from hms_rt.departments.reporting.model.account import checked_network
from hms_rt.kernel.schema import Moment, Name, Reason, Schema


def _distinct(items: list[str]) -> list[str]:
    if len(set(items)) != len(items):
        raise ValueError("must not name anything twice")
    return items


ScopeName = Annotated[
    str, StringConstraints(pattern=r"^[a-z_]{1,40}(/[a-z_]{1,40}(:[A-Za-z0-9_-]{1,40})?)?$", max_length=120)
]
"""A department (``beds``), a kind of stream (``beds/ward``) or one stream (``beds/ward:ICU``)."""

Scopes = Annotated[
    list[ScopeName],
    Field(min_length=1, max_length=50, examples=[["beds", "opd/clinic:GEN"]]),
    AfterValidator(_distinct),
]
Network = Annotated[str, StringConstraints(max_length=60), AfterValidator(checked_network)]
Networks = Annotated[
    list[Network], Field(max_length=20, examples=[["10.20.0.5/32"]]), AfterValidator(_distinct)
]


class AccountNew(Schema):
    """An external server that is to read."""

    name: Name
    purpose: Reason
    """What it reads for; kept in the audit trail."""
    streams: Scopes
    """What it may read."""
    identified: bool = False
    """Patients by name and number instead of pseudonyms, where the streams name them."""
    networks: Networks = Field(default=[])
    """From where it may come: addresses or networks; empty for anywhere."""
    expires_at: Moment | None = None
    """When it ends by itself; a year from now if nothing is said, two years at most."""


class AccountUpdate(Schema):
    """What to change; what is absent stays."""

    name: Name | None = None
    purpose: Reason | None = None
    streams: Scopes | None = None
    identified: bool | None = None
    networks: Networks | None = None
    expires_at: Moment | None = None


class SecretOut(Schema):
    """A secret that works, without what is secret about it."""

    id: uuid.UUID
    created_at: Moment


class SecretNamed(Schema):
    """Which secret is meant."""

    secret_id: uuid.UUID


class AccountOut(Schema):
    """A service account."""

    id: uuid.UUID
    name: str
    purpose: str
    streams: list[str]
    identified: bool
    networks: list[str]
    secrets: list[SecretOut]
    """Those that work, older ones first; two while one follows the other."""
    expires_at: Moment
    revoked_at: Moment | None
    last_used_at: Moment | None
    """To the minute."""
    last_used_from: str | None
    version: int
    created_by: uuid.UUID
    created_at: Moment


class AccountToken(Schema):
    """An account with a new secret; it is shown this once, only a digest is stored."""

    account: AccountOut
    secret_id: uuid.UUID
    token: str = Field(examples=["hmsrt_2RkK…"])
    """Send it as ``Authorization: Bearer …``."""


class SecretIssued(Schema):
    """What is remembered of a command that made a secret: not the secret."""

    account: AccountOut
    secret_id: uuid.UUID


class AccountCursor(Schema):
    """Sort key of the list of accounts."""

    id: uuid.UUID
