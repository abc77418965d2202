"""Rules of the medication administration record that only the program held.

Revision ID: 0037
Revises: 0036
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE ipd_medication ADD COLUMN ceased_at timestamptz",
    """
    UPDATE ipd_medication SET ceased_at = CASE state WHEN 'ended' THEN ends_at ELSE now() END
    WHERE state <> 'in_force'
    """,
    """
    ALTER TABLE ipd_medication ADD CONSTRAINT ipd_medication_ceased_check CHECK
        ((state = 'in_force') = (ceased_at IS NULL))
    """,
    # What is on hold or stopped is not given, nor is anything to who has left: at that moment, whenever it is
    # told. Both rows are locked, so that a stop and a dose at once see each other.
    """
    CREATE FUNCTION ipd_check_in_force() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        ceased timestamptz;
        discharged timestamptz;
    BEGIN
        SELECT m.ceased_at, a.discharged_at INTO ceased, discharged
        FROM ipd_medication m JOIN ipd_admission a ON a.id = m.admission_id
        WHERE m.line_id = NEW.line_id FOR SHARE OF m, a;
        IF NEW.occurred_at >= ceased OR NEW.occurred_at > discharged THEN
            RAISE EXCEPTION 'medicine of line % was not to be given at that moment', NEW.line_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_administration_in_force_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER in_force AFTER INSERT ON ipd_administration
        FOR EACH ROW WHEN (NEW.amount IS NOT NULL) EXECUTE FUNCTION ipd_check_in_force()
    """,
    """
    CREATE FUNCTION ipd_check_ceased() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM ipd_administration a WHERE a.line_id = NEW.line_id AND a.error_at IS NULL
                   AND a.amount IS NOT NULL AND a.occurred_at >= NEW.ceased_at) THEN
            RAISE EXCEPTION 'medicine of line % was given after that moment', NEW.line_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_medication_given_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ceased AFTER UPDATE OF ceased_at ON ipd_medication
        FOR EACH ROW WHEN (NEW.ceased_at IS DISTINCT FROM OLD.ceased_at) EXECUTE FUNCTION ipd_check_ceased()
    """,
    # A dose moves as the program's table of moves says.
    """
    CREATE FUNCTION ipd_check_dose_move() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT (CASE OLD.state
            WHEN 'due' THEN true
            WHEN 'overdue' THEN NEW.state <> 'due'
            WHEN 'cancelled' THEN NEW.state NOT IN ('refused', 'withheld')
            ELSE NEW.state IN ('due', 'overdue', 'cancelled') END) THEN
            RAISE EXCEPTION 'a dose that is % cannot become %', OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_dose_move_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER legal_move BEFORE UPDATE OF state ON ipd_dose
        FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION ipd_check_dose_move()
    """,
    # A dose says what became of it exactly as its entry does, unless that is retracted.
    """
    CREATE FUNCTION ipd_check_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
    BEGIN
        IF TG_TABLE_NAME = 'ipd_dose' THEN
            wanted := NEW.id;
        ELSE
            wanted := NEW.dose_id;
        END IF;
        IF EXISTS (SELECT FROM ipd_dose d WHERE d.id = wanted
                   AND CASE WHEN d.state NOT IN ('due', 'overdue', 'cancelled') THEN d.state END
                   IS DISTINCT FROM (SELECT a.outcome FROM ipd_administration a
                                     WHERE a.dose_id = d.id AND a.error_at IS NULL)) THEN
            RAISE EXCEPTION 'dose % and what was recorded of it disagree', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_dose_outcome_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER outcome AFTER INSERT OR UPDATE OF state ON ipd_dose
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_outcome()
    """,
    """
    CREATE CONSTRAINT TRIGGER outcome AFTER INSERT OR UPDATE OF error_at ON ipd_administration
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.dose_id IS NOT NULL)
        EXECUTE FUNCTION ipd_check_outcome()
    """,
)


def upgrade() -> None:
    """Let the database hold them."""
    for statement in STATEMENTS:
        op.execute(statement)
