"""Billing: numbers without gaps and in turn; closed shifts and reversed charges held by the database.

Revision ID: 0043
Revises: 0042
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Who asks for a number first gets it first: of many who update one row, some would wait for seconds.
    """
    CREATE FUNCTION billing_next_number(place text, kind text) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        given bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('turn series ' || place || ' ' || kind, 0));
        INSERT INTO billing_series AS s (facility, series, last) VALUES (place, kind, 1)
            ON CONFLICT (facility, series) DO UPDATE SET last = s.last + 1 RETURNING last INTO given;
        RETURN given;
    END $$
    """,
    # A number is given once, the next of its series, to a paper that is there when the transaction commits.
    """
    CREATE FUNCTION billing_check_series() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.last <> (CASE TG_OP WHEN 'INSERT' THEN 1 ELSE OLD.last + 1 END) OR NOT (CASE NEW.series
            WHEN 'receipt' THEN EXISTS (SELECT FROM billing_payment
                WHERE facility = NEW.facility AND number = NEW.last)
            WHEN 'estimate' THEN EXISTS (SELECT FROM billing_estimate
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
    CREATE CONSTRAINT TRIGGER gapless AFTER INSERT OR UPDATE ON billing_series
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_series()
    """,
    """
    CREATE FUNCTION billing_check_number() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted text := CASE TG_TABLE_NAME WHEN 'billing_payment' THEN 'receipt'
            WHEN 'billing_estimate' THEN 'estimate' ELSE to_jsonb(NEW) ->> 'kind' END;
    BEGIN
        wanted := CASE WHEN wanted IN ('receipt', 'estimate', 'credit_note') THEN wanted ELSE 'invoice' END;
        IF NOT EXISTS (SELECT FROM billing_series
            WHERE facility = NEW.facility AND series = wanted AND last >= NEW.number) OR NEW.number < 1 THEN
            RAISE EXCEPTION 'number % was not given by the series', NEW.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_series_given_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER {name} AFTER {when} ON {table} DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION billing_check_number()
        """
        for table in ("billing_invoice", "billing_payment", "billing_estimate")
        for name, when, condition in (
            ("number_added", "INSERT", "NEW.number IS NOT NULL"),
            (
                "number_given",
                "UPDATE",
                "NEW.number <> OLD.number OR OLD.number IS NULL AND NEW.number IS NOT NULL",
            ),
        )
    ),
    # A receipt keeps its number and its moment; announced money is in no shift until it comes, nor is what
    # is to be given back until that is approved: both then go into the shift that is open.
    *(f"DROP TRIGGER keep_document ON {table}" for table in ("billing_payment", "billing_refund")),
    *(
        f"""
        CREATE TRIGGER keep_document BEFORE UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION billing_keep_document('{columns}')
        """
        for table, columns in (
            ("billing_payment", "state number allocated refunded captured_at shift_id version"),
            ("billing_refund", "state decided_by decided_at shift_id version"),
        )
    ),
    """
    CREATE FUNCTION billing_keep_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.number IS NOT NULL AND (NEW.number, NEW.captured_at, NEW.shift_id)
            IS DISTINCT FROM (OLD.number, OLD.captured_at, OLD.shift_id) THEN
            RAISE EXCEPTION 'a receipt keeps its number' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_receipt BEFORE UPDATE ON billing_payment
        FOR EACH ROW EXECUTE FUNCTION billing_keep_receipt()
    """,
    """
    CREATE FUNCTION billing_keep_refund() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'requested' THEN
            RAISE EXCEPTION 'the refund is decided' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER decided_once BEFORE UPDATE ON billing_refund
        FOR EACH ROW EXECUTE FUNCTION billing_keep_refund()
    """,
    """
    CREATE FUNCTION billing_require_open_shift() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM billing_shift WHERE id = NEW.shift_id AND closed_at IS NULL FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the shift is closed'
                USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_open_shift_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER open_shift AFTER INSERT ON billing_payment
        FOR EACH ROW EXECUTE FUNCTION billing_require_open_shift()
    """,
    """
    CREATE TRIGGER open_shift_captured AFTER UPDATE OF state ON billing_payment FOR EACH ROW
        WHEN (OLD.state = 'pending' AND NEW.state = 'captured') EXECUTE FUNCTION billing_require_open_shift()
    """,
    """
    CREATE TRIGGER open_shift AFTER UPDATE OF state ON billing_refund FOR EACH ROW
        WHEN (NEW.state = 'approved') EXECUTE FUNCTION billing_require_open_shift()
    """,
    # What was reversed is billed no more, a reversal only by a credit note; nobody pays another's invoice.
    """
    CREATE FUNCTION billing_check_billable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM billing_charge c JOIN billing_invoice i ON i.id = NEW.invoice_id
            WHERE c.id = NEW.charge_id AND c.reversed_by IS NULL
            AND (c.reverses IS NULL OR i.kind = 'credit_note')) THEN
            RAISE EXCEPTION 'charge % was reversed', NEW.charge_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_line_billable_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER billable BEFORE INSERT ON billing_line
        FOR EACH ROW WHEN (NEW.live) EXECUTE FUNCTION billing_check_billable()
    """,
    """
    CREATE FUNCTION billing_check_payer() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM billing_payment p JOIN billing_invoice i ON i.patient_id = p.patient_id
            WHERE p.id = NEW.payment_id AND i.id = NEW.invoice_id) THEN
            RAISE EXCEPTION 'payment and invoice are of different patients'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_allocation_patient_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER same_patient BEFORE INSERT ON billing_allocation
        FOR EACH ROW WHEN (NEW.amount > 0) EXECUTE FUNCTION billing_check_payer()
    """,
)


def upgrade() -> None:
    """Make the triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
