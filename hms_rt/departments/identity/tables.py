"""Tables of identity. The SQL that makes them is in ``migrations/versions/0002_identity.py``."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from hms_rt.storage.metadata import Moment, metadata

identity_user = Table(
    "identity_user",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("rights_version", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
"""Accounts. Usernames are stored in lower case, so that uniqueness ignores case."""

identity_assignment = Table(
    "identity_assignment",
    metadata,
    Column("user_id", Uuid, ForeignKey("identity_user.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("given_by", Uuid, nullable=False),
    Column("given_at", Moment, nullable=False),
)
"""What administrators gave users beyond their roles; ``place`` is empty where none is meant."""

identity_session = Table(
    "identity_session",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("identity_user.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("refreshed_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("ended_why", Text),
    Column("refresh_digest", LargeBinary, nullable=False),
    Column("previous_digest", LargeBinary),
)
"""Sign-ins; ended ones stay, because the audit trail names them."""

identity_device = Table(
    "identity_device",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("rooms", ARRAY(Text), nullable=False),
    Column("link_digest", LargeBinary, unique=True),
    Column("link_expires_at", Moment),
    Column("session_id", Uuid, unique=True),
    Column("enrolled_at", Moment),
    Column("revoked_at", Moment),
    Column("rights_version", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""Unattended screens. A name is unique among those that are not revoked."""
