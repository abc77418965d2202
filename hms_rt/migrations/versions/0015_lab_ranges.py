"""Laboratory: panels, reference ranges by age and sex, states of orders, recollection of specimens.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CATALOGUE = (
    """
    ALTER TABLE lab_catalogue
        ADD COLUMN plausible_low numeric,
        ADD COLUMN plausible_high numeric,
        ADD COLUMN delta_absolute numeric,
        ADD COLUMN delta_percent numeric,
        ADD COLUMN delta_hours integer,
        ADD CONSTRAINT lab_catalogue_code_unit_key UNIQUE (code, unit),
        ADD CONSTRAINT lab_catalogue_plausible_check CHECK (plausible_low < plausible_high
            AND (unit IS NOT NULL
                OR coalesce(plausible_low, plausible_high, delta_absolute, delta_percent) IS NULL)),
        ADD CONSTRAINT lab_catalogue_delta_check CHECK ((delta_hours IS NULL)
            = (coalesce(delta_absolute, delta_percent) IS NULL)
            AND delta_absolute > 0 AND delta_percent > 0 AND delta_hours BETWEEN 1 AND 87600)
    """,
    """
    ALTER TABLE lab_catalogue_version
        ADD COLUMN plausible_low numeric,
        ADD COLUMN plausible_high numeric,
        ADD COLUMN delta_absolute numeric,
        ADD COLUMN delta_percent numeric,
        ADD COLUMN delta_hours integer
    """,
    """
    CREATE TABLE lab_panel (
        code text PRIMARY KEY,
        name text NOT NULL,
        tests text[] NOT NULL,
        active boolean NOT NULL,
        version integer NOT NULL,
        CONSTRAINT lab_panel_tests_number_check CHECK (cardinality(tests) BETWEEN 1 AND 30)
    )
    """,
    "CREATE TABLE lab_panel_version (LIKE lab_panel, PRIMARY KEY (code, version))",
    # Codes of the catalogue are never deleted, so that what a panel names stays.
    """
    CREATE FUNCTION lab_keep_panel() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(DISTINCT c.code) FROM lab_catalogue c WHERE c.code = ANY (NEW.tests))
            <> cardinality(NEW.tests)
        THEN
            RAISE EXCEPTION 'panel % names unknown tests, or one twice', NEW.code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_panel_tests_check';
        END IF;
        INSERT INTO lab_panel_version SELECT NEW.*;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER keep_versions AFTER INSERT OR UPDATE ON lab_panel
        FOR EACH ROW EXECUTE FUNCTION lab_keep_panel()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_panel_version
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON lab_catalogue
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TABLE lab_order_panel (
        order_id uuid NOT NULL CONSTRAINT lab_order_panel_order_id_fkey REFERENCES lab_order,
        panel text NOT NULL,
        version integer NOT NULL,
        PRIMARY KEY (order_id, panel),
        CONSTRAINT lab_order_panel_version_fkey FOREIGN KEY (panel, version)
            REFERENCES lab_panel_version (code, version)
    )
    """,
)

RANGES = (
    # A set holds until the next one of its test begins: in time there is neither a gap nor an overlap.
    """
    CREATE TABLE lab_range_set (
        id uuid PRIMARY KEY,
        code text NOT NULL,
        unit text NOT NULL,
        valid_from date NOT NULL,
        source text NOT NULL,
        defined_by uuid NOT NULL,
        defined_at timestamptz NOT NULL,
        withdrawn_by uuid,
        withdrawn_at timestamptz,
        withdraw_reason text,
        version integer NOT NULL,
        CONSTRAINT lab_range_set_unit_fkey FOREIGN KEY (code, unit) REFERENCES lab_catalogue (code, unit),
        CONSTRAINT lab_range_set_withdrawn_check CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)
            AND (withdrawn_at IS NULL) = (withdraw_reason IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX lab_range_set_valid_from_key ON lab_range_set (code, valid_from)
        WHERE withdrawn_at IS NULL
    """,
    """
    CREATE TABLE lab_reference_range (
        set_id uuid NOT NULL CONSTRAINT lab_reference_range_set_id_fkey REFERENCES lab_range_set,
        sex text NOT NULL CONSTRAINT lab_reference_range_sex_check CHECK (sex IN ('any', 'female', 'male')),
        age_from_days integer NOT NULL
            CONSTRAINT lab_reference_range_age_from_check CHECK (age_from_days >= 0),
        age_to_days integer,
        reference_low numeric,
        reference_high numeric,
        critical_low numeric,
        critical_high numeric,
        PRIMARY KEY (set_id, sex, age_from_days),
        CONSTRAINT lab_reference_range_age_check CHECK (age_to_days > age_from_days),
        CONSTRAINT lab_reference_range_bounds_check CHECK (
            critical_low <= coalesce(reference_low, reference_high, critical_high)
            AND reference_low <= coalesce(reference_high, critical_high)
            AND reference_high <= critical_high AND critical_low < critical_high)
    )
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_reference_range
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON lab_range_set
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # Checked at COMMIT, one transaction after the other for a set: every age of either sex has one range.
    """
    CREATE FUNCTION lab_check_ranges() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
        overlap boolean;
        gap boolean;
    BEGIN
        IF TG_TABLE_NAME = 'lab_range_set' THEN
            wanted := NEW.id;
        ELSE
            wanted := NEW.set_id;
        END IF;
        PERFORM FROM lab_range_set WHERE id = wanted FOR UPDATE;
        WITH aged AS (
            SELECT s.sex, r.age_from_days AS starts, coalesce(r.age_to_days, 2147483647) AS ends,
                max(coalesce(r.age_to_days, 2147483647)) OVER (PARTITION BY s.sex ORDER BY r.age_from_days
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
            FROM (VALUES ('female'), ('male')) s (sex)
            LEFT JOIN lab_reference_range r ON r.set_id = wanted AND r.sex IN (s.sex, 'any')
        ), by_sex AS (
            SELECT bool_or(coalesce(starts < reached, false)) AS doubled,
                bool_or(starts IS NULL OR starts > coalesce(reached, 0)) OR max(ends) < 2147483647 AS missed
            FROM aged GROUP BY sex
        )
        SELECT bool_or(doubled), bool_or(missed) INTO overlap, gap FROM by_sex;
        IF overlap THEN
            RAISE EXCEPTION 'two reference ranges of set % hold for one age and sex', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_reference_range_overlap_check';
        ELSIF gap THEN
            RAISE EXCEPTION 'set % leaves an age of one sex without reference range', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_reference_range_gap_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER complete AFTER INSERT ON lab_range_set
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lab_check_ranges()
    """,
    """
    CREATE CONSTRAINT TRIGGER complete AFTER INSERT ON lab_reference_range
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lab_check_ranges()
    """,
)

