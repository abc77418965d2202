"""Visits of outpatients: from the first vitals to the disposition.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE opd_visit (
        id uuid PRIMARY KEY,
        clinic_code text NOT NULL CONSTRAINT opd_visit_clinic_code_fkey REFERENCES opd_clinic,
        day date NOT NULL,
        patient_id uuid NOT NULL CONSTRAINT opd_visit_patient_id_fkey REFERENCES patients_patient,
        patient_name text NOT NULL,
        mrn text NOT NULL,
        state text NOT NULL CONSTRAINT opd_visit_state_check CHECK (state IN
            ('arrived', 'triaged', 'in_consultation', 'closed', 'left', 'cancelled')),
        opened_at timestamptz NOT NULL,
        since timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        token_id uuid
            CONSTRAINT opd_visit_token_id_key UNIQUE
            CONSTRAINT opd_visit_token_id_fkey REFERENCES opd_token,
        appointment_id uuid CONSTRAINT opd_visit_appointment_id_fkey REFERENCES opd_appointment,
        doctor_id uuid,
        triaged_at timestamptz,
        consulted_at timestamptz,
        finished_at timestamptz,
        disposition text CONSTRAINT opd_visit_disposition_check CHECK (disposition IN
            ('home', 'follow_up', 'referred', 'admitted', 'against_advice', 'died')),
        reason text,
        version bigint NOT NULL,
        CONSTRAINT opd_visit_finished_check CHECK
            ((state IN ('closed', 'left', 'cancelled')) = (finished_at IS NOT NULL)),
        CONSTRAINT opd_visit_closed_check CHECK ((state = 'closed') = (disposition IS NOT NULL)),
        CONSTRAINT opd_visit_triaged_check CHECK (state <> 'triaged' OR triaged_at IS NOT NULL),
        CONSTRAINT opd_visit_consulted_check CHECK
            ((state IN ('in_consultation', 'closed')) = (consulted_at IS NOT NULL AND doctor_id IS NOT NULL)),
        CONSTRAINT opd_visit_reason_check CHECK (state NOT IN ('left', 'cancelled') OR reason IS NOT NULL)
    )
    """,
    """
    CREATE UNIQUE INDEX opd_visit_open_key ON opd_visit (patient_id, clinic_code) WHERE finished_at IS NULL
    """,
    "CREATE INDEX opd_visit_patient_id_idx ON opd_visit (patient_id, id)",
    "CREATE INDEX opd_visit_clinic_code_idx ON opd_visit (clinic_code, id)",
    "CREATE INDEX opd_visit_doctor_id_idx ON opd_visit (doctor_id, id) WHERE doctor_id IS NOT NULL",
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON opd_visit
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
    # A visit goes with a number of the same patient in the same clinic, or with none.
    """
    CREATE FUNCTION opd_check_visit_token() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM opd_token WHERE id = NEW.token_id AND patient_id = NEW.patient_id
            AND clinic_code = NEW.clinic_code;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the token is of another patient or clinic'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'opd_visit_token_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER token_of_patient BEFORE INSERT OR UPDATE OF token_id ON opd_visit
        FOR EACH ROW WHEN (NEW.token_id IS NOT NULL) EXECUTE FUNCTION opd_check_visit_token()
    """,
    """
    CREATE FUNCTION opd_refuse_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a finished visit does not change its state'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'opd_visit_final_check';
    END $$
    """,
    """
    CREATE TRIGGER final BEFORE UPDATE OF state ON opd_visit FOR EACH ROW
        WHEN (OLD.finished_at IS NOT NULL AND NEW.state <> OLD.state) EXECUTE FUNCTION opd_refuse_reopening()
    """,
    """
    CREATE TABLE opd_visit_order (
        visit_id uuid NOT NULL CONSTRAINT opd_visit_order_visit_id_fkey REFERENCES opd_visit,
        order_id uuid NOT NULL CONSTRAINT opd_visit_order_order_id_fkey REFERENCES lab_order,
        ordered_at timestamptz NOT NULL,
        PRIMARY KEY (visit_id, order_id),
        CONSTRAINT opd_visit_order_order_id_key UNIQUE (order_id)
    )
    """,
    """
    CREATE TABLE opd_visit_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        visit_id uuid NOT NULL CONSTRAINT opd_visit_event_visit_id_fkey REFERENCES opd_visit,
        move text NOT NULL,
        before text,
        after text NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        principal_id uuid NOT NULL,
        reason text
    )
    """,
    "CREATE INDEX opd_visit_event_visit_id_idx ON opd_visit_event (visit_id, id)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON opd_visit_event
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
