"""Audit: the chain of seals, and indexes for reading the trail.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    CREATE TABLE audit_seal (
        id bigint PRIMARY KEY,
        at timestamptz NOT NULL,
        first_id bigint NOT NULL CONSTRAINT audit_seal_first_id_check CHECK (first_id = lower(ids)),
        last_id bigint NOT NULL CONSTRAINT audit_seal_last_id_check CHECK (last_id = upper(ids) - 1),
        rows bigint NOT NULL CONSTRAINT audit_seal_rows_check CHECK (rows > 0),
        ids int8multirange NOT NULL,
        horizon bigint NOT NULL,
        settled bigint NOT NULL,
        digest bytea NOT NULL CONSTRAINT audit_seal_digest_check CHECK (octet_length(digest) = 32)
    )
    """,
    "CREATE INDEX audit_seal_last_id_idx ON audit_seal (last_id, first_id)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON audit_seal FROM PUBLIC, CURRENT_USER",
    "CREATE INDEX audit_log_at_idx ON audit_log (at)",
)


def upgrade() -> None:
    """Make the table of seals."""
    for statement in STATEMENTS:
        op.execute(statement)
