"""Billing: the database holds every sum to its rows, and what was issued, taken or decided stays.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STATEMENTS = (
    # What every sum says is what its rows add up to, when a transaction commits, whoever wrote it. Each
    # function reads the rows anew, so that it is right however often it runs.
    """
    CREATE FUNCTION billing_wrong(what text, id uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% % and what it is made of disagree', what, id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_' || what || '_sum_check';
    END $$
    """,
    """
    CREATE FUNCTION billing_check_invoice(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        one billing_invoice;
        lines record;
    BEGIN
        SELECT * INTO one FROM billing_invoice WHERE id = wanted;
        SELECT coalesce(sum(gross), 0) AS total, coalesce(sum(payer_part), 0) AS payer_part
            INTO lines FROM billing_line WHERE invoice_id = wanted AND live;
        IF one.state = 'void' AND EXISTS (SELECT FROM billing_line WHERE invoice_id = wanted AND live)
            OR one.state <> 'void' AND (one.total, one.payer_part) <> (lines.total, lines.payer_part)
            OR one.paid <> (SELECT coalesce(sum(amount), 0) FROM billing_allocation WHERE invoice_id = wanted)
            OR one.credited <> (SELECT coalesce(-sum(total), 0) FROM billing_invoice WHERE credits = wanted)
        THEN
            PERFORM billing_wrong('invoice', wanted);
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION billing_check_payment(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        one billing_payment;
        newest billing_payment_event;
    BEGIN
        SELECT * INTO one FROM billing_payment WHERE id = wanted;
        SELECT * INTO newest FROM billing_payment_event WHERE payment_id = wanted
            ORDER BY position DESC LIMIT 1;
        IF one.state IS DISTINCT FROM newest.state_after
            OR one.allocated <> (
                SELECT coalesce(sum(amount), 0) FROM billing_allocation WHERE payment_id = wanted)
            OR one.refunded <> (SELECT coalesce(sum(amount), 0) FROM billing_payment_event
                WHERE payment_id = wanted AND move IN ('refund_part', 'refund_rest'))
            OR one.refunded <> (SELECT coalesce(sum(amount), 0) FROM billing_refund
                WHERE payment_id = wanted AND state = 'approved')
            OR EXISTS (SELECT FROM billing_payment_event e LEFT JOIN billing_payment_event p
                ON p.payment_id = e.payment_id AND p.position = e.position - 1
                WHERE e.payment_id = wanted AND (e.state_before IS DISTINCT FROM p.state_after
                    OR (e.position = 1) <> (e.move = 'take')
                    OR e.move IN ('take', 'capture', 'fail') AND e.amount <> one.amount))
        THEN
            PERFORM billing_wrong('payment', wanted);
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION billing_check_shift(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        one billing_shift;
    BEGIN
        SELECT * INTO one FROM billing_shift WHERE id = wanted;
        IF one.cash <> one.opening_cash
            + (SELECT coalesce(sum(amount), 0) FROM billing_payment
                WHERE shift_id = wanted AND means = 'cash' AND state IN ('captured', 'refunded'))
            - (SELECT coalesce(sum(r.amount), 0) FROM billing_refund r
                JOIN billing_payment p ON p.id = r.payment_id
                WHERE r.shift_id = wanted AND r.state = 'approved' AND p.means = 'cash') THEN
            PERFORM billing_wrong('shift', wanted);
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION billing_check_sums() RETURNS trigger LANGUAGE plpgsql AS $$
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
                PERFORM billing_check_shift(NEW.shift_id);
            WHEN 'billing_payment_event' THEN
                PERFORM billing_check_payment(NEW.payment_id);
            WHEN 'billing_refund' THEN
                PERFORM billing_check_payment(NEW.payment_id);
                PERFORM billing_check_shift(NEW.shift_id);
            ELSE
                PERFORM billing_check_shift(NEW.id);
        END CASE;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER sums AFTER INSERT OR UPDATE ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_sums()
        """
        for table in (
            "billing_invoice",
            "billing_line",
            "billing_allocation",
            "billing_payment",
            "billing_payment_event",
            "billing_refund",
            "billing_shift",
        )
    ),
    # What was issued, taken or decided stays what it was.
    """
    CREATE FUNCTION billing_keep_document() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        may_change text[] := string_to_array(TG_ARGV[0], ' ');
        before jsonb := to_jsonb(OLD);
        after jsonb := to_jsonb(NEW);
        name text;
    BEGIN
        IF TG_TABLE_NAME = 'billing_invoice' AND before ->> 'state' = 'draft' THEN
            may_change := may_change || '{number,issued_at,counter,total,patient_part,payer_part}'::text[];
        END IF;
        FOREACH name IN ARRAY may_change LOOP
            before := before - name;
            after := after - name;
        END LOOP;
        IF before ->> 'patient_id' <> after ->> 'patient_id' AND EXISTS (
            SELECT FROM patients_repoint WHERE table_name = TG_TABLE_NAME AND row_id = OLD.id::text) THEN
            before := before - 'patient_id';
            after := after - 'patient_id';
        END IF;
        IF before <> after THEN
            RAISE EXCEPTION 'what % holds does not change', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    *(
        f"""
        CREATE TRIGGER keep_document BEFORE UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION billing_keep_document('{columns}')
        """
        for table, columns in (
            (
                "billing_invoice",
                "state paid credited void_requested_by void_reason voided_by voided_at version",
            ),
            ("billing_payment", "state number allocated refunded captured_at version"),
            ("billing_refund", "state decided_by decided_at version"),
            ("billing_line", "live"),
            ("billing_shift", "cash closed_at counted difference reason version"),
        )
    ),
    # From which state to which: DESIGN 8. And nothing moves in a shift that is over.
    """
    CREATE FUNCTION billing_check_move() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'billing_invoice' AND (OLD.state, NEW.state) NOT IN (
            ('draft', 'draft'), ('draft', 'issued'), ('draft', 'void'), ('issued', 'issued'),
            ('issued', 'part_paid'), ('issued', 'paid'), ('issued', 'void'), ('part_paid', 'part_paid'),
            ('part_paid', 'paid'), ('paid', 'paid'))
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
    *(
        f"""
        CREATE TRIGGER legal_move BEFORE UPDATE OF state ON {table}
            FOR EACH ROW EXECUTE FUNCTION billing_check_move()
        """
        for table in ("billing_invoice", "billing_payment", "billing_refund")
    ),
    """
    CREATE FUNCTION billing_keep_shift() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.closed_at IS NOT NULL THEN
            RAISE EXCEPTION 'the shift is closed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER closed_once BEFORE UPDATE ON billing_shift
        FOR EACH ROW EXECUTE FUNCTION billing_keep_shift()
    """,
    """
    CREATE FUNCTION billing_keep_line() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT OLD.live THEN
            RAISE EXCEPTION 'the line was taken off the invoice' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER taken_off_once BEFORE UPDATE ON billing_line
        FOR EACH ROW EXECUTE FUNCTION billing_keep_line()
    """,
    *(
        f"""
        CREATE TRIGGER whole_units BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW
            EXECUTE FUNCTION billing_check_scale({columns})
        """
        for table, columns in (
            ("billing_invoice", "'total', 'patient_part', 'payer_part', 'paid', 'credited'"),
            ("billing_payment", "'amount', 'allocated', 'refunded'"),
            ("billing_allocation", "'amount'"),
            ("billing_refund", "'amount'"),
            ("billing_shift", "'opening_cash', 'cash', 'counted', 'difference'"),
        )
    ),
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("billing_payment_event", "billing_allocation")
    ),
    *(
        f"""
        CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in (
            "billing_invoice",
            "billing_line",
            "billing_payment",
            "billing_refund",
            "billing_shift",
            "billing_series",
        )
    ),
    *(
        f"""
        CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON {table}
            FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
        """
        for table in ("billing_invoice", "billing_payment")
    ),
)


def upgrade() -> None:
    """Make the triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
