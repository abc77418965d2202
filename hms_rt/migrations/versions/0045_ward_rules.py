"""Nobody who has died is awaited on a ward; what is cancelled is told as given only if it may have been.

Revision ID: 0045
Revises: 0044
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Whoever records a death and whoever asks for an admission lock the patient, so that of two at once the
    # later sees the earlier. A merge moves rows of the dead and the living together: it is left alone.
    """
    CREATE FUNCTION ipd_check_living() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
        died timestamptz;
    BEGIN
        IF TG_TABLE_NAME = 'ipd_admission' THEN
            wanted := NEW.patient_id;
        ELSE
            wanted := NEW.id;
        END IF;
        SELECT died_at INTO died FROM patients_patient WHERE id = wanted FOR SHARE;
        IF died IS NOT NULL AND EXISTS (SELECT FROM ipd_admission
                             WHERE patient_id = wanted AND state IN ('requested', 'accepted')) THEN
            RAISE EXCEPTION 'patient % has died and is awaited on a ward', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_admission_living_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER living AFTER INSERT OR UPDATE OF state ON ipd_admission
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state IN ('requested', 'accepted'))
        EXECUTE FUNCTION ipd_check_living()
    """,
    """
    CREATE CONSTRAINT TRIGGER admissions AFTER UPDATE OF died_at ON patients_patient
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.died_at IS NOT NULL)
        EXECUTE FUNCTION ipd_check_living()
    """,
    # A dose that was cancelled is told as given only while its medicine is held or stopped, or the patient
    # has left: it was given before, which the rule of entries checks.
    """
    CREATE FUNCTION ipd_check_late_dose() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM ipd_medication m JOIN ipd_admission a ON a.id = m.admission_id
                       WHERE m.line_id = NEW.line_id
                         AND (m.ceased_at IS NOT NULL OR a.discharged_at IS NOT NULL)) THEN
            RAISE EXCEPTION 'dose % is cancelled and cannot become %', NEW.id, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_dose_late_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER late BEFORE UPDATE OF state ON ipd_dose
        FOR EACH ROW WHEN (OLD.state = 'cancelled' AND NEW.state IN ('given', 'partially_given'))
        EXECUTE FUNCTION ipd_check_late_dose()
    """,
)


def upgrade() -> None:
    """Let the database hold it."""
    for statement in STATEMENTS:
        op.execute(statement)
