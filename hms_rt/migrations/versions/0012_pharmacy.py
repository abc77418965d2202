"""Pharmacy: formulary, stores, prescriptions with their lines, overrides and history.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FORMS = (
    "'tablet', 'capsule', 'solution', 'suspension', 'injection', 'infusion', 'drops', 'inhaler', 'patch', "
    "'suppository', 'cream', 'powder', 'other'"
)
ROUTES = (
    "'oral', 'sublingual', 'intravenous', 'intramuscular', 'subcutaneous', 'inhaled', 'rectal', 'topical', "
    "'transdermal', 'ophthalmic', 'otic', 'nasal', 'other'"
)
STATES = "'draft', 'active', 'on_hold', 'partially_dispensed', 'dispensed', 'stopped', 'cancelled'"

STATEMENTS = (
    f"""
    CREATE TABLE pharmacy_medicine (
        code text PRIMARY KEY,
        generic text NOT NULL,
        brand text,
        form text NOT NULL CONSTRAINT pharmacy_medicine_form_check CHECK (form IN ({FORMS})),
        strength numeric NOT NULL CONSTRAINT pharmacy_medicine_strength_check CHECK (
            strength > 0 AND scale(strength) <= 4),
        strength_unit text NOT NULL,
        per numeric NOT NULL CONSTRAINT pharmacy_medicine_per_check CHECK (per > 0 AND scale(per) <= 4),
        dispense_unit text NOT NULL,
        atc text CONSTRAINT pharmacy_medicine_atc_check CHECK (
            atc ~ '^[A-Z][0-9]{{2}}[A-Z]([A-Z]([0-9]{{2}})?)?$'),
        dose_min numeric CONSTRAINT pharmacy_medicine_dose_min_check CHECK (dose_min > 0),
        dose_max numeric CONSTRAINT pharmacy_medicine_dose_max_check CHECK (dose_max > 0),
        daily_max numeric CONSTRAINT pharmacy_medicine_daily_max_check CHECK (daily_max > 0),
        controlled boolean NOT NULL,
        status text NOT NULL CONSTRAINT pharmacy_medicine_status_check CHECK (
            status IN ('active', 'suspended', 'retired')),
        version integer NOT NULL,
        CONSTRAINT pharmacy_medicine_bounds_check CHECK (
            dose_min <= coalesce(dose_max, daily_max) AND dose_max <= daily_max)
    )
    """,
    "CREATE TABLE pharmacy_medicine_version (LIKE pharmacy_medicine, PRIMARY KEY (code, version))",
    """
    CREATE FUNCTION pharmacy_keep_medicine() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO pharmacy_medicine_version SELECT NEW.*;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER keep_versions AFTER INSERT OR UPDATE ON pharmacy_medicine
        FOR EACH ROW EXECUTE FUNCTION pharmacy_keep_medicine()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pharmacy_medicine_version
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TABLE pharmacy_store (
        code text PRIMARY KEY,
        name text NOT NULL,
        kind text NOT NULL CONSTRAINT pharmacy_store_kind_check CHECK (kind IN ('dispensary', 'ward')),
        ward text CONSTRAINT pharmacy_store_ward_fkey REFERENCES beds_ward,
        version integer NOT NULL,
        CONSTRAINT pharmacy_store_place_check CHECK ((kind = 'ward') = (ward IS NOT NULL)),
        CONSTRAINT pharmacy_store_code_kind_key UNIQUE (code, kind)
    )
    """,
    "CREATE SEQUENCE pharmacy_prescription_number",
    f"""
    CREATE TABLE pharmacy_prescription (
        id uuid PRIMARY KEY,
        number bigint NOT NULL DEFAULT nextval('pharmacy_prescription_number')
            CONSTRAINT pharmacy_prescription_number_key UNIQUE,
        patient_id uuid NOT NULL CONSTRAINT pharmacy_prescription_patient_id_fkey REFERENCES patients_patient,
        patient_name text NOT NULL,
        mrn text NOT NULL,
        admission_id uuid CONSTRAINT pharmacy_prescription_admission_id_fkey REFERENCES ipd_admission,
        visit_id uuid,
        ward text,
        clinic text,
        take_home boolean NOT NULL,
        dispensary text NOT NULL CONSTRAINT pharmacy_prescription_dispensary_fkey REFERENCES pharmacy_store,
        prescribed_by uuid NOT NULL,
        state text NOT NULL CONSTRAINT pharmacy_prescription_state_check CHECK (state IN ({STATES})),
        prescribed_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        reason text,
        version integer NOT NULL,
        CONSTRAINT pharmacy_prescription_context_check CHECK (
            (admission_id IS NULL) <> (clinic IS NULL)
            AND (admission_id IS NOT NULL OR ward IS NULL AND NOT take_home)
            AND (clinic IS NOT NULL OR visit_id IS NULL)),
        CONSTRAINT pharmacy_prescription_reason_check CHECK (
            state NOT IN ('on_hold', 'stopped', 'cancelled') OR reason IS NOT NULL)
    )
    """,
    "CREATE INDEX pharmacy_prescription_patient_id_idx ON pharmacy_prescription (patient_id, id)",
    """
    CREATE INDEX pharmacy_prescription_admission_id_idx ON pharmacy_prescription (admission_id, id)
        WHERE admission_id IS NOT NULL
    """,
    "CREATE INDEX pharmacy_prescription_ward_idx ON pharmacy_prescription (ward, id) WHERE ward IS NOT NULL",
    """
    CREATE INDEX pharmacy_prescription_clinic_idx ON pharmacy_prescription (clinic, id)
        WHERE clinic IS NOT NULL
    """,
    "CREATE INDEX pharmacy_prescription_prescribed_by_idx ON pharmacy_prescription (prescribed_by, id)",
    """
    CREATE INDEX pharmacy_prescription_queue_idx ON pharmacy_prescription (dispensary, id)
        WHERE state IN ('active', 'partially_dispensed', 'on_hold')
    """,
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON pharmacy_prescription
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
    f"""
    CREATE TABLE pharmacy_line (
        id uuid PRIMARY KEY,
        prescription_id uuid NOT NULL CONSTRAINT pharmacy_line_prescription_id_fkey
            REFERENCES pharmacy_prescription,
        position smallint NOT NULL,
        medicine text NOT NULL CONSTRAINT pharmacy_line_medicine_fkey REFERENCES pharmacy_medicine,
        name text NOT NULL,
        generic text NOT NULL,
        controlled boolean NOT NULL,
        dose numeric NOT NULL CONSTRAINT pharmacy_line_dose_check CHECK (dose > 0 AND scale(dose) <= 4),
        dose_unit text NOT NULL,
        route text NOT NULL CONSTRAINT pharmacy_line_route_check CHECK (route IN ({ROUTES})),
        frequency_kind text NOT NULL CONSTRAINT pharmacy_line_frequency_kind_check CHECK (
            frequency_kind IN ('once', 'times_per_day', 'every_hours', 'as_needed')),
        times text[] NOT NULL,
        every_hours smallint,
        max_per_24h smallint,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        duration_days smallint NOT NULL CONSTRAINT pharmacy_line_duration_check CHECK (
            duration_days BETWEEN 1 AND 365),
        quantity numeric NOT NULL,
        dispense_unit text NOT NULL,
        dispensed numeric NOT NULL,
        note text,
        not_dispensed text,
        CONSTRAINT pharmacy_line_position_key UNIQUE (prescription_id, position),
        CONSTRAINT pharmacy_line_course_check CHECK (ends_at > starts_at),
        CONSTRAINT pharmacy_line_frequency_check CHECK (
            (frequency_kind = 'times_per_day') = (cardinality(times) > 0)
            AND (frequency_kind = 'every_hours') = (every_hours IS NOT NULL)
            AND (frequency_kind = 'as_needed') = (max_per_24h IS NOT NULL)
            AND coalesce(every_hours BETWEEN 1 AND 168, true)
            AND coalesce(max_per_24h BETWEEN 1 AND 48, true)),
        CONSTRAINT pharmacy_line_dispensed_check CHECK (
            quantity > 0 AND dispensed >= 0 AND dispensed <= quantity)
    )
    """,
    """
    CREATE TABLE pharmacy_override (
        line_id uuid NOT NULL CONSTRAINT pharmacy_override_line_id_fkey REFERENCES pharmacy_line,
        kind text NOT NULL CONSTRAINT pharmacy_override_kind_check CHECK (
            kind IN ('allergy', 'duplicate', 'dose_range')),
        warned text NOT NULL,
        reason text NOT NULL CONSTRAINT pharmacy_override_reason_check CHECK (length(reason) >= 3),
        overridden_by uuid NOT NULL,
        recorded_at timestamptz NOT NULL,
        PRIMARY KEY (line_id, kind)
    )
    """,
    f"""
    CREATE TABLE pharmacy_event (
        id uuid PRIMARY KEY,
        prescription_id uuid NOT NULL CONSTRAINT pharmacy_event_prescription_id_fkey
            REFERENCES pharmacy_prescription,
        move text NOT NULL,
        state_before text CONSTRAINT pharmacy_event_state_before_check CHECK (state_before IN ({STATES})),
        state_after text NOT NULL CONSTRAINT pharmacy_event_state_after_check CHECK (
            state_after IN ({STATES})),
        reason text,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL
    )
    """,
    "CREATE INDEX pharmacy_event_prescription_id_idx ON pharmacy_event (prescription_id, id)",
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("pharmacy_override", "pharmacy_event")
    ),
)


def upgrade() -> None:
    """Make the department's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
