"""Billing: a facility's days of cash are closed one after the other, and stay.

Revision ID: 0049
Revises: 0048
"""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE billing_series DROP CONSTRAINT billing_series_series_check",
    """
    ALTER TABLE billing_series ADD CONSTRAINT billing_series_series_check CHECK (
        series IN ('invoice', 'credit_note', 'receipt', 'estimate', 'day'))
    """,
    # The day that a shift's money counts for: that on which it opened, or the next that is not closed.
    "ALTER TABLE billing_shift ADD COLUMN day date",
    "ALTER TABLE billing_shift DISABLE TRIGGER USER",
    "UPDATE billing_shift SET day = (opened_at AT TIME ZONE 'UTC')::date",
    "ALTER TABLE billing_shift ENABLE TRIGGER USER",
    "ALTER TABLE billing_shift ALTER COLUMN day SET NOT NULL",
    "CREATE INDEX billing_shift_day_idx ON billing_shift (facility, day)",
    """
    CREATE TABLE billing_day (
        id uuid PRIMARY KEY,
        facility text NOT NULL,
        day date NOT NULL,
        number bigint NOT NULL,
        shifts integer NOT NULL CONSTRAINT billing_day_shifts_check CHECK (shifts > 0),
        opening_cash numeric NOT NULL,
        counted numeric NOT NULL,
        difference numeric NOT NULL,
        closed_at timestamptz NOT NULL,
        closed_by uuid NOT NULL,
        CONSTRAINT billing_day_day_key UNIQUE (facility, day),
        CONSTRAINT billing_day_number_key UNIQUE (facility, number)
    )
    """,
    """
    CREATE TABLE billing_day_means (
        day_id uuid NOT NULL CONSTRAINT billing_day_means_day_id_fkey REFERENCES billing_day,
        means text NOT NULL,
        received numeric NOT NULL CONSTRAINT billing_day_means_received_check CHECK (received >= 0),
        given_back numeric NOT NULL CONSTRAINT billing_day_means_given_back_check CHECK (given_back >= 0),
        PRIMARY KEY (day_id, means)
    )
    """,
    # Whoever opens a shift waits for whoever closes the day, and the other way round.
    "CREATE TABLE billing_books (facility text PRIMARY KEY, closed_until date)",
    """
    CREATE FUNCTION billing_check_shift_day() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        until date;
    BEGIN
        INSERT INTO billing_books (facility) VALUES (NEW.facility) ON CONFLICT DO NOTHING;
        SELECT closed_until INTO until FROM billing_books WHERE facility = NEW.facility FOR SHARE;
        IF until >= NEW.day THEN
            RAISE EXCEPTION 'the day is closed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_shift_day_open_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER day_open BEFORE INSERT ON billing_shift
        FOR EACH ROW EXECUTE FUNCTION billing_check_shift_day()
    """,
    """
    CREATE FUNCTION billing_close_day() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        until date;
    BEGIN
        INSERT INTO billing_books (facility) VALUES (NEW.facility) ON CONFLICT DO NOTHING;
        SELECT closed_until INTO until FROM billing_books WHERE facility = NEW.facility FOR UPDATE;
        IF until >= NEW.day OR EXISTS (SELECT FROM billing_shift
                WHERE facility = NEW.facility AND day <= NEW.day AND closed_at IS NULL) THEN
            RAISE EXCEPTION 'a shift is open, or the day is closed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_day_order_check';
        END IF;
        UPDATE billing_books SET closed_until = NEW.day WHERE facility = NEW.facility;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER in_order BEFORE INSERT ON billing_day
        FOR EACH ROW EXECUTE FUNCTION billing_close_day()
    """,
    # What a closed day says is what its shifts say.
    """
    CREATE FUNCTION billing_check_day() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        one billing_day;
        since date;
    BEGIN
        SELECT * INTO one FROM billing_day
            WHERE id = coalesce((to_jsonb(NEW) ->> 'day_id')::uuid, (to_jsonb(NEW) ->> 'id')::uuid);
        SELECT max(day) INTO since FROM billing_day WHERE facility = one.facility AND day < one.day;
        IF NOT EXISTS (SELECT FROM billing_shift
                WHERE facility = one.facility AND day <= one.day AND (since IS NULL OR day > since)
                HAVING (count(*), sum(opening_cash), sum(counted), sum(difference))
                    = (one.shifts, one.opening_cash, one.counted, one.difference))
            OR EXISTS (
                SELECT FROM (SELECT * FROM billing_day_means WHERE day_id = one.id) m FULL JOIN (
                    SELECT p.means, sum(p.amount) AS received FROM billing_payment p
                    JOIN billing_shift s ON s.id = p.shift_id
                    WHERE s.facility = one.facility AND s.day <= one.day AND (since IS NULL OR s.day > since)
                    AND p.captured_at IS NOT NULL GROUP BY p.means) p ON p.means = m.means
                WHERE coalesce(m.received, 0) <> coalesce(p.received, 0))
            OR coalesce((SELECT sum(given_back) FROM billing_day_means WHERE day_id = one.id), 0) <> (
                SELECT coalesce(sum(r.amount), 0) FROM billing_refund r
                JOIN billing_shift s ON s.id = r.shift_id
                WHERE s.facility = one.facility AND s.day <= one.day AND (since IS NULL OR s.day > since)
                AND r.state = 'approved') THEN
            PERFORM billing_wrong('day', one.id);
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER sums AFTER INSERT ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_day()
        """
        for table in ("billing_day", "billing_day_means")
    ),
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("billing_day", "billing_day_means")
    ),
    # The number of a closed day is of a series, too.
    """
    CREATE OR REPLACE FUNCTION billing_check_series() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.last <> (CASE TG_OP WHEN 'INSERT' THEN 1 ELSE OLD.last + 1 END) OR NOT (CASE NEW.series
            WHEN 'receipt' THEN EXISTS (SELECT FROM billing_payment
                WHERE facility = NEW.facility AND number = NEW.last)
            WHEN 'estimate' THEN EXISTS (SELECT FROM billing_estimate
                WHERE facility = NEW.facility AND number = NEW.last)
            WHEN 'day' THEN EXISTS (SELECT FROM billing_day
                WHERE facility = NEW.facility AND number = NEW.last)
            ELSE EXISTS (SELECT FROM billing_invoice WHERE facility = NEW.facility AND number = NEW.last
                AND (kind = 'credit_note') = (NEW.series = 'credit_note')) END) THEN
            RAISE EXCEPTION 'number % of series % is not the next, or nothing has it', NEW.last, NEW.series
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_series_gapless_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION billing_check_number() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted text := CASE TG_TABLE_NAME WHEN 'billing_payment' THEN 'receipt'
            WHEN 'billing_estimate' THEN 'estimate' WHEN 'billing_day' THEN 'day'
            ELSE to_jsonb(NEW) ->> 'kind' END;
    BEGIN
        wanted := CASE WHEN wanted IN ('receipt', 'estimate', 'day', 'credit_note') THEN wanted
            ELSE 'invoice' END;
        IF NOT EXISTS (SELECT FROM billing_series
            WHERE facility = NEW.facility AND series = wanted AND last >= NEW.number) OR NEW.number < 1 THEN
            RAISE EXCEPTION 'number % was not given by the series', NEW.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_series_given_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER number_added AFTER INSERT ON billing_day DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION billing_check_number()
    """,
)


def upgrade() -> None:
    """Make tables and triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
