"""Tables of reporting. The SQL that makes them is in ``migrations/versions/0033_reporting.py``."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hms_rt.storage.metadata import Moment, metadata

account = sa.Table(
    "reporting_account",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    sa.Column("identified", sa.Boolean, nullable=False),
    sa.Column("networks", ARRAY(sa.Text), nullable=False),
    sa.Column("pseudonym_key", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    sa.Column("last_used_at", Moment),
    sa.Column("last_used_from", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Uuid, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)
"""External servers. A name is unique among those that are not revoked; revoked rows never change again."""

secret = sa.Table(
    "reporting_secret",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("reporting_account.id"), nullable=False),
    sa.Column("slot", sa.SmallInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
)
"""Digests of their secrets; at most two of an account work at a time."""
