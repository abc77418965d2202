"""Inpatients: medication administration record: orders of a ward, doses, administrations, sums.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE ipd_medication (
        line_id uuid PRIMARY KEY CONSTRAINT ipd_medication_line_id_fkey REFERENCES pharmacy_line,
        prescription_id uuid NOT NULL,
        admission_id uuid NOT NULL CONSTRAINT ipd_medication_admission_id_fkey REFERENCES ipd_admission,
        patient_id uuid NOT NULL CONSTRAINT ipd_medication_patient_id_fkey REFERENCES patients_patient,
        patient_name text NOT NULL,
        mrn text NOT NULL,
        ward text,
        name text NOT NULL,
        controlled boolean NOT NULL,
        dose numeric NOT NULL CONSTRAINT ipd_medication_dose_check CHECK (dose > 0 AND scale(dose) <= 4),
        dose_unit text NOT NULL,
        route text NOT NULL,
        note text,
        frequency_kind text NOT NULL,
        times text[] NOT NULL,
        every_hours smallint,
        max_per_24h smallint,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        state text NOT NULL CONSTRAINT ipd_medication_state_check CHECK (
            state IN ('in_force', 'on_hold', 'ended')),
        planned_until timestamptz NOT NULL,
        CONSTRAINT ipd_medication_controlled_key UNIQUE (line_id, controlled)
    )
    """,
    "CREATE INDEX ipd_medication_patient_id_idx ON ipd_medication (patient_id)",
    "CREATE INDEX ipd_medication_prescription_id_idx ON ipd_medication (prescription_id)",
    "CREATE INDEX ipd_medication_admission_id_idx ON ipd_medication (admission_id, line_id)",
    """
    CREATE INDEX ipd_medication_to_plan_idx ON ipd_medication (planned_until)
        WHERE state = 'in_force' AND frequency_kind <> 'as_needed' AND ward IS NOT NULL
    """,
    """
    CREATE INDEX ipd_medication_as_needed_idx ON ipd_medication (ward)
        WHERE state = 'in_force' AND frequency_kind = 'as_needed'
    """,
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON ipd_medication
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
    """
    CREATE TABLE ipd_dose (
        id uuid PRIMARY KEY,
        line_id uuid NOT NULL CONSTRAINT ipd_dose_line_id_fkey REFERENCES ipd_medication,
        due_at timestamptz NOT NULL,
        ward text,
        state text NOT NULL CONSTRAINT ipd_dose_state_check CHECK (state IN ('due', 'overdue', 'given',
            'partially_given', 'refused', 'withheld', 'cancelled')),
        cancelled_for text CONSTRAINT ipd_dose_cancelled_for_check CHECK (
            cancelled_for IN ('hold', 'stop', 'departure')),
        version integer NOT NULL,
        CONSTRAINT ipd_dose_moment_key UNIQUE (line_id, due_at),
        CONSTRAINT ipd_dose_line_key UNIQUE (id, line_id),
        CONSTRAINT ipd_dose_cancelled_check CHECK ((state = 'cancelled') = (cancelled_for IS NOT NULL))
    )
    """,
    "CREATE INDEX ipd_dose_ward_idx ON ipd_dose (ward, due_at, id) WHERE state IN ('due', 'overdue')",
    "CREATE INDEX ipd_dose_due_idx ON ipd_dose (due_at) WHERE state = 'due'",
    """
    CREATE TABLE ipd_administration (
        id uuid PRIMARY KEY,
        line_id uuid NOT NULL,
        dose_id uuid,
        controlled boolean NOT NULL,
        outcome text NOT NULL CONSTRAINT ipd_administration_outcome_check CHECK (
            outcome IN ('given', 'partially_given', 'refused', 'withheld')),
        amount numeric CONSTRAINT ipd_administration_amount_check CHECK (amount > 0 AND scale(amount) <= 4),
        reason text,
        given_by uuid NOT NULL,
        witness uuid,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        error_reason text,
        error_by uuid,
        error_at timestamptz,
        CONSTRAINT ipd_administration_line_fkey FOREIGN KEY (line_id, controlled)
            REFERENCES ipd_medication (line_id, controlled),
        CONSTRAINT ipd_administration_dose_fkey FOREIGN KEY (dose_id, line_id)
            REFERENCES ipd_dose (id, line_id),
        CONSTRAINT ipd_administration_taken_check CHECK (
            (outcome IN ('given', 'partially_given')) = (amount IS NOT NULL)),
        CONSTRAINT ipd_administration_reason_check CHECK (outcome = 'given' OR reason IS NOT NULL),
        CONSTRAINT ipd_administration_witness_check CHECK (
            NOT controlled OR amount IS NULL OR witness IS NOT NULL),
        CONSTRAINT ipd_administration_two_people_check CHECK (witness <> given_by),
        CONSTRAINT ipd_administration_error_check CHECK (
            (error_at IS NULL) = (error_by IS NULL) AND (error_at IS NULL) = (error_reason IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX ipd_administration_once_key ON ipd_administration (dose_id)
        WHERE error_at IS NULL AND dose_id IS NOT NULL
    """,
    "CREATE INDEX ipd_administration_line_id_idx ON ipd_administration (line_id, occurred_at)",
    # What was recorded stays; it can be retracted, once.
    """
    CREATE FUNCTION ipd_keep_administration() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.error_at IS NOT NULL OR NEW.error_at IS NULL
            OR to_jsonb(NEW) - '{error_reason,error_by,error_at}'::text[]
            <> to_jsonb(OLD) - '{error_reason,error_by,error_at}'::text[] THEN
            RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER retracted_once BEFORE UPDATE ON ipd_administration
        FOR EACH ROW EXECUTE FUNCTION ipd_keep_administration()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON ipd_administration
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # No 24 hours hold more doses as needed than prescribed, whoever writes them and in whatever order: the
    # order's row is locked, so that of two at once the second sees the first.
    """
    CREATE FUNCTION ipd_check_as_needed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        most smallint;
        busiest bigint;
    BEGIN
        SELECT max_per_24h INTO most FROM ipd_medication WHERE line_id = NEW.line_id FOR UPDATE;
        IF most IS NULL THEN
            RAISE EXCEPTION 'a dose of % is due at its own moment', NEW.line_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_administration_as_needed_check';
        END IF;
        WITH near AS (
            SELECT occurred_at AS at FROM ipd_administration
            WHERE line_id = NEW.line_id AND error_at IS NULL AND amount IS NOT NULL
                AND occurred_at > NEW.occurred_at - interval '24 hours'
                AND occurred_at < NEW.occurred_at + interval '24 hours'
        )
        SELECT max((SELECT count(*) FROM near b WHERE b.at >= a.at AND b.at < a.at + interval '24 hours'))
            INTO busiest FROM near a;
        IF busiest > most THEN
            RAISE EXCEPTION 'more than % doses of % within 24 hours', most, NEW.line_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_administration_most_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER most_per_day AFTER INSERT ON ipd_administration
        FOR EACH ROW WHEN (NEW.dose_id IS NULL) EXECUTE FUNCTION ipd_check_as_needed()
    """,
    """
    CREATE TABLE ipd_medication_sum (
        ward text PRIMARY KEY,
        due integer NOT NULL,
        overdue integer NOT NULL,
        CONSTRAINT ipd_medication_sum_check CHECK (due >= 0 AND overdue >= 0)
    )
    """,
)


def upgrade() -> None:
    """Make the record's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
