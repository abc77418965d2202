"""Laboratory: catalogue, orders, specimens, tests, versions of results, critical alerts.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KINDS = "'blood', 'serum', 'plasma', 'urine', 'stool', 'csf', 'sputum', 'swab', 'tissue', 'other'"
FLAGS = "'normal', 'low', 'high', 'critical_low', 'critical_high'"

STATEMENTS = (
    f"""
    CREATE TABLE lab_catalogue (
        code text PRIMARY KEY,
        name text NOT NULL,
        specimen_kind text NOT NULL CONSTRAINT lab_catalogue_specimen_kind_check CHECK (
            specimen_kind IN ({KINDS})),
        unit text,
        decimals smallint CONSTRAINT lab_catalogue_decimals_check CHECK (decimals BETWEEN 0 AND 6),
        reference_low numeric,
        reference_high numeric,
        critical_low numeric,
        critical_high numeric,
        active boolean NOT NULL,
        version integer NOT NULL,
        CONSTRAINT lab_catalogue_unit_check CHECK (
            (unit IS NULL) = (decimals IS NULL) AND (unit IS NOT NULL OR
            coalesce(reference_low, reference_high, critical_low, critical_high) IS NULL)),
        CONSTRAINT lab_catalogue_bounds_check CHECK (
            critical_low <= coalesce(reference_low, reference_high, critical_high)
            AND reference_low <= coalesce(reference_high, critical_high)
            AND reference_high <= critical_high AND critical_low < critical_high)
    )
    """,
    "CREATE TABLE lab_catalogue_version (LIKE lab_catalogue, PRIMARY KEY (code, version))",
    """
    CREATE FUNCTION lab_keep_catalogue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO lab_catalogue_version SELECT NEW.*;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER keep_versions AFTER INSERT OR UPDATE ON lab_catalogue
        FOR EACH ROW EXECUTE FUNCTION lab_keep_catalogue()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_catalogue_version
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TABLE lab_order (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT lab_order_patient_id_fkey REFERENCES patients_patient,
        patient_name text NOT NULL,
        mrn text NOT NULL,
        ward text,
        clinic text,
        ordered_by uuid NOT NULL,
        priority text NOT NULL CONSTRAINT lab_order_priority_check CHECK (
            priority IN ('routine', 'urgent', 'stat')),
        ordered_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        CONSTRAINT lab_order_location_check CHECK ((ward IS NULL) <> (clinic IS NULL))
    )
    """,
    "CREATE INDEX lab_order_patient_id_idx ON lab_order (patient_id, id)",
    "CREATE INDEX lab_order_ward_idx ON lab_order (ward, id) WHERE ward IS NOT NULL",
    "CREATE INDEX lab_order_clinic_idx ON lab_order (clinic, id) WHERE clinic IS NOT NULL",
    "CREATE INDEX lab_order_ordered_by_idx ON lab_order (ordered_by, id)",
    "CREATE SEQUENCE lab_barcode",
    f"""
    CREATE TABLE lab_specimen (
        id uuid PRIMARY KEY,
        order_id uuid NOT NULL CONSTRAINT lab_specimen_order_id_fkey REFERENCES lab_order,
        barcode text NOT NULL DEFAULT 'LAB' || lpad(nextval('lab_barcode')::text, 9, '0')
            CONSTRAINT lab_specimen_barcode_key UNIQUE,
        kind text NOT NULL CONSTRAINT lab_specimen_kind_check CHECK (kind IN ({KINDS})),
        state text NOT NULL CONSTRAINT lab_specimen_state_check CHECK (
            state IN ('collected', 'received', 'processed', 'rejected')),
        collected_by uuid NOT NULL,
        collected_at timestamptz NOT NULL,
        received_by uuid,
        received_at timestamptz,
        rejected_by uuid,
        rejected_at timestamptz,
        reject_reason text,
        version integer NOT NULL,
        CONSTRAINT lab_specimen_order_key UNIQUE (order_id, id, barcode),
        CONSTRAINT lab_specimen_received_check CHECK (
            state NOT IN ('received', 'processed') OR received_by IS NOT NULL AND received_at IS NOT NULL),
        CONSTRAINT lab_specimen_rejected_check CHECK ((state = 'rejected') = (
            rejected_by IS NOT NULL AND rejected_at IS NOT NULL AND reject_reason IS NOT NULL))
    )
    """,
    f"""
    CREATE TABLE lab_test (
        id uuid PRIMARY KEY,
        order_id uuid NOT NULL CONSTRAINT lab_test_order_id_fkey REFERENCES lab_order,
        code text NOT NULL CONSTRAINT lab_test_code_fkey REFERENCES lab_catalogue,
        name text NOT NULL,
        specimen_kind text NOT NULL,
        state text NOT NULL CONSTRAINT lab_test_state_check CHECK (state IN ('ordered', 'collected',
            'received', 'in_progress', 'resulted', 'verified', 'released', 'cancelled')),
        specimen_id uuid,
        specimen_barcode text,
        result_version integer,
        flag text CONSTRAINT lab_test_flag_check CHECK (flag IN ({FLAGS})),
        entered_by uuid,
        resulted_at timestamptz,
        verified_by uuid,
        verified_at timestamptz,
        released_by uuid,
        released_at timestamptz,
        alone_reason text,
        review_due boolean NOT NULL,
        reviewed_by uuid,
        reviewed_at timestamptz,
        cancel_reason text,
        board text,
        board_since timestamptz,
        version integer NOT NULL,
        CONSTRAINT lab_test_specimen_fkey FOREIGN KEY (order_id, specimen_id, specimen_barcode)
            REFERENCES lab_specimen (order_id, id, barcode),
        CONSTRAINT lab_test_specimen_check CHECK ((specimen_id IS NULL) = (specimen_barcode IS NULL)
            AND (state <> 'ordered' OR specimen_id IS NULL)
            AND (state IN ('ordered', 'cancelled') OR specimen_id IS NOT NULL)),
        CONSTRAINT lab_test_result_check CHECK (state NOT IN ('resulted', 'verified', 'released') OR
            result_version IS NOT NULL AND entered_by IS NOT NULL AND resulted_at IS NOT NULL),
        CONSTRAINT lab_test_two_people_check CHECK (verified_by <> entered_by),
        CONSTRAINT lab_test_verified_check CHECK ((verified_by IS NULL) = (verified_at IS NULL)
            AND (state <> 'verified' OR verified_by IS NOT NULL)),
        CONSTRAINT lab_test_released_check CHECK (state <> 'released' OR released_by IS NOT NULL
            AND released_at IS NOT NULL AND (verified_by IS NULL) = (alone_reason IS NOT NULL)),
        CONSTRAINT lab_test_review_check CHECK ((NOT review_due OR alone_reason IS NOT NULL)
            AND (alone_reason IS NULL OR review_due OR reviewed_by IS NOT NULL)
            AND coalesce(reviewed_by NOT IN (entered_by, released_by), true)),
        CONSTRAINT lab_test_cancelled_check CHECK ((state = 'cancelled') = (cancel_reason IS NOT NULL)),
        CONSTRAINT lab_test_board_check CHECK ((board IS NULL) = (board_since IS NULL)
            AND (state <> 'cancelled' OR board IS NULL))
    )
    """,
    "CREATE INDEX lab_test_order_id_idx ON lab_test (order_id, id)",
    "CREATE INDEX lab_test_specimen_id_idx ON lab_test (specimen_id) WHERE specimen_id IS NOT NULL",
    "CREATE INDEX lab_test_worklist_idx ON lab_test (id) WHERE state NOT IN ('released', 'cancelled')",
    "CREATE INDEX lab_test_review_idx ON lab_test (id) WHERE review_due",
    "CREATE INDEX lab_test_board_idx ON lab_test (board, state, board_since) WHERE board IS NOT NULL",
    f"""
    CREATE TABLE lab_result_version (
        test_id uuid NOT NULL CONSTRAINT lab_result_version_test_id_fkey REFERENCES lab_test,
        number integer NOT NULL CONSTRAINT lab_result_version_number_check CHECK (number > 0),
        kind text NOT NULL CONSTRAINT lab_result_version_kind_check CHECK (kind IN ('entry', 'correction')),
        document_id uuid NOT NULL
            CONSTRAINT lab_result_version_document_id_key UNIQUE
            CONSTRAINT lab_result_version_document_id_fkey REFERENCES document_ref,
        flag text CONSTRAINT lab_result_version_flag_check CHECK (flag IN ({FLAGS})),
        author uuid NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        PRIMARY KEY (test_id, number)
    )
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_result_version
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    ALTER TABLE lab_test ADD CONSTRAINT lab_test_result_version_fkey FOREIGN KEY (id, result_version)
        REFERENCES lab_result_version (test_id, number)
    """,
    f"""
    CREATE TABLE lab_critical_alert (
        id uuid PRIMARY KEY,
        test_id uuid NOT NULL,
        result_version integer NOT NULL,
        flag text NOT NULL CONSTRAINT lab_critical_alert_flag_check CHECK (flag IN ({FLAGS})),
        state text NOT NULL CONSTRAINT lab_critical_alert_state_check CHECK (
            state IN ('open', 'notified', 'escalated', 'acknowledged', 'closed')),
        raised_at timestamptz NOT NULL,
        escalate_at timestamptz,
        relayed_by uuid,
        relayed_at timestamptz,
        read_back_by uuid,
        read_back_at timestamptz,
        acknowledged_by uuid,
        acknowledged_at timestamptz,
        note text,
        closed_by uuid,
        closed_at timestamptz,
        version integer NOT NULL,
        CONSTRAINT lab_critical_alert_result_key UNIQUE (test_id, result_version),
        CONSTRAINT lab_critical_alert_result_fkey FOREIGN KEY (test_id, result_version)
            REFERENCES lab_result_version (test_id, number),
        CONSTRAINT lab_critical_alert_acknowledged_check CHECK ((state IN ('acknowledged', 'closed'))
            = (acknowledged_by IS NOT NULL AND acknowledged_at IS NOT NULL)),
        CONSTRAINT lab_critical_alert_escalate_check CHECK ((state IN ('open', 'notified', 'escalated'))
            = (escalate_at IS NOT NULL)),
        CONSTRAINT lab_critical_alert_closed_check CHECK ((state = 'closed') = (closed_by IS NOT NULL))
    )
    """,
    """
    CREATE INDEX lab_critical_alert_waiting_idx ON lab_critical_alert (escalate_at)
        WHERE escalate_at IS NOT NULL
    """,
)


def upgrade() -> None:
    """Make the department's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
