"""Patients: kinds of record entries that a hospital defines, and what it adds to the built-in ones.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BUILT_IN = (
    "'note', 'nursing_note', 'medical_note', 'encounter', 'vitals', 'diagnosis', 'procedure', 'medication',"
    " 'document'"
)

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    f"""
    CREATE TABLE patients_record_type (
        code text PRIMARY KEY CONSTRAINT patients_record_type_code_check CHECK (
            code ~ '^[a-z][a-z0-9_]{{0,39}}$'),
        name text NOT NULL CONSTRAINT patients_record_type_name_check CHECK (name <> ''),
        written_as text CONSTRAINT patients_record_type_written_as_check CHECK (
            written_as IN ('note', 'vitals', 'diagnosis')),
        schema jsonb NOT NULL CONSTRAINT patients_record_type_schema_check CHECK (
            jsonb_typeof(schema) = 'object' AND octet_length(schema::text) <= 65536),
        active boolean NOT NULL,
        version integer NOT NULL CONSTRAINT patients_record_type_version_check CHECK (version > 0),
        updated_at timestamptz NOT NULL,
        updated_by uuid NOT NULL,
        CONSTRAINT patients_record_type_built_in_check CHECK (
            (code IN ({BUILT_IN})) = (written_as IS NULL))
    )
    """,
    "CREATE TABLE patients_record_type_version (LIKE patients_record_type, PRIMARY KEY (code, version))",
    """
    CREATE FUNCTION patients_keep_record_type() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO patients_record_type_version SELECT NEW.*;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER keep_versions AFTER INSERT OR UPDATE ON patients_record_type
        FOR EACH ROW EXECUTE FUNCTION patients_keep_record_type()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patients_record_type_version
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # An entry keeps the version of the definition that it was checked by.
    f"""
    ALTER TABLE patients_record_entry
        ADD COLUMN schema_version integer,
        ADD CONSTRAINT patients_record_entry_schema_fkey FOREIGN KEY (kind, schema_version)
            REFERENCES patients_record_type_version (code, version),
        ADD CONSTRAINT patients_record_entry_schema_check CHECK (
            kind IN ({BUILT_IN}) OR schema_version IS NOT NULL)
    """,
)


def upgrade() -> None:
    """Make the tables of kinds."""
    for statement in STATEMENTS:
        op.execute(statement)
