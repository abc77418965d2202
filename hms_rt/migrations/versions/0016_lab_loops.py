"""Laboratory: history of tests, readers of results, and the closed loop of critical values.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TESTS = (
    """
    ALTER TABLE lab_test
        ADD COLUMN panel text,
        ADD COLUMN definition integer,
        ADD COLUMN recollect_of uuid,
        ADD COLUMN delta boolean NOT NULL DEFAULT false,
        ADD COLUMN corrected_by uuid,
        ADD COLUMN corrected_at timestamptz,
        ADD COLUMN review_remind_at timestamptz,
        ADD CONSTRAINT lab_test_panel_fkey FOREIGN KEY (order_id, panel)
            REFERENCES lab_order_panel (order_id, panel),
        ADD CONSTRAINT lab_test_definition_fkey FOREIGN KEY (code, definition)
            REFERENCES lab_catalogue_version (code, version),
        ADD CONSTRAINT lab_test_recollect_fkey FOREIGN KEY (recollect_of) REFERENCES lab_specimen,
        ADD CONSTRAINT lab_test_recollect_check CHECK (recollect_of IS NULL OR specimen_id IS NULL),
        ADD CONSTRAINT lab_test_corrected_check CHECK ((corrected_by IS NULL) = (corrected_at IS NULL)
            AND (corrected_by IS NULL OR state = 'released'))
    """,
    "UPDATE lab_test SET review_remind_at = released_at WHERE review_due",
    "ALTER TABLE lab_test DROP CONSTRAINT lab_test_review_check",
    # What one person alone released or corrected is looked at by a second one.
    """
    ALTER TABLE lab_test
        ADD CONSTRAINT lab_test_review_check CHECK (
            (NOT review_due OR alone_reason IS NOT NULL OR corrected_by IS NOT NULL)
            AND ((alone_reason IS NULL AND corrected_by IS NULL) OR review_due OR reviewed_by IS NOT NULL)
            AND coalesce(CASE WHEN corrected_by IS NOT NULL THEN reviewed_by <> corrected_by
                ELSE reviewed_by NOT IN (entered_by, released_by) END, true)
            AND (reviewed_by IS NULL OR NOT review_due)),
        ADD CONSTRAINT lab_test_remind_check CHECK (review_due = (review_remind_at IS NOT NULL))
    """,
    "CREATE INDEX lab_test_remind_idx ON lab_test (review_remind_at) WHERE review_due",
    "CREATE INDEX lab_test_recollect_idx ON lab_test (recollect_of) WHERE recollect_of IS NOT NULL",
    # The states that may follow each other; who is said to have entered a result did enter it.
    """
    CREATE FUNCTION lab_guard_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.state <> 'ordered' THEN
                RAISE EXCEPTION 'a test begins as ordered'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_test_move_check';
            END IF;
            RETURN NEW;
        END IF;
        IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('ordered', 'collected'),
            ('collected', 'received'), ('received', 'in_progress'), ('received', 'resulted'),
            ('in_progress', 'resulted'), ('resulted', 'in_progress'), ('resulted', 'verified'),
            ('resulted', 'released'), ('verified', 'released'), ('collected', 'ordered'),
            ('received', 'ordered'), ('in_progress', 'ordered'))
            AND NOT (NEW.state = 'cancelled' AND OLD.state <> 'released')
        THEN
            RAISE EXCEPTION 'test %: % does not follow %', NEW.id, NEW.state, OLD.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_test_move_check';
        END IF;
        IF NEW.result_version IS DISTINCT FROM OLD.result_version
            OR NEW.entered_by IS DISTINCT FROM OLD.entered_by
            OR NEW.corrected_by IS DISTINCT FROM OLD.corrected_by
        THEN
            IF NEW.result_version < OLD.result_version OR NOT EXISTS (
                SELECT FROM lab_result_version v WHERE v.test_id = NEW.id AND v.number = NEW.result_version
                AND v.author = CASE v.kind WHEN 'entry' THEN NEW.entered_by ELSE NEW.corrected_by END)
            THEN
                RAISE EXCEPTION 'test %: its result was entered by somebody else', NEW.id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_test_author_check';
            END IF;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER moves BEFORE INSERT OR UPDATE ON lab_test
        FOR EACH ROW EXECUTE FUNCTION lab_guard_test()
    """,
    """
    CREATE TABLE lab_test_event (
        test_id uuid NOT NULL CONSTRAINT lab_test_event_test_id_fkey REFERENCES lab_test,
        version integer NOT NULL,
        move text NOT NULL CONSTRAINT lab_test_event_move_check CHECK (move IN ('order', 'collect', 'receive',
            'reject', 'start', 'enter', 'disagree', 'verify', 'release', 'release_alone', 'review', 'correct',
            'cancel')),
        state text NOT NULL,
        result_version integer,
        by uuid NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        reason text,
        PRIMARY KEY (test_id, version)
    )
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_test_event
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # A state without the event that led there is refused at COMMIT: the state follows from the events.
    """
    CREATE FUNCTION lab_check_test_history() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM lab_test_event e WHERE e.test_id = NEW.id AND e.version = NEW.version
            AND e.state = NEW.state AND e.result_version IS NOT DISTINCT FROM NEW.result_version)
        THEN
            RAISE EXCEPTION 'test %: no event tells how it became %', NEW.id, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_test_history_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER begun AFTER INSERT ON lab_test
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lab_check_test_history()
    """,
    """
    CREATE CONSTRAINT TRIGGER moved AFTER UPDATE ON lab_test DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.state <> OLD.state OR NEW.result_version IS DISTINCT FROM OLD.result_version
            OR NEW.verified_by IS DISTINCT FROM OLD.verified_by
            OR NEW.reviewed_by IS DISTINCT FROM OLD.reviewed_by)
        EXECUTE FUNCTION lab_check_test_history()
    """,
)

