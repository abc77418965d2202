"""Reporting: how far a service account has read.

Revision ID: 0055
Revises: 0054
"""

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    ALTER TABLE reporting_account ADD COLUMN read_to jsonb, ADD COLUMN last_read_at timestamptz,
        ADD CONSTRAINT reporting_account_read_check CHECK ((read_to IS NULL) = (last_read_at IS NULL))
    """,
)


def upgrade() -> None:
    """Add the place."""
    for statement in STATEMENTS:
        op.execute(statement)
