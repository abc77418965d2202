"""Tokens know the doctor whom the patient waits for; indexes for a doctor's own list.

Revision ID: 0036
Revises: 0035
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

UNFINISHED = "state IN ('waiting', 'called', 'serving', 'on_hold', 'no_show')"

STATEMENTS = (
    "ALTER TABLE opd_token ADD COLUMN doctor_id uuid"
    " CONSTRAINT opd_token_doctor_id_fkey REFERENCES identity_user",
    "UPDATE opd_token SET doctor_id = a.doctor_id FROM opd_appointment a WHERE a.token_id = opd_token.id",
    f"CREATE INDEX opd_token_doctor_idx ON opd_token (doctor_id) WHERE {UNFINISHED}",
    "CREATE INDEX opd_appointment_doctor_day_idx ON opd_appointment (doctor_id, day)"
    " WHERE state IN ('booked', 'arrived')",
)


def upgrade() -> None:
    """Numbers that were given for appointments are their doctor's."""
    for statement in STATEMENTS:
        op.execute(statement)
