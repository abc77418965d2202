"""Copies of a patient's name know whether the patient is restricted.

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

TABLES = ("opd_token", "opd_appointment", "lab_order", "pharmacy_prescription", "ipd_medication")


def upgrade() -> None:
    """Add the flag, as patients have it now."""
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN restricted boolean NOT NULL DEFAULT false")
        op.execute(
            f"UPDATE {table} SET restricted = true FROM patients_patient p"  # noqa: S608 - names from above
            f" WHERE p.id = {table}.patient_id AND p.restricted"
        )
