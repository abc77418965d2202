"""Patients: demographics, record numbers, entries of the clinical record.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    "CREATE SEQUENCE patients_mrn_seq",
    # Seven digits at least and a Luhn check digit. A number that an import took already is passed over.
    """
    CREATE FUNCTION patients_issue_mrn() RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        number text;
        total integer;
        digit integer;
        issued text;
    BEGIN
        LOOP
            number := nextval('patients_mrn_seq')::text;
            number := lpad(number, greatest(7, length(number)), '0');
            total := 0;
            FOR place IN 0 .. length(number) - 1 LOOP
                digit := substr(number, length(number) - place, 1)::integer;
                IF place % 2 = 0 THEN
                    digit := digit * 2;
                    IF digit > 9 THEN
                        digit := digit - 9;
                    END IF;
                END IF;
                total := total + digit;
            END LOOP;
            issued := 'MRN-' || number || ((10 - total % 10) % 10)::text;
            EXIT WHEN NOT EXISTS (SELECT FROM patients_patient WHERE mrn = issued);
        END LOOP;
        RETURN issued;
    END $$
    """,
    """
    CREATE TABLE patients_patient (
        id uuid PRIMARY KEY,
        mrn text COLLATE "C" NOT NULL DEFAULT patients_issue_mrn()
            CONSTRAINT patients_patient_mrn_key UNIQUE
            CONSTRAINT patients_patient_mrn_check CHECK (mrn ~ '^[A-Z0-9][A-Z0-9-]{1,18}[A-Z0-9]$'),
        family_name text NOT NULL CONSTRAINT patients_patient_family_name_check CHECK (family_name <> ''),
        given_name text NOT NULL,
        sex text NOT NULL CONSTRAINT patients_patient_sex_check CHECK (
            sex IN ('female', 'male', 'other', 'unknown')),
        birth_date date CONSTRAINT patients_patient_birth_date_check CHECK (birth_date >= '1880-01-01'),
        phone text NOT NULL,
        unidentified boolean NOT NULL,
        search_name text COLLATE "C" NOT NULL,
        phone_reversed text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX patients_patient_search_name_idx ON patients_patient (search_name, id)",
    """
    CREATE INDEX patients_patient_phone_idx ON patients_patient (phone_reversed, id)
        WHERE phone_reversed <> ''
    """,
    """
    CREATE TABLE patients_record_entry (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT patients_record_entry_patient_id_fkey REFERENCES patients_patient,
        kind text NOT NULL CONSTRAINT patients_record_entry_kind_check CHECK (
            kind IN ('note', 'vitals', 'diagnosis', 'procedure', 'medication')),
        document_id uuid NOT NULL
            CONSTRAINT patients_record_entry_document_id_key UNIQUE
            CONSTRAINT patients_record_entry_document_id_fkey REFERENCES document_ref,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        author uuid NOT NULL,
        supersedes uuid
            CONSTRAINT patients_record_entry_supersedes_key UNIQUE
            CONSTRAINT patients_record_entry_supersedes_fkey REFERENCES patients_record_entry,
        entered_in_error boolean NOT NULL
            CONSTRAINT patients_record_entry_error_check CHECK (
                supersedes IS NOT NULL OR NOT entered_in_error)
    )
    """,
    """
    CREATE INDEX patients_record_entry_time_idx
        ON patients_record_entry (patient_id, occurred_at DESC, id DESC)
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patients_record_entry
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
)


def upgrade() -> None:
    """Make the tables of patients."""
    for statement in STATEMENTS:
        op.execute(statement)
