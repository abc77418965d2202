"""Titles of notifications as phrases, put into words in the language of whoever reads.

Revision ID: 0046
Revises: 0045
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was told before keeps its text."""
    for table in ("notifications_notification", "notifications_batch"):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN phrase text, ADD COLUMN slots jsonb,"
            f" ADD CONSTRAINT {table}_phrase_check CHECK ((phrase IS NULL) = (slots IS NULL))"
        )
    op.execute("ALTER TABLE notifications_notification ADD COLUMN language text NOT NULL DEFAULT 'en'")
