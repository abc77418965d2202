"""Streams, change log, audit trail, idempotency, document references.

Revision ID: 0001
Revises: none
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    CREATE TABLE stream_epoch (
        id smallint PRIMARY KEY DEFAULT 1 CONSTRAINT stream_epoch_single_check CHECK (id = 1),
        epoch uuid NOT NULL,
        system_identifier bigint,
        timeline bigint,
        changed_at timestamptz NOT NULL,
        reason text NOT NULL
    )
    """,
    "INSERT INTO stream_epoch VALUES (1, gen_random_uuid(), NULL, NULL, clock_timestamp(), 'created')",
    """
    CREATE TABLE stream_head (
        stream text COLLATE "C" PRIMARY KEY,
        version bigint NOT NULL CONSTRAINT stream_head_version_check CHECK (version > 0),
        at timestamptz NOT NULL
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE UNLOGGED TABLE change_batch (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        changes jsonb NOT NULL
    )
    """,
    """
    CREATE TABLE change_log (
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        at timestamptz NOT NULL,
        xid bigint NOT NULL,
        schema_version smallint NOT NULL,
        ops jsonb NOT NULL,
        PRIMARY KEY (stream, version, at)
    ) PARTITION BY RANGE (at)
    """,
    "CREATE INDEX change_log_xid_idx ON change_log (xid)",
    "CREATE TABLE change_log_default PARTITION OF change_log DEFAULT",
    """
    CREATE FUNCTION hms_make_partitions(since timestamptz, months integer) RETURNS void
    LANGUAGE plpgsql AS $$
    DECLARE
        first date := date_trunc('month', since AT TIME ZONE 'UTC')::date;
        start date;
        name text;
    BEGIN
        FOR i IN 0 .. months - 1 LOOP
            start := first + make_interval(months => i);
            name := 'change_log_' || to_char(start, 'YYYY_MM');
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF change_log FOR VALUES FROM (%L) TO (%L)',
                    name, start::timestamp AT TIME ZONE 'UTC',
                    (start + interval '1 month') AT TIME ZONE 'UTC');
            END IF;
        END LOOP;
    END $$
    """,
    "SELECT hms_make_partitions(clock_timestamp(), 3)",
    # Runs during COMMIT: heads are locked one by one, in name order, for the shortest time there is.
    """
    CREATE FUNCTION hms_number_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        item record;
        number bigint;
        moment timestamptz;
    BEGIN
        FOR item IN SELECT key, value FROM jsonb_each(NEW.changes) ORDER BY key COLLATE "C" LOOP
            INSERT INTO stream_head AS head (stream, version, at)
                VALUES (item.key, 1, clock_timestamp())
                ON CONFLICT (stream) DO UPDATE
                    SET version = head.version + 1, at = greatest(head.at, clock_timestamp())
                RETURNING head.version, head.at INTO number, moment;
            INSERT INTO change_log (stream, version, at, xid, schema_version, ops)
                VALUES (item.key, number, moment, pg_current_xact_id()::text::bigint, 1, item.value);
        END LOOP;
        DELETE FROM change_batch WHERE id = NEW.id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER number_changes AFTER INSERT ON change_batch
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hms_number_changes()
    """,
    """
    CREATE FUNCTION hms_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON change_log
        FOR EACH ROW EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON change_log
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON change_log FROM PUBLIC, CURRENT_USER",
    """
    CREATE TABLE audit_log (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL,
        xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
        principal_kind text NOT NULL,
        principal_id uuid NOT NULL,
        session_id uuid NOT NULL,
        action text NOT NULL,
        outcome text NOT NULL CONSTRAINT audit_log_outcome_check CHECK (outcome IN ('allowed', 'denied')),
        entity text NOT NULL,
        entity_id text NOT NULL,
        patient_id uuid,
        detail jsonb NOT NULL,
        request_id text NOT NULL,
        address text NOT NULL
    )
    """,
    "CREATE INDEX audit_log_patient_id_idx ON audit_log (patient_id, id) WHERE patient_id IS NOT NULL",
    "CREATE INDEX audit_log_principal_id_idx ON audit_log (principal_id, id)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC, CURRENT_USER",
    """
    CREATE TABLE idempotency (
        principal_id uuid NOT NULL,
        key text NOT NULL,
        command text NOT NULL,
        fingerprint bytea NOT NULL,
        answer jsonb,
        at timestamptz NOT NULL,
        PRIMARY KEY (principal_id, key)
    )
    """,
    "CREATE INDEX idempotency_at_idx ON idempotency (at)",
    """
    CREATE TABLE document_ref (
        id uuid PRIMARY KEY,
        collection text NOT NULL,
        sha256 bytea NOT NULL CONSTRAINT document_ref_sha256_check CHECK (octet_length(sha256) = 32),
        size bigint NOT NULL CONSTRAINT document_ref_size_check CHECK (size > 0),
        written_at timestamptz NOT NULL
    )
    """,
    # The orphan sweep quarantines documents a day old: a reference that old must not appear afterwards.
    """
    CREATE FUNCTION hms_refuse_old_document() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.written_at < clock_timestamp() - interval '1 hour' THEN
            RAISE EXCEPTION 'document % was written over an hour ago: write it again', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'document_ref_age_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER fresh_document AFTER INSERT ON document_ref
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hms_refuse_old_document()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON document_ref
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
)


def upgrade() -> None:
    """Make the machinery's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
