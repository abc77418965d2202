"""Reporting: service accounts, and an order of all changes that a reader can follow.

Revision ID: 0033
Revises: 0032
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    # The order of the feed. A position is the highest transaction id among those that wrote this version of
    # the stream and all before it: it never falls within a stream, and once every transaction below some id
    # has ended no row below that position can appear any more. Transaction ids begin anew after a move to
    # another cluster, therefore the era, which rises with every epoch.
    "ALTER TABLE stream_epoch ADD COLUMN era integer NOT NULL DEFAULT 1",
    """
    ALTER TABLE stream_head ADD COLUMN era integer NOT NULL DEFAULT 0,
        ADD COLUMN position bigint NOT NULL DEFAULT 0
    """,
    """
    ALTER TABLE change_log ADD COLUMN era integer NOT NULL DEFAULT 0,
        ADD COLUMN position bigint NOT NULL DEFAULT 0
    """,
    # What is written from now on says where it stands, or is refused.
    "ALTER TABLE change_log ALTER COLUMN era DROP DEFAULT, ALTER COLUMN position DROP DEFAULT",
    "CREATE INDEX change_log_feed_idx ON change_log (era, position, stream, version) INCLUDE (at)",
    """
    CREATE OR REPLACE FUNCTION hms_number_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        item record;
        here integer;
        own bigint := pg_current_xact_id()::text::bigint;
        numbered record;
    BEGIN
        -- Whoever gives a new epoch waits until all that were numbered in this one have ended.
        LOCK TABLE stream_epoch IN ROW SHARE MODE;
        SELECT era INTO STRICT here FROM stream_epoch;
        FOR item IN SELECT key, value FROM jsonb_each(NEW.changes) ORDER BY key COLLATE "C" LOOP
            INSERT INTO stream_head AS head (stream, version, at, era, position)
                VALUES (item.key, 1, clock_timestamp(), here, own)
                ON CONFLICT (stream) DO UPDATE
                    SET version = head.version + 1, at = greatest(head.at, clock_timestamp()), era = here,
                        position = CASE WHEN head.era = here THEN greatest(head.position, own) ELSE own END
                RETURNING head.version, head.at, head.position INTO numbered;
            INSERT INTO change_log (stream, version, at, xid, schema_version, ops, era, position)
                VALUES (item.key, numbered.version, numbered.at, own, 1, item.value, here, numbered.position);
        END LOOP;
        DELETE FROM change_batch WHERE id = NEW.id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TABLE reporting_account (
        id uuid PRIMARY KEY,
        name text NOT NULL CONSTRAINT reporting_account_name_check CHECK (name <> ''),
        purpose text NOT NULL,
        scopes text[] NOT NULL
            CONSTRAINT reporting_account_scopes_check CHECK (cardinality(scopes) BETWEEN 1 AND 50),
        identified boolean NOT NULL,
        networks text[] NOT NULL
            CONSTRAINT reporting_account_networks_check CHECK (cardinality(networks) <= 20),
        pseudonym_key bytea NOT NULL
            CONSTRAINT reporting_account_pseudonym_key_check CHECK (octet_length(pseudonym_key) = 32),
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        last_used_at timestamptz,
        last_used_from text,
        version integer NOT NULL,
        created_by uuid NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE UNIQUE INDEX reporting_account_name_key ON reporting_account (lower(name))
        WHERE revoked_at IS NULL
    """,
    # Whoever was shut out stays out, whoever writes the row.
    """
    CREATE FUNCTION hms_revoked_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'what was revoked in % stays revoked', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER revoked_is_final BEFORE UPDATE ON reporting_account FOR EACH ROW
        WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION hms_revoked_is_final()
    """,
    """
    CREATE TABLE reporting_secret (
        id uuid PRIMARY KEY,
        account_id uuid NOT NULL CONSTRAINT reporting_secret_account_id_fkey REFERENCES reporting_account,
        slot smallint NOT NULL CONSTRAINT reporting_secret_slot_check CHECK (slot IN (1, 2)),
        digest bytea NOT NULL CONSTRAINT reporting_secret_digest_key UNIQUE
            CONSTRAINT reporting_secret_digest_check CHECK (octet_length(digest) = 32),
        created_at timestamptz NOT NULL,
        revoked_at timestamptz
    )
    """,
    # At most two secrets work at a time: the old one and the new one while they are exchanged.
    """
    CREATE UNIQUE INDEX reporting_secret_slot_key ON reporting_secret (account_id, slot)
        WHERE revoked_at IS NULL
    """,
    "CREATE INDEX reporting_secret_account_id_idx ON reporting_secret (account_id, id)",
    """
    CREATE TRIGGER revoked_is_final BEFORE UPDATE ON reporting_secret FOR EACH ROW
        WHEN (OLD.revoked_at IS NOT NULL) EXECUTE FUNCTION hms_revoked_is_final()
    """,
)


def upgrade() -> None:
    """Make the tables, and give every later change its place in the feed."""
    for statement in STATEMENTS:
        op.execute(statement)
