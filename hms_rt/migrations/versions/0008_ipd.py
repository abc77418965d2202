"""Inpatients: admissions, stays, their history.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE ipd_admission (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT ipd_admission_patient_id_fkey REFERENCES patients_patient,
        ward_code text NOT NULL CONSTRAINT ipd_admission_ward_code_fkey REFERENCES beds_ward,
        state text NOT NULL CONSTRAINT ipd_admission_state_check CHECK (state IN
            ('requested', 'accepted', 'admitted', 'discharge_ordered', 'discharged', 'cancelled')),
        reason text NOT NULL,
        requested_by uuid NOT NULL,
        requested_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        accepted_at timestamptz,
        admitted_at timestamptz,
        discharge_ordered_at timestamptz,
        planned_disposition text CONSTRAINT ipd_admission_planned_disposition_check CHECK
            (planned_disposition IN ('home', 'left', 'transferred_out')),
        discharged_at timestamptz,
        disposition text CONSTRAINT ipd_admission_disposition_check CHECK
            (disposition IN ('home', 'died', 'left', 'transferred_out')),
        cancelled_at timestamptz,
        version bigint NOT NULL CONSTRAINT ipd_admission_version_check CHECK (version > 0),
        CONSTRAINT ipd_admission_id_patient_id_key UNIQUE (id, patient_id),
        CONSTRAINT ipd_admission_accepted_check CHECK
            (state IN ('requested', 'cancelled') OR accepted_at IS NOT NULL),
        CONSTRAINT ipd_admission_admitted_check CHECK
            ((state IN ('admitted', 'discharge_ordered', 'discharged')) = (admitted_at IS NOT NULL)),
        CONSTRAINT ipd_admission_discharge_ordered_check CHECK
            ((discharge_ordered_at IS NULL) = (planned_disposition IS NULL)
             AND CASE state WHEN 'discharge_ordered' THEN discharge_ordered_at IS NOT NULL
                            WHEN 'discharged' THEN true
                            ELSE discharge_ordered_at IS NULL END),
        CONSTRAINT ipd_admission_discharged_check CHECK
            ((state = 'discharged') = (discharged_at IS NOT NULL)
             AND (state = 'discharged') = (disposition IS NOT NULL)),
        CONSTRAINT ipd_admission_unordered_check CHECK
            (discharge_ordered_at IS NOT NULL OR disposition IS DISTINCT FROM 'home'),
        CONSTRAINT ipd_admission_cancelled_check CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX ipd_admission_open_patient_key ON ipd_admission (patient_id)
        WHERE state NOT IN ('discharged', 'cancelled')
    """,
    "CREATE INDEX ipd_admission_patient_id_idx ON ipd_admission (patient_id, id)",
    "CREATE INDEX ipd_admission_ward_code_idx ON ipd_admission (ward_code, state, id)",
    "CREATE INDEX ipd_admission_state_idx ON ipd_admission (state, id)",
    """
    CREATE TABLE ipd_stay (
        id uuid PRIMARY KEY,
        admission_id uuid NOT NULL,
        patient_id uuid NOT NULL,
        bed_id uuid NOT NULL CONSTRAINT ipd_stay_bed_id_fkey REFERENCES beds_bed,
        bed_code text NOT NULL,
        ward_code text NOT NULL CONSTRAINT ipd_stay_ward_code_fkey REFERENCES beds_ward,
        started_at timestamptz NOT NULL,
        ended_at timestamptz,
        entered_in_error boolean NOT NULL,
        CONSTRAINT ipd_stay_admission_id_fkey
            FOREIGN KEY (admission_id, patient_id) REFERENCES ipd_admission (id, patient_id),
        CONSTRAINT ipd_stay_times_check CHECK (ended_at >= started_at),
        CONSTRAINT ipd_stay_error_check CHECK (NOT entered_in_error OR ended_at IS NOT NULL)
    )
    """,
    "CREATE UNIQUE INDEX ipd_stay_open_bed_key ON ipd_stay (bed_id) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX ipd_stay_open_patient_key ON ipd_stay (patient_id) WHERE ended_at IS NULL",
    "CREATE INDEX ipd_stay_admission_id_idx ON ipd_stay (admission_id)",
    "CREATE INDEX ipd_stay_bed_id_idx ON ipd_stay (bed_id, started_at)",
    """
    CREATE TABLE ipd_event (
        id uuid PRIMARY KEY,
        admission_id uuid NOT NULL CONSTRAINT ipd_event_admission_id_fkey REFERENCES ipd_admission,
        move text NOT NULL CONSTRAINT ipd_event_move_check CHECK (move IN
            ('request', 'accept', 'assign', 'transfer', 'order_discharge', 'revoke_discharge', 'depart',
             'cancel', 'cancel_admit', 'cancel_transfer', 'cancel_discharge')),
        state_before text,
        state_after text NOT NULL,
        from_ward text,
        from_bed uuid,
        to_ward text,
        to_bed uuid,
        disposition text,
        reason text,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL
    )
    """,
    "CREATE INDEX ipd_event_admission_id_idx ON ipd_event (admission_id, id)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ipd_event
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER no_deletion BEFORE DELETE ON ipd_stay
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER no_deletion BEFORE DELETE ON ipd_admission
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # An open stay and the bed's occupant say the same, whatever wrote the rows. Together with the trigger
    # of beds: a bed is occupied exactly while a patient's open stay is in it.
    """
    CREATE FUNCTION ipd_check_occupant() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
        touched uuid[];
    BEGIN
        IF TG_TABLE_NAME = 'ipd_stay' THEN
            touched := ARRAY[NEW.id];
        ELSIF TG_OP = 'INSERT' THEN
            touched := ARRAY[NEW.stay_id];
        ELSIF TG_OP = 'DELETE' THEN
            touched := ARRAY[OLD.stay_id];
        ELSE
            touched := ARRAY[OLD.stay_id, NEW.stay_id];
        END IF;
        FOREACH wanted IN ARRAY touched LOOP
            IF (SELECT (s.bed_id, s.patient_id, s.ward_code) FROM ipd_stay s
                WHERE s.id = wanted AND s.ended_at IS NULL)
               IS DISTINCT FROM
               (SELECT (o.bed_id, o.patient_id, b.ward_code) FROM beds_occupant o
                JOIN beds_bed b ON b.id = o.bed_id WHERE o.stay_id = wanted) THEN
                RAISE EXCEPTION 'stay % and the occupant of its bed disagree', wanted
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_occupant_check';
            END IF;
        END LOOP;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER occupant AFTER INSERT OR UPDATE ON ipd_stay
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_occupant()
    """,
    """
    CREATE CONSTRAINT TRIGGER stay AFTER INSERT OR DELETE OR UPDATE OF bed_id, stay_id, patient_id
        ON beds_occupant
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_occupant()
    """,
    # An admission says that the patient is in a bed exactly while its stay is open, and names its ward.
    """
    CREATE FUNCTION ipd_check_admission() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
    BEGIN
        IF TG_TABLE_NAME = 'ipd_admission' THEN
            wanted := NEW.id;
        ELSE
            wanted := NEW.admission_id;
        END IF;
        IF EXISTS (
            SELECT FROM ipd_admission a WHERE a.id = wanted
            AND CASE WHEN a.state IN ('admitted', 'discharge_ordered') THEN a.ward_code END IS DISTINCT FROM
                (SELECT s.ward_code FROM ipd_stay s WHERE s.admission_id = a.id AND s.ended_at IS NULL)
        ) THEN
            RAISE EXCEPTION 'admission % and its stay disagree', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_admission_stay_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER stay AFTER INSERT OR UPDATE ON ipd_admission
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_admission()
    """,
    """
    CREATE CONSTRAINT TRIGGER admission AFTER INSERT OR UPDATE ON ipd_stay
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_admission()
    """,
)


def upgrade() -> None:
    """Make the department's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
