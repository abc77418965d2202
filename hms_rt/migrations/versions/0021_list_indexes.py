"""Indexes for filters whose plans grew with the data; found by ``python -m bench.decade``.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    "CREATE INDEX pharmacy_prescription_state_idx ON pharmacy_prescription (state, id)",
    "CREATE INDEX lab_order_priority_idx ON lab_order (priority, id)",
    "CREATE INDEX lab_order_place_priority_idx ON lab_order (place, priority, id)",
    "CREATE INDEX lab_test_code_idx ON lab_test (code, order_id)",
)


def upgrade() -> None:
    """Make the indexes."""
    for statement in STATEMENTS:
        op.execute(statement)
