"""Tables of reporting. The SQL that makes them is in ``migrations/versions/*_reporting.py`` and
``*_webhooks.py``."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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
    sa.Column("read_to", JSONB(none_as_null=True)),
    sa.Column("last_read_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Uuid, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)
"""External servers. A name is unique among those that are not revoked; revoked rows never change again.
``read_to`` is the cursor of the last page that showed something."""

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

webhook = sa.Table(
    "reporting_webhook",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.ForeignKey("reporting_account.id"), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("streams", ARRAY(sa.Text), nullable=False),
    sa.Column("causes", ARRAY(sa.Text), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("secret_number", sa.Integer, nullable=False),
    sa.Column("previous_secret", sa.LargeBinary),
    sa.Column("previous_until", Moment),
    sa.Column("cursor", JSONB, nullable=False),
    sa.Column("pending", JSONB(none_as_null=True)),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", Moment, nullable=False),
    sa.Column("ping_id", sa.Uuid),
    sa.Column("last_attempt_at", Moment),
    sa.Column("last_delivered_at", Moment),
    sa.Column("last_status", sa.Integer),
    sa.Column("last_error", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Uuid, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)
"""Where changes are sent: ``cursor`` is how far, ``pending`` the delivery under way, which stays the same
until it arrives. Receivers must be able to check what is signed, so the secret itself is kept."""

dead_letter = sa.Table(
    "reporting_dead_letter",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("webhook_id", sa.ForeignKey("reporting_webhook.id"), nullable=False),
    sa.Column("delivery_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("failed_at", Moment, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("settled_by", sa.Uuid),
    sa.Column("settled_at", Moment),
)
"""Deliveries that failed for good, at most one open of a webhook, and what became of them."""
