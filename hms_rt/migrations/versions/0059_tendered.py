"""Billing: what was handed over in cash; who owes is found without what was paid.

Revision ID: 0059
Revises: 0058
"""

from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

STATEMENTS = (
    # The change is what is over: a receipt says both, a drawer holds neither.
    """
    ALTER TABLE billing_payment ADD COLUMN tendered numeric CONSTRAINT billing_payment_tendered_check
        CHECK (tendered IS NULL OR means = 'cash' AND tendered >= amount)
    """,
    """
    CREATE TRIGGER whole_units_tendered BEFORE INSERT OR UPDATE OF tendered ON billing_payment
        FOR EACH ROW EXECUTE FUNCTION billing_check_scale('tendered')
    """,
    # A credit note stays issued for ever: by state alone, a list of debtors would read every one there was.
    """
    CREATE INDEX billing_invoice_debt_idx ON billing_invoice (payer, patient_id)
        WHERE state IN ('issued', 'part_paid') AND credits IS NULL
    """,
)


def upgrade() -> None:
    """Add the column and the index."""
    for statement in STATEMENTS:
        op.execute(statement)