ORDERS = (
    """
    ALTER TABLE lab_order
        ADD COLUMN state text NOT NULL DEFAULT 'open'
            CONSTRAINT lab_order_state_check CHECK (state IN ('open', 'completed', 'cancelled')),
        ADD COLUMN place text NOT NULL
            GENERATED ALWAYS AS (coalesce('ward:' || ward, 'clinic:' || clinic)) STORED
    """,
    """
    UPDATE lab_order o SET state = s.state FROM (
        SELECT order_id, CASE WHEN bool_or(state NOT IN ('released', 'cancelled')) THEN 'open'
            WHEN bool_or(state = 'released') THEN 'completed' ELSE 'cancelled' END AS state
        FROM lab_test GROUP BY order_id) s
    WHERE o.id = s.order_id AND s.state <> 'open'
    """,
    "DROP INDEX lab_order_ward_idx",
    "DROP INDEX lab_order_clinic_idx",
    "CREATE INDEX lab_order_place_idx ON lab_order (place, id)",
    "CREATE INDEX lab_order_place_state_idx ON lab_order (place, state, id)",
    "CREATE INDEX lab_order_state_idx ON lab_order (state, id)",
    # The order is locked by whoever changes its tests.
    """
    CREATE FUNCTION lab_follow_tests() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE lab_order o SET state = s.state FROM (
            SELECT order_id, CASE WHEN bool_or(state NOT IN ('released', 'cancelled')) THEN 'open'
                WHEN bool_or(state = 'released') THEN 'completed' ELSE 'cancelled' END AS state
            FROM lab_test WHERE order_id IN (
                SELECT a.order_id FROM after_rows a JOIN before_rows b USING (id)
                WHERE a.state <> b.state AND a.state IN ('released', 'cancelled'))
            GROUP BY order_id) s
        WHERE o.id = s.order_id AND o.state <> s.state;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER order_state AFTER UPDATE ON lab_test
        REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
        FOR EACH STATEMENT EXECUTE FUNCTION lab_follow_tests()
    """,
    """
    ALTER TABLE lab_specimen
        ADD COLUMN replaces uuid,
        ADD CONSTRAINT lab_specimen_kind_key UNIQUE (order_id, id, kind),
        ADD CONSTRAINT lab_specimen_replaces_fkey FOREIGN KEY (order_id, replaces, kind)
            REFERENCES lab_specimen (order_id, id, kind)
    """,
    "CREATE INDEX lab_specimen_replaces_idx ON lab_specimen (replaces) WHERE replaces IS NOT NULL",
    """
    CREATE FUNCTION lab_guard_specimen() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.state <> 'collected' THEN
                RAISE EXCEPTION 'a specimen begins as collected'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_specimen_move_check';
            END IF;
            IF NEW.replaces IS NOT NULL AND NOT EXISTS (
                SELECT FROM lab_specimen WHERE id = NEW.replaces AND state = 'rejected')
            THEN
                RAISE EXCEPTION 'only a rejected specimen is replaced'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_specimen_replaces_check';
            END IF;
        ELSIF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('collected', 'received'),
            ('collected', 'rejected'), ('received', 'processed'), ('received', 'rejected'))
        THEN
            RAISE EXCEPTION 'specimen %: % does not follow %', NEW.barcode, NEW.state, OLD.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_specimen_move_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER moves BEFORE INSERT OR UPDATE ON lab_specimen
        FOR EACH ROW EXECUTE FUNCTION lab_guard_specimen()
    """,
)

STATEMENTS = (*CATALOGUE, *RANGES, *ORDERS)


def upgrade() -> None:
    """Add tables and rules to those of the laboratory."""
    for statement in STATEMENTS:
        op.execute(statement)
