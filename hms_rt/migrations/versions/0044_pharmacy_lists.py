"""Pharmacy: lists of write-offs by state and by store, however many were decided before.

Revision ID: 0044
Revises: 0043
"""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.execute("CREATE INDEX pharmacy_write_off_state_idx ON pharmacy_write_off (state, id)")
    op.execute("CREATE INDEX pharmacy_write_off_store_idx ON pharmacy_write_off (store, id)")
