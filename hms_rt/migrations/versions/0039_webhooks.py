"""Reporting: webhooks, each with a place in the feed and at most one delivery under way, and dead letters.

Revision ID: 0039
Revises: 0038
"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    CREATE TABLE reporting_webhook (
        id uuid PRIMARY KEY,
        account_id uuid NOT NULL CONSTRAINT reporting_webhook_account_id_fkey REFERENCES reporting_account,
        url text NOT NULL CONSTRAINT reporting_webhook_url_check CHECK (
            length(url) <= 2000 AND url ~ '^https?://'),
        streams text[] NOT NULL
            CONSTRAINT reporting_webhook_streams_check CHECK (cardinality(streams) <= 50),
        causes text[] NOT NULL CONSTRAINT reporting_webhook_causes_check CHECK (cardinality(causes) <= 50),
        state text NOT NULL CONSTRAINT reporting_webhook_state_check CHECK (
            state IN ('active', 'paused', 'dead', 'removed')),
        secret bytea NOT NULL CONSTRAINT reporting_webhook_secret_check CHECK (octet_length(secret) = 32),
        secret_number integer NOT NULL,
        previous_secret bytea
            CONSTRAINT reporting_webhook_previous_secret_check CHECK (octet_length(previous_secret) = 32),
        previous_until timestamptz,
        cursor jsonb NOT NULL,
        pending jsonb,
        attempts integer NOT NULL CONSTRAINT reporting_webhook_attempts_check CHECK (attempts >= 0),
        next_at timestamptz NOT NULL,
        ping_id uuid,
        last_attempt_at timestamptz,
        last_delivered_at timestamptz,
        last_status integer,
        last_error text,
        version integer NOT NULL,
        created_by uuid NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT reporting_webhook_previous_check CHECK (
            (previous_secret IS NULL) = (previous_until IS NULL)),
        CONSTRAINT reporting_webhook_dead_check CHECK (state <> 'dead' OR pending IS NOT NULL)
    )
    """,
    "CREATE INDEX reporting_webhook_account_id_idx ON reporting_webhook (account_id)",
    "CREATE INDEX reporting_webhook_next_at_idx ON reporting_webhook (next_at) WHERE state = 'active'",
    """
    CREATE TRIGGER removed_is_final BEFORE UPDATE ON reporting_webhook FOR EACH ROW
        WHEN (OLD.state = 'removed') EXECUTE FUNCTION hms_revoked_is_final()
    """,
    """
    CREATE TABLE reporting_dead_letter (
        id uuid PRIMARY KEY,
        webhook_id uuid NOT NULL
            CONSTRAINT reporting_dead_letter_webhook_id_fkey REFERENCES reporting_webhook,
        delivery_id uuid NOT NULL,
        kind text NOT NULL,
        attempts integer NOT NULL,
        status integer,
        error text NOT NULL,
        failed_at timestamptz NOT NULL,
        outcome text CONSTRAINT reporting_dead_letter_outcome_check CHECK (
            outcome IN ('retried', 'discarded')),
        reason text,
        settled_by uuid,
        settled_at timestamptz,
        CONSTRAINT reporting_dead_letter_settled_check CHECK (
            (outcome IS NULL) = (settled_at IS NULL) AND (outcome IS NULL) = (settled_by IS NULL))
    )
    """,
    # A webhook stands still at what it could not deliver: there is never a second one behind it.
    """
    CREATE UNIQUE INDEX reporting_dead_letter_webhook_id_key ON reporting_dead_letter (webhook_id)
        WHERE outcome IS NULL
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
