"""Patients: identifiers, contacts, allergies, death, restriction; entries know their visit or admission.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    ALTER TABLE patients_patient
        ADD COLUMN died_at timestamptz,
        ADD COLUMN death_recorded_at timestamptz,
        ADD COLUMN death_recorded_by uuid,
        ADD COLUMN restricted boolean NOT NULL DEFAULT false,
        ADD CONSTRAINT patients_patient_death_check CHECK (
            (died_at IS NULL) = (death_recorded_at IS NULL)
            AND (died_at IS NULL) = (death_recorded_by IS NULL))
    """,
    "CREATE INDEX patients_patient_restricted_idx ON patients_patient (id) WHERE restricted",
    """
    CREATE TABLE patients_identifier (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT patients_identifier_patient_id_fkey REFERENCES patients_patient,
        type text NOT NULL CONSTRAINT patients_identifier_type_check CHECK (type IN (
            'national_id', 'social_security', 'passport', 'driving_licence', 'record_number', 'insurance',
            'other')),
        issuer text NOT NULL CONSTRAINT patients_identifier_issuer_check CHECK (issuer <> ''),
        value text NOT NULL,
        compared text COLLATE "C" NOT NULL
            CONSTRAINT patients_identifier_compared_check CHECK (compared <> ''),
        valid_from date,
        valid_until date,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        error_reason text CONSTRAINT patients_identifier_error_reason_check CHECK (error_reason <> ''),
        CONSTRAINT patients_identifier_validity_check CHECK (valid_until >= valid_from)
    )
    """,
    # Where the issuer guarantees it, a number belongs to one patient; insurers and others do not.
    """
    CREATE UNIQUE INDEX patients_identifier_exclusive_key ON patients_identifier (type, issuer, compared)
        WHERE error_reason IS NULL AND type NOT IN ('insurance', 'other')
    """,
    "CREATE INDEX patients_identifier_compared_idx ON patients_identifier (compared, patient_id)",
    "CREATE INDEX patients_identifier_patient_id_idx ON patients_identifier (patient_id, id)",
    """
    CREATE FUNCTION patients_keep_identifier() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.error_reason IS NOT NULL AND NEW.error_reason IS DISTINCT FROM OLD.error_reason
            OR to_jsonb(NEW) - 'patient_id' - 'error_reason'
               IS DISTINCT FROM to_jsonb(OLD) - 'patient_id' - 'error_reason' THEN
            RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER append_only_but_errors BEFORE UPDATE ON patients_identifier
        FOR EACH ROW EXECUTE FUNCTION patients_keep_identifier()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON patients_identifier
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TABLE patients_contact (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT patients_contact_patient_id_fkey REFERENCES patients_patient,
        kind text NOT NULL CONSTRAINT patients_contact_kind_check CHECK (kind IN (
            'next_of_kin', 'emergency', 'guardian', 'proxy', 'general_practitioner', 'other')),
        name text NOT NULL CONSTRAINT patients_contact_name_check CHECK (name <> ''),
        relationship text NOT NULL,
        phone text NOT NULL,
        address text NOT NULL,
        note text NOT NULL,
        active boolean NOT NULL,
        version integer NOT NULL CONSTRAINT patients_contact_version_check CHECK (version > 0),
        updated_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX patients_contact_patient_id_idx ON patients_contact (patient_id, id)",
    """
    CREATE TABLE patients_allergy (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT patients_allergy_patient_id_fkey REFERENCES patients_patient,
        kind text NOT NULL CONSTRAINT patients_allergy_kind_check CHECK (
            kind IN ('allergy', 'intolerance', 'none_known')),
        category text NOT NULL CONSTRAINT patients_allergy_category_check CHECK (
            category IN ('medication', 'food', 'environment', 'biologic', 'other')),
        substance text NOT NULL,
        code_system text,
        code text,
        reaction text NOT NULL,
        severity text NOT NULL CONSTRAINT patients_allergy_severity_check CHECK (
            severity IN ('unknown', 'mild', 'moderate', 'severe', 'life_threatening')),
        status text NOT NULL CONSTRAINT patients_allergy_status_check CHECK (
            status IN ('active', 'inactive', 'resolved', 'refuted')),
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        verified_at timestamptz,
        verified_by uuid,
        supersedes uuid
            CONSTRAINT patients_allergy_supersedes_key UNIQUE
            CONSTRAINT patients_allergy_supersedes_fkey REFERENCES patients_allergy,
        entered_in_error boolean NOT NULL,
        error_reason text,
        CONSTRAINT patients_allergy_substance_check CHECK ((kind = 'none_known') = (substance = '')),
        CONSTRAINT patients_allergy_code_check CHECK ((code IS NULL) = (code_system IS NULL)),
        CONSTRAINT patients_allergy_verified_check CHECK ((verified_at IS NULL) = (verified_by IS NULL)),
        CONSTRAINT patients_allergy_error_check CHECK (entered_in_error = (error_reason IS NOT NULL)
            AND (supersedes IS NOT NULL OR NOT entered_in_error))
    )
    """,
    "CREATE INDEX patients_allergy_patient_id_idx ON patients_allergy (patient_id, id)",
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON patients_allergy
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER append_only_but_merges BEFORE UPDATE ON patients_allergy
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_rewrite()
    """,
    *(
        f"""
        CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON {table}
            FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
        """
        for table in ("patients_identifier", "patients_contact", "patients_allergy")
    ),
    # A hospital defines kinds of its own: their codes are checked where they are defined.
    "ALTER TABLE patients_record_entry DROP CONSTRAINT patients_record_entry_kind_check",
    """
    ALTER TABLE patients_record_entry
        ADD CONSTRAINT patients_record_entry_kind_check CHECK (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
        ADD COLUMN context_kind text CONSTRAINT patients_record_entry_context_kind_check CHECK (
            context_kind IN ('visit', 'admission')),
        ADD COLUMN context_id uuid,
        ADD CONSTRAINT patients_record_entry_context_check CHECK (
            (context_kind IS NULL) = (context_id IS NULL))
    """,
    """
    CREATE INDEX patients_record_entry_context_idx
        ON patients_record_entry (context_id, occurred_at DESC, id DESC) WHERE context_id IS NOT NULL
    """,
    """
    CREATE INDEX patients_record_entry_kind_idx
        ON patients_record_entry (patient_id, kind, occurred_at DESC, id DESC)
    """,
)


def upgrade() -> None:
    """Make what is known of patients beyond their demographics."""
    for statement in STATEMENTS:
        op.execute(statement)
