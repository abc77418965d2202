"""Billing: every means of a shift is counted; charges by hand say why; what owes nothing can be void.

Revision ID: 0051
Revises: 0050
"""

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE billing_shift_means (
        shift_id uuid NOT NULL CONSTRAINT billing_shift_means_shift_id_fkey REFERENCES billing_shift,
        means text NOT NULL CONSTRAINT billing_shift_means_means_check CHECK (
            means IN ('cash', 'card', 'transfer', 'cheque', 'mobile')),
        opening numeric NOT NULL,
        received numeric NOT NULL CONSTRAINT billing_shift_means_received_check CHECK (received >= 0),
        given_back numeric NOT NULL CONSTRAINT billing_shift_means_given_back_check CHECK (given_back >= 0),
        counted numeric,
        reason text,
        PRIMARY KEY (shift_id, means),
        CONSTRAINT billing_shift_means_opening_check CHECK (opening = 0 OR means = 'cash' AND opening > 0),
        CONSTRAINT billing_shift_means_cash_check CHECK (
            means <> 'cash' OR opening + received >= given_back AND coalesce(counted, 0) >= 0),
        CONSTRAINT billing_shift_means_difference_check CHECK (
            counted = opening + received - given_back OR counted IS NULL OR reason IS NOT NULL)
    )
    """,
    # What shifts took until now; only cash was counted.
    """
    INSERT INTO billing_shift_means
    SELECT s.id, m.means, CASE m.means WHEN 'cash' THEN s.opening_cash ELSE 0 END,
        coalesce(p.amount, 0), coalesce(r.amount, 0),
        CASE m.means WHEN 'cash' THEN s.counted END, CASE m.means WHEN 'cash' THEN s.reason END
    FROM billing_shift s
    CROSS JOIN unnest('{cash,card,transfer,cheque,mobile}'::text[]) AS m (means)
    LEFT JOIN (SELECT shift_id, means, sum(amount) AS amount FROM billing_payment
        WHERE captured_at IS NOT NULL GROUP BY 1, 2) p ON p.shift_id = s.id AND p.means = m.means
    LEFT JOIN (SELECT r.shift_id, p.means, sum(r.amount) AS amount FROM billing_refund r
        JOIN billing_payment p ON p.id = r.payment_id WHERE r.state = 'approved' GROUP BY 1, 2) r
        ON r.shift_id = s.id AND r.means = m.means
    WHERE m.means = 'cash' OR p.amount IS NOT NULL OR r.amount IS NOT NULL
    """,
    # A shift begins with its drawer; money that comes or goes moves the sum of its means by as much.
    """
    CREATE FUNCTION billing_move_means(shift uuid, how text, came numeric, went numeric)
    RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE billing_shift_means SET received = received + came, given_back = given_back + went
            WHERE shift_id = shift AND means = how;
        IF NOT FOUND THEN
            INSERT INTO billing_shift_means (shift_id, means, opening, received, given_back)
                VALUES (shift, how, 0, came, went);
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION billing_begin_means() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO billing_shift_means (shift_id, means, opening, received, given_back)
            VALUES (NEW.id, 'cash', NEW.opening_cash, 0, 0);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER begin_means AFTER INSERT ON billing_shift
        FOR EACH ROW EXECUTE FUNCTION billing_begin_means()
    """,
    """
    CREATE FUNCTION billing_receive_means() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM billing_move_means(NEW.shift_id, NEW.means, NEW.amount, 0);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER received AFTER INSERT ON billing_payment
        FOR EACH ROW WHEN (NEW.captured_at IS NOT NULL) EXECUTE FUNCTION billing_receive_means()
    """,
    """
    CREATE TRIGGER received_later AFTER UPDATE ON billing_payment FOR EACH ROW
        WHEN (OLD.captured_at IS NULL AND NEW.captured_at IS NOT NULL)
        EXECUTE FUNCTION billing_receive_means()
    """,
    """
    CREATE FUNCTION billing_give_back_means() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM billing_move_means(NEW.shift_id, p.means, 0, NEW.amount)
            FROM billing_payment p WHERE p.id = NEW.payment_id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER given_back AFTER INSERT ON billing_refund
        FOR EACH ROW WHEN (NEW.state = 'approved') EXECUTE FUNCTION billing_give_back_means()
    """,
    """
    CREATE TRIGGER given_back_later AFTER UPDATE ON billing_refund FOR EACH ROW
        WHEN (OLD.state <> 'approved' AND NEW.state = 'approved') EXECUTE FUNCTION billing_give_back_means()
    """,
    # Nobody else moves these sums: what is written directly, not by those triggers, only says what was
    # counted, and only of a shift that is open.
    """
    CREATE FUNCTION billing_keep_means() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_trigger_depth() < 2 AND (TG_OP = 'INSERT' AND (NEW.opening, NEW.received, NEW.given_back)
                <> (0, 0, 0)
            OR TG_OP = 'UPDATE' AND (NEW.shift_id, NEW.means, NEW.opening, NEW.received, NEW.given_back)
                <> (OLD.shift_id, OLD.means, OLD.opening, OLD.received, OLD.given_back)) THEN
            RAISE EXCEPTION 'the sums of a shift follow its payments' USING ERRCODE = 'restrict_violation';
        END IF;
        PERFORM FROM billing_shift WHERE id = NEW.shift_id AND closed_at IS NULL FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the shift is closed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_means BEFORE INSERT OR UPDATE ON billing_shift_means
        FOR EACH ROW EXECUTE FUNCTION billing_keep_means()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON billing_shift_means
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER whole_units BEFORE INSERT OR UPDATE ON billing_shift_means FOR EACH ROW
        EXECUTE FUNCTION billing_check_scale('opening', 'received', 'given_back', 'counted')
    """,
    # The drawer is what the sum of cash says, and with the shift every means is counted. Reads a row for
    # each means, never the payments.
    """
    CREATE OR REPLACE FUNCTION billing_check_shift(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        one billing_shift;
        fine boolean;
    BEGIN
        SELECT * INTO one FROM billing_shift WHERE id = wanted;
        SELECT count(*) FILTER (WHERE means = 'cash' AND opening = one.opening_cash
                AND opening + received - given_back = one.cash AND counted IS NOT DISTINCT FROM one.counted
                AND reason IS NOT DISTINCT FROM one.reason) = 1
            AND bool_and((counted IS NULL) = (one.closed_at IS NULL)) INTO fine
            FROM billing_shift_means WHERE shift_id = wanted;
        IF fine IS NOT TRUE THEN
            PERFORM billing_wrong('shift', wanted);
        END IF;
    END $$
    """,
    # Once, as it closes, the sums are held to the payments and refunds themselves.
    """
    CREATE FUNCTION billing_check_closed_shift() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM (SELECT * FROM billing_shift_means WHERE shift_id = NEW.id) m
            FULL JOIN (SELECT means, sum(amount) AS amount FROM billing_payment
                WHERE shift_id = NEW.id AND captured_at IS NOT NULL GROUP BY 1) p USING (means)
            FULL JOIN (SELECT p.means, sum(r.amount) AS amount FROM billing_refund r
                JOIN billing_payment p ON p.id = r.payment_id
                WHERE r.shift_id = NEW.id AND r.state = 'approved' GROUP BY 1) r USING (means)
            WHERE coalesce(m.received, 0) <> coalesce(p.amount, 0)
                OR coalesce(m.given_back, 0) <> coalesce(r.amount, 0)) THEN
            PERFORM billing_wrong('shift', NEW.id);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER closed_sums AFTER UPDATE ON billing_shift DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL)
        EXECUTE FUNCTION billing_check_closed_shift()
    """,
    """
    CREATE OR REPLACE FUNCTION billing_check_sums() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        CASE TG_TABLE_NAME
            WHEN 'billing_invoice' THEN
                PERFORM billing_check_invoice(NEW.id);
                IF NEW.credits IS NOT NULL THEN
                    PERFORM billing_check_invoice(NEW.credits);
                END IF;
            WHEN 'billing_line' THEN
                PERFORM billing_check_invoice(NEW.invoice_id);
                IF NOT EXISTS (SELECT FROM billing_charge c JOIN billing_invoice i ON i.id = NEW.invoice_id
                    WHERE c.id = NEW.charge_id AND c.patient_id = i.patient_id
                    AND (c.gross, c.payer_part, c.patient_part)
                        = (NEW.gross, NEW.payer_part, NEW.patient_part)) THEN
                    PERFORM billing_wrong('line', NEW.id);
                END IF;
            WHEN 'billing_allocation' THEN
                PERFORM billing_check_invoice(NEW.invoice_id);
                PERFORM billing_check_payment(NEW.payment_id);
            WHEN 'billing_payment' THEN
                PERFORM billing_check_payment(NEW.id);
            WHEN 'billing_payment_event', 'billing_refund' THEN
                PERFORM billing_check_payment(NEW.payment_id);
            WHEN 'billing_shift_means' THEN
                PERFORM billing_check_shift(NEW.shift_id);
            ELSE
                PERFORM billing_check_shift(NEW.id);
        END CASE;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER sums AFTER INSERT OR UPDATE ON billing_shift_means
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_sums()
    """,
    # A closed day says what its shifts say, of every means.
    "ALTER TABLE billing_day_means ADD COLUMN opening numeric, ADD COLUMN counted numeric",
    "ALTER TABLE billing_day_means DISABLE TRIGGER USER",
    """
    UPDATE billing_day_means m SET
        opening = CASE m.means WHEN 'cash' THEN d.opening_cash ELSE 0 END,
        counted = CASE m.means WHEN 'cash' THEN d.counted END
    FROM billing_day d WHERE d.id = m.day_id
    """,
    """
    INSERT INTO billing_day_means (day_id, means, opening, received, given_back, counted)
    SELECT id, 'cash', opening_cash, 0, 0, counted FROM billing_day d
    WHERE NOT EXISTS (SELECT FROM billing_day_means WHERE day_id = d.id AND means = 'cash')
    """,
    "ALTER TABLE billing_day_means ENABLE TRIGGER USER",
    "ALTER TABLE billing_day_means ALTER COLUMN opening SET NOT NULL",
    """
    CREATE OR REPLACE FUNCTION billing_check_day() RETURNS trigger LANGUAGE plpgsql AS $$
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
                    SELECT s.means, sum(s.opening) AS opening, sum(s.received) AS received,
                        sum(s.given_back) AS given_back,
                        CASE count(*) WHEN count(s.counted) THEN sum(s.counted) END AS counted
                    FROM billing_shift_means s JOIN billing_shift t ON t.id = s.shift_id
                    WHERE t.facility = one.facility AND t.day <= one.day
                    AND (since IS NULL OR t.day > since) GROUP BY 1) s USING (means)
                WHERE (m.opening, m.received, m.given_back, m.counted)
                    IS DISTINCT FROM (s.opening, s.received, s.given_back, s.counted)) THEN
            PERFORM billing_wrong('day', one.id);
        END IF;
        RETURN NULL;
    END $$
    """,
    # A charge by hand says why; so does the service chosen for what waits for a price.
    """
    CREATE FUNCTION billing_check_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a charge by hand says why'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_charge_by_hand_check';
    END $$
    """,
    """
    CREATE TRIGGER by_hand BEFORE INSERT ON billing_charge
        FOR EACH ROW WHEN (NEW.kind = 'other' AND NEW.reason IS NULL)
        EXECUTE FUNCTION billing_check_by_hand()
    """,
    """
    CREATE OR REPLACE FUNCTION billing_keep_charge() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was billing_charge := OLD;
    BEGIN
        IF OLD.gross IS NULL AND NEW.gross IS NOT NULL AND OLD.reversed_by IS NULL THEN
            was.service := NEW.service;
            was.unit_price := NEW.unit_price;
            was.tax_rate := NEW.tax_rate;
            was.net := NEW.net;
            was.tax := NEW.tax;
            was.gross := NEW.gross;
            was.payer_part := NEW.payer_part;
            was.patient_part := NEW.patient_part;
            was.reason := NEW.reason;
        END IF;
        IF OLD.reversed_by IS NULL AND OLD.reverses IS NULL THEN
            was.reversed_by := NEW.reversed_by;
        END IF;
        IF NEW.patient_id <> OLD.patient_id AND EXISTS (
            SELECT FROM patients_repoint WHERE table_name = TG_TABLE_NAME AND row_id = OLD.id::text) THEN
            was.patient_id := NEW.patient_id;
        END IF;
        IF was IS DISTINCT FROM NEW THEN
            RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    # The patient's invoice that owes nothing counts as paid, though nobody paid: it can be void.
    """
    CREATE OR REPLACE FUNCTION billing_check_move() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'billing_invoice' AND (OLD.state, NEW.state) NOT IN (
            ('draft', 'draft'), ('draft', 'issued'), ('draft', 'void'), ('issued', 'issued'),
            ('issued', 'part_paid'), ('issued', 'paid'), ('issued', 'void'), ('part_paid', 'part_paid'),
            ('part_paid', 'paid'), ('paid', 'paid'))
            AND NOT (OLD.state = 'paid' AND NEW.state = 'void' AND (to_jsonb(OLD) ->> 'owed')::numeric = 0)
            OR TG_TABLE_NAME = 'billing_payment' AND (OLD.state, NEW.state) NOT IN (
            ('pending', 'pending'), ('pending', 'captured'), ('pending', 'failed'),
            ('captured', 'captured'), ('captured', 'refunded'), ('refunded', 'refunded'))
            OR TG_TABLE_NAME = 'billing_refund' AND OLD.state <> 'requested' THEN
            RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_move_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION billing_check_void() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM billing_invoice WHERE credits = NEW.id) THEN
            RAISE EXCEPTION 'the invoice was credited'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_invoice_void_credited_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER void_not_credited BEFORE UPDATE OF state ON billing_invoice
        FOR EACH ROW WHEN (OLD.state <> 'void' AND NEW.state = 'void')
        EXECUTE FUNCTION billing_check_void()
    """,
)


def upgrade() -> None:
    """Make table and triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