READERS = (
    """
    ALTER TABLE lab_result_version
        ADD COLUMN delta boolean NOT NULL DEFAULT false,
        ADD COLUMN implausible boolean NOT NULL DEFAULT false
    """,
    """
    CREATE TABLE lab_result_read (
        test_id uuid NOT NULL,
        number integer NOT NULL,
        user_id uuid NOT NULL,
        first_at timestamptz NOT NULL,
        PRIMARY KEY (test_id, number, user_id),
        CONSTRAINT lab_result_read_version_fkey FOREIGN KEY (test_id, number)
            REFERENCES lab_result_version (test_id, number)
    )
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_result_read
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TABLE lab_correction_notice (
        test_id uuid NOT NULL,
        number integer NOT NULL,
        user_id uuid NOT NULL,
        notified_at timestamptz NOT NULL,
        reminders integer NOT NULL CONSTRAINT lab_correction_notice_reminders_check CHECK (reminders >= 0),
        remind_at timestamptz,
        seen_at timestamptz,
        superseded_by integer,
        PRIMARY KEY (test_id, number, user_id),
        CONSTRAINT lab_correction_notice_version_fkey FOREIGN KEY (test_id, number)
            REFERENCES lab_result_version (test_id, number),
        CONSTRAINT lab_correction_notice_remind_check CHECK ((remind_at IS NOT NULL)
            = (seen_at IS NULL AND superseded_by IS NULL)),
        CONSTRAINT lab_correction_notice_superseded_check CHECK (superseded_by > number)
    )
    """,
    """
    CREATE INDEX lab_correction_notice_remind_idx ON lab_correction_notice (remind_at)
        WHERE remind_at IS NOT NULL
    """,
    """
    CREATE INDEX lab_correction_notice_user_idx ON lab_correction_notice (user_id, test_id)
        WHERE remind_at IS NOT NULL
    """,
    """
    CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON lab_correction_notice
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # Who read an earlier version and is not told of the correction makes it fail.
    """
    CREATE FUNCTION lab_check_readers_told() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM lab_result_read r WHERE r.test_id = NEW.test_id AND r.number < NEW.number
            AND r.user_id <> NEW.author AND NOT EXISTS (
                SELECT FROM lab_correction_notice n WHERE n.test_id = NEW.test_id AND n.number = NEW.number
                AND n.user_id = r.user_id))
        THEN
            RAISE EXCEPTION 'a reader of an earlier version of % is not told', NEW.test_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_correction_notice_told_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER readers_told AFTER INSERT ON lab_result_version
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'correction')
        EXECUTE FUNCTION lab_check_readers_told()
    """,
)

ALERTS = (
    """
    ALTER TABLE lab_critical_alert
        ADD COLUMN step text NOT NULL DEFAULT 'doctor' CONSTRAINT lab_critical_alert_step_check CHECK (
            step IN ('doctor', 'ward_nurse', 'on_call', 'everybody')),
        ADD COLUMN nobody_on_call boolean NOT NULL DEFAULT false,
        ADD COLUMN place text,
        ADD COLUMN ordered_by uuid,
        ADD COLUMN superseded_by integer,
        ADD CONSTRAINT lab_critical_alert_superseded_fkey FOREIGN KEY (test_id, superseded_by)
            REFERENCES lab_result_version (test_id, number),
        ADD CONSTRAINT lab_critical_alert_superseded_check CHECK (superseded_by > result_version
            AND (superseded_by IS NULL OR state = 'closed'))
    """,
    """
    UPDATE lab_critical_alert a SET place = o.place, ordered_by = o.ordered_by
    FROM lab_test t JOIN lab_order o ON o.id = t.order_id WHERE t.id = a.test_id
    """,
    """
    ALTER TABLE lab_critical_alert
        ALTER COLUMN place SET NOT NULL,
        ALTER COLUMN ordered_by SET NOT NULL,
        DROP CONSTRAINT lab_critical_alert_acknowledged_check,
        ADD CONSTRAINT lab_critical_alert_acknowledged_check CHECK (
            (acknowledged_by IS NULL) = (acknowledged_at IS NULL) AND CASE
            WHEN state = 'acknowledged' THEN acknowledged_by IS NOT NULL
            WHEN state = 'closed' THEN acknowledged_by IS NOT NULL OR superseded_by IS NOT NULL
            ELSE acknowledged_by IS NULL END)
    """,
    "CREATE INDEX lab_critical_alert_place_idx ON lab_critical_alert (place, id)",
    "CREATE INDEX lab_critical_alert_ordered_by_idx ON lab_critical_alert (ordered_by, id)",
    """
    CREATE INDEX lab_critical_alert_unanswered_idx ON lab_critical_alert (place, id)
        WHERE escalate_at IS NOT NULL
    """,
    """
    CREATE FUNCTION lab_guard_alert() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
            ('open', 'notified'), ('open', 'escalated'), ('open', 'acknowledged'), ('open', 'closed'),
            ('notified', 'escalated'), ('notified', 'acknowledged'), ('notified', 'closed'),
            ('escalated', 'acknowledged'), ('escalated', 'closed'), ('acknowledged', 'closed'))
            OR TG_OP = 'INSERT' AND NEW.state NOT IN ('open', 'notified', 'escalated')
        THEN
            RAISE EXCEPTION 'alert %: % is not the next state', NEW.id, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_critical_alert_move_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER moves BEFORE INSERT OR UPDATE ON lab_critical_alert
        FOR EACH ROW EXECUTE FUNCTION lab_guard_alert()
    """,
    """
    CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON lab_critical_alert
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # A critical value that raises no alert is refused at COMMIT.
    """
    CREATE FUNCTION lab_check_alerted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM lab_critical_alert a
            WHERE a.test_id = NEW.test_id AND a.result_version = NEW.number)
        THEN
            RAISE EXCEPTION 'the critical result of % raises no alert', NEW.test_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'lab_result_version_alerted_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER alerted AFTER INSERT ON lab_result_version
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.flag IN ('critical_low', 'critical_high'))
        EXECUTE FUNCTION lab_check_alerted()
    """,
    """
    CREATE TABLE lab_alert_event (
        alert_id uuid NOT NULL CONSTRAINT lab_alert_event_alert_id_fkey REFERENCES lab_critical_alert,
        version integer NOT NULL,
        move text NOT NULL CONSTRAINT lab_alert_event_move_check CHECK (move IN ('raise', 'escalate', 'relay',
            'read_back', 'acknowledge', 'close', 'supersede')),
        step text NOT NULL,
        by uuid NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        told uuid[] NOT NULL,
        note text,
        PRIMARY KEY (alert_id, version)
    )
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_alert_event
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TABLE lab_alert_recipient (
        alert_id uuid NOT NULL CONSTRAINT lab_alert_recipient_alert_id_fkey REFERENCES lab_critical_alert,
        user_id uuid NOT NULL,
        step text NOT NULL,
        told_at timestamptz NOT NULL,
        PRIMARY KEY (alert_id, user_id)
    )
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_alert_recipient
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
)

STATEMENTS = (*TESTS, *READERS, *ALERTS)


def upgrade() -> None:
    """Add tables and rules to those of the laboratory."""
    for statement in STATEMENTS:
        op.execute(statement)
