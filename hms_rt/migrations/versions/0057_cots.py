"""Inpatients: a cot is for a child.

Revision ID: 0057
Revises: 0056
"""

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Under two years: older children climb out, adults do not fit. Of whom nobody knows the age, a bed is the
    # safe place, unless born here.
    """
    CREATE FUNCTION ipd_check_cot() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM beds_bed WHERE id = NEW.bed_id AND kind = 'cot')
            AND NOT EXISTS (SELECT FROM patients_patient WHERE id = NEW.patient_id
                AND birth_date > (NEW.started_at - interval '2 years')::date)
            AND NOT EXISTS (SELECT FROM ipd_birth b JOIN patients_patient p ON p.id = b.child_id
                WHERE b.child_id = NEW.patient_id AND p.birth_date IS NULL) THEN
            RAISE EXCEPTION 'patient % is too old for a cot', NEW.patient_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_cot_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER fits_cot AFTER INSERT OR UPDATE OF bed_id ON ipd_stay
        FOR EACH ROW EXECUTE FUNCTION ipd_check_cot()
    """,
)


def upgrade() -> None:
    """Make the trigger."""
    for statement in STATEMENTS:
        op.execute(statement)
