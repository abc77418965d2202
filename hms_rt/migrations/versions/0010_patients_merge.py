"""Patients: one may be merged into another, and the merge may be undone.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

GUARDED = ("ipd_admission", "ipd_stay", "beds_occupant", "opd_token", "lab_order", "patients_record_entry")
"""Tables whose rows are work for a patient: nobody who was merged away gets any."""

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    ALTER TABLE patients_patient
        ADD COLUMN merged_into uuid
            CONSTRAINT patients_patient_merged_into_fkey REFERENCES patients_patient,
        ADD CONSTRAINT patients_patient_merged_into_check CHECK (merged_into <> id)
    """,
    """
    CREATE INDEX patients_patient_merged_into_idx ON patients_patient (merged_into)
        WHERE merged_into IS NOT NULL
    """,
    """
    CREATE TABLE patients_merge (
        id uuid PRIMARY KEY,
        from_id uuid NOT NULL CONSTRAINT patients_merge_from_id_fkey REFERENCES patients_patient,
        into_id uuid NOT NULL CONSTRAINT patients_merge_into_id_fkey REFERENCES patients_patient,
        reason text NOT NULL CONSTRAINT patients_merge_reason_check CHECK (reason <> ''),
        merged_at timestamptz NOT NULL,
        merged_by uuid NOT NULL,
        undone_at timestamptz,
        undone_by uuid,
        undo_reason text,
        CONSTRAINT patients_merge_two_check CHECK (from_id <> into_id),
        CONSTRAINT patients_merge_undone_check CHECK (
            (undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undo_reason IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX patients_merge_from_id_key ON patients_merge (from_id) WHERE undone_at IS NULL",
    "CREATE INDEX patients_merge_from_id_idx ON patients_merge (from_id, id)",
    "CREATE INDEX patients_merge_into_id_idx ON patients_merge (into_id, id)",
    # A merge is undone once; what it was stays as it is.
    """
    CREATE FUNCTION patients_keep_merge() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.undone_at IS NOT NULL
            OR (NEW.id, NEW.from_id, NEW.into_id, NEW.reason, NEW.merged_at, NEW.merged_by)
            IS DISTINCT FROM
               (OLD.id, OLD.from_id, OLD.into_id, OLD.reason, OLD.merged_at, OLD.merged_by) THEN
            RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER undone_once BEFORE UPDATE ON patients_merge
        FOR EACH ROW EXECUTE FUNCTION patients_keep_merge()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON patients_merge
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # What a merge moved, row by row: the undo moves exactly that back.
    """
    CREATE TABLE patients_repoint (
        table_name text NOT NULL,
        row_id text NOT NULL,
        merge_id uuid NOT NULL CONSTRAINT patients_repoint_merge_id_fkey REFERENCES patients_merge,
        PRIMARY KEY (table_name, row_id, merge_id)
    )
    """,
    "CREATE INDEX patients_repoint_merge_id_idx ON patients_repoint (merge_id, table_name)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON patients_repoint
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # Nobody is merged into somebody who was merged away: so merges make no circle. The survivor is locked
    # against being merged away meanwhile.
    """
    CREATE FUNCTION patients_check_survivor() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM patients_patient WHERE id = NEW.merged_into AND merged_into IS NULL FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'patient % was merged away: nobody is merged into it', NEW.merged_into
                USING ERRCODE = 'check_violation', CONSTRAINT = 'patients_patient_survivor_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER survivor BEFORE INSERT OR UPDATE OF merged_into ON patients_patient
        FOR EACH ROW WHEN (NEW.merged_into IS NOT NULL) EXECUTE FUNCTION patients_check_survivor()
    """,
    # A patient points to the survivor exactly while a merge says so.
    """
    CREATE FUNCTION patients_check_merged() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
    BEGIN
        IF TG_TABLE_NAME = 'patients_patient' THEN
            wanted := NEW.id;
        ELSE
            wanted := NEW.from_id;
        END IF;
        IF (SELECT merged_into FROM patients_patient WHERE id = wanted) IS DISTINCT FROM
           (SELECT into_id FROM patients_merge WHERE from_id = wanted AND undone_at IS NULL) THEN
            RAISE EXCEPTION 'patient % and its merge disagree', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'patients_merge_pointer_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER merged AFTER INSERT OR UPDATE OF merged_into ON patients_patient
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.merged_into IS NOT NULL)
        EXECUTE FUNCTION patients_check_merged()
    """,
    """
    CREATE CONSTRAINT TRIGGER merged AFTER INSERT OR UPDATE ON patients_merge
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION patients_check_merged()
    """,
    # Work for somebody who was merged away is refused; whoever is merging the patient is waited for, because
    # a merge locks both FOR UPDATE. Departments attach this to each of their tables with a patient.
    """
    CREATE FUNCTION patients_refuse_merged() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        survivor uuid;
    BEGIN
        SELECT merged_into INTO survivor FROM patients_patient WHERE id = NEW.patient_id FOR KEY SHARE;
        IF survivor IS NOT NULL THEN
            RAISE EXCEPTION 'patient % was merged into %', NEW.patient_id, survivor
                USING ERRCODE = 'check_violation', CONSTRAINT = 'patients_patient_merged_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    *(
        f"""
        CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON {table}
            FOR EACH ROW WHEN (NEW.patient_id IS NOT NULL) EXECUTE FUNCTION patients_refuse_merged()
        """
        for table in GUARDED
    ),
    # History keeps its patient, but for a merge that says so and its undo.
    """
    CREATE FUNCTION patients_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF to_jsonb(NEW) - 'patient_id' IS DISTINCT FROM to_jsonb(OLD) - 'patient_id' OR NOT EXISTS (
            SELECT FROM patients_repoint r JOIN patients_merge m ON m.id = r.merge_id
            WHERE r.table_name = TG_TABLE_NAME AND r.row_id = OLD.id::text
            AND CASE WHEN m.undone_at IS NULL
                THEN (m.from_id, m.into_id) = (OLD.patient_id, NEW.patient_id)
                ELSE (m.from_id, m.into_id) = (NEW.patient_id, OLD.patient_id) END
        ) THEN
            RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "DROP TRIGGER append_only ON patients_record_entry",
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON patients_record_entry
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER append_only_but_merges BEFORE UPDATE ON patients_record_entry
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_rewrite()
    """,
    # A stay follows its admission, and who is in the bed follows the stay.
    "ALTER TABLE ipd_stay DROP CONSTRAINT ipd_stay_admission_id_fkey",
    """
    ALTER TABLE ipd_stay
        ADD CONSTRAINT ipd_stay_id_patient_id_key UNIQUE (id, patient_id),
        ADD CONSTRAINT ipd_stay_admission_id_fkey FOREIGN KEY (admission_id, patient_id)
            REFERENCES ipd_admission (id, patient_id) ON UPDATE CASCADE
    """,
    """
    ALTER TABLE beds_occupant ADD CONSTRAINT beds_occupant_stay_id_fkey FOREIGN KEY (stay_id, patient_id)
        REFERENCES ipd_stay (id, patient_id) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
    """,
    """
    CREATE INDEX notifications_notification_patient_id_idx ON notifications_notification (patient_id)
        WHERE patient_id IS NOT NULL
    """,
)


def upgrade() -> None:
    """Make merges possible, and departments follow them."""
    for statement in STATEMENTS:
        op.execute(statement)
