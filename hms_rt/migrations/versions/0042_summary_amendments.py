"""Discharge summaries say why they were amended.

Revision ID: 0042
Revises: 0041
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only a later version amends."""
    op.execute(
        """
        ALTER TABLE ipd_summary
            ADD COLUMN amended_because text,
            ADD CONSTRAINT ipd_summary_amended_check CHECK (number > 1 OR amended_because IS NULL)
        """
    )
