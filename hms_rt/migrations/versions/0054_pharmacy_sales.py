"""The pharmacy's own sale: what is sold at its counters, over the counter or for a dispense.

Revision ID: 0054
Revises: 0053
"""

from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

BILLING = (
    # An invoice of what was sold at a department's own counter: paid when it is issued, there.
    """
    ALTER TABLE billing_invoice
        DROP CONSTRAINT billing_invoice_kind_check,
        ADD CONSTRAINT billing_invoice_kind_check CHECK (
            kind IN ('interim', 'final', 'supplement', 'payer', 'credit_note', 'sale')),
        ADD CONSTRAINT billing_invoice_sale_check CHECK (
            kind <> 'sale' OR counter IS NOT NULL AND admission_id IS NULL AND share_of IS NULL)
    """,
    """
    CREATE FUNCTION billing_check_sale() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT state FROM billing_invoice WHERE id = NEW.id) <> 'paid' THEN
            RAISE EXCEPTION 'what is sold at a counter is paid there'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_invoice_sale_paid_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER sale_paid AFTER INSERT OR UPDATE ON billing_invoice
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'sale')
        EXECUTE FUNCTION billing_check_sale()
    """,
    # Nothing but medicines, and what is taken off them, is on it.
    """
    CREATE FUNCTION billing_check_sold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM billing_invoice WHERE id = NEW.invoice_id AND kind = 'sale') AND NOT EXISTS (
            SELECT FROM billing_charge c LEFT JOIN billing_charge o ON o.id = c.reduces
            WHERE c.id = NEW.charge_id AND coalesce(o.kind, c.kind) = 'medicine'
            AND c.admission_id IS NULL) THEN
            RAISE EXCEPTION 'charge % is no sale of the pharmacy', NEW.charge_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_line_sold_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER sold BEFORE INSERT ON billing_line
        FOR EACH ROW EXECUTE FUNCTION billing_check_sold()
    """,
)

TABLES = (
    *(
        f"ALTER TABLE {table} ADD COLUMN over_the_counter boolean NOT NULL DEFAULT false"
        for table in ("pharmacy_medicine", "pharmacy_medicine_version")
    ),
    """
    ALTER TABLE pharmacy_medicine ADD CONSTRAINT pharmacy_medicine_over_the_counter_check CHECK (
        NOT (controlled AND over_the_counter))
    """,
    # Which counters of the cashiers are a dispensary's own.
    """
    CREATE TABLE pharmacy_till (
        counter text PRIMARY KEY CONSTRAINT pharmacy_till_counter_fkey REFERENCES billing_cashier,
        store text NOT NULL CONSTRAINT pharmacy_till_store_fkey REFERENCES pharmacy_store,
        version integer NOT NULL
    )
    """,
    "CREATE SEQUENCE pharmacy_sale_number",
    """
    CREATE TABLE pharmacy_sale (
        id uuid PRIMARY KEY,
        number bigint NOT NULL DEFAULT nextval('pharmacy_sale_number')
            CONSTRAINT pharmacy_sale_number_key UNIQUE,
        store text NOT NULL CONSTRAINT pharmacy_sale_store_fkey REFERENCES pharmacy_store,
        counter text NOT NULL CONSTRAINT pharmacy_sale_counter_fkey REFERENCES pharmacy_till,
        patient_id uuid NOT NULL CONSTRAINT pharmacy_sale_patient_id_fkey REFERENCES patients_patient,
        dispense_id uuid CONSTRAINT pharmacy_sale_dispense_id_fkey REFERENCES pharmacy_dispense
            CONSTRAINT pharmacy_sale_dispense_id_key UNIQUE,
        sold_by uuid NOT NULL,
        sold_at timestamptz NOT NULL,
        version integer NOT NULL
    )
    """,
    "ALTER SEQUENCE pharmacy_sale_number OWNED BY pharmacy_sale.number",
    "CREATE INDEX pharmacy_sale_patient_id_idx ON pharmacy_sale (patient_id, id)",
    "CREATE INDEX pharmacy_sale_counter_idx ON pharmacy_sale (counter, id)",
    """
    CREATE TABLE pharmacy_sale_invoice (
        invoice_id uuid PRIMARY KEY CONSTRAINT pharmacy_sale_invoice_invoice_id_fkey
            REFERENCES billing_invoice,
        sale_id uuid NOT NULL CONSTRAINT pharmacy_sale_invoice_sale_id_fkey REFERENCES pharmacy_sale
    )
    """,
    "CREATE INDEX pharmacy_sale_invoice_sale_id_idx ON pharmacy_sale_invoice (sale_id, invoice_id)",
    """
    CREATE TABLE pharmacy_sale_item (
        id uuid PRIMARY KEY,
        sale_id uuid NOT NULL CONSTRAINT pharmacy_sale_item_sale_id_fkey REFERENCES pharmacy_sale,
        lot_id uuid NOT NULL CONSTRAINT pharmacy_sale_item_lot_id_fkey REFERENCES pharmacy_lot,
        medicine text NOT NULL CONSTRAINT pharmacy_sale_item_medicine_fkey REFERENCES pharmacy_medicine,
        quantity numeric NOT NULL CONSTRAINT pharmacy_sale_item_quantity_check CHECK (
            quantity > 0 AND scale(quantity) <= 4),
        directions text,
        reason text,
        returned numeric NOT NULL CONSTRAINT pharmacy_sale_item_returned_check CHECK (
            returned >= 0 AND returned <= quantity)
    )
    """,
    "CREATE INDEX pharmacy_sale_item_sale_id_idx ON pharmacy_sale_item (sale_id, id)",
    "CREATE INDEX pharmacy_sale_item_lot_id_idx ON pharmacy_sale_item (lot_id, id)",
    """
    CREATE TABLE pharmacy_sale_return (
        id uuid PRIMARY KEY,
        item_id uuid NOT NULL CONSTRAINT pharmacy_sale_return_item_id_fkey REFERENCES pharmacy_sale_item,
        quantity numeric NOT NULL CONSTRAINT pharmacy_sale_return_quantity_check CHECK (
            quantity > 0 AND scale(quantity) <= 4),
        disposition text NOT NULL CONSTRAINT pharmacy_sale_return_disposition_check CHECK (
            disposition IN ('restock', 'quarantine', 'destroy')),
        store text CONSTRAINT pharmacy_sale_return_store_fkey REFERENCES pharmacy_store,
        reason text NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        CONSTRAINT pharmacy_sale_return_store_check CHECK ((disposition = 'destroy') = (store IS NULL))
    )
    """,
    "CREATE INDEX pharmacy_sale_return_item_id_idx ON pharmacy_sale_return (item_id, id)",
    """
    CREATE TABLE pharmacy_sale_override (
        sale_id uuid NOT NULL CONSTRAINT pharmacy_sale_override_sale_id_fkey REFERENCES pharmacy_sale,
        medicine text NOT NULL CONSTRAINT pharmacy_sale_override_medicine_fkey REFERENCES pharmacy_medicine,
        kind text NOT NULL CONSTRAINT pharmacy_sale_override_kind_check CHECK (
            kind IN ('allergy', 'duplicate')),
        warned text NOT NULL,
        reason text NOT NULL,
        overridden_by uuid NOT NULL,
        recorded_at timestamptz NOT NULL,
        PRIMARY KEY (sale_id, medicine, kind)
    )
    """,
)

RULES = (
    # What is sold leaves through the same ledger, first expired first; it names the item, or the return.
    """
    ALTER TABLE pharmacy_ledger DROP CONSTRAINT pharmacy_ledger_delta_check,
        ADD CONSTRAINT pharmacy_ledger_delta_check CHECK (delta <> 0 AND scale(delta) <= 4 AND CASE kind
            WHEN 'receive' THEN delta > 0 WHEN 'dispense' THEN delta < 0
            WHEN 'dispense_cancelled' THEN delta > 0 WHEN 'return' THEN delta > 0
            WHEN 'transfer_out' THEN delta < 0 WHEN 'transfer_in' THEN delta > 0
            WHEN 'sale' THEN delta < 0 WHEN 'sale_return' THEN delta > 0
            WHEN 'write_off' THEN delta < 0 WHEN 'count' THEN reason IS NOT NULL ELSE false END)
    """,
    """
    CREATE UNIQUE INDEX pharmacy_ledger_sale_key ON pharmacy_ledger (reference)
        WHERE kind IN ('sale', 'sale_return')
    """,
    """
    CREATE FUNCTION pharmacy_check_sale_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind = 'sale' AND NOT EXISTS (SELECT FROM pharmacy_sale_item i
            JOIN pharmacy_sale s ON s.id = i.sale_id JOIN pharmacy_store p ON p.code = s.store
            WHERE i.id = NEW.reference AND i.lot_id = NEW.lot_id AND i.quantity = -NEW.delta
            AND s.store = NEW.store AND p.kind = 'dispensary')
            OR NEW.kind = 'sale_return' AND NOT EXISTS (SELECT FROM pharmacy_sale_return r
            JOIN pharmacy_sale_item i ON i.id = r.item_id WHERE r.id = NEW.reference
            AND i.lot_id = NEW.lot_id AND r.store = NEW.store AND r.quantity = NEW.delta) THEN
            RAISE EXCEPTION 'nothing like movement % was sold, or brought back', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_sale_check';
        END IF;
        IF NEW.kind = 'sale' THEN
            PERFORM pharmacy_require_usable(NEW.lot_id, NEW.occurred_at);
            IF EXISTS (SELECT FROM pharmacy_sale_item i JOIN pharmacy_lot l ON l.id = i.lot_id
                WHERE i.id = NEW.reference AND i.reason IS NULL
                AND NOT pharmacy_is_first(l, NEW.store, NEW.occurred_at)) THEN
                RAISE EXCEPTION 'another lot than % expires first', NEW.lot_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_first_check';
            END IF;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER sold BEFORE INSERT ON pharmacy_ledger FOR EACH ROW
        WHEN (NEW.kind IN ('sale', 'sale_return')) EXECUTE FUNCTION pharmacy_check_sale_ledger()
    """,
    # Only what the formulary lets go without a prescription is sold without one.
    """
    CREATE FUNCTION pharmacy_check_sale_item() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM pharmacy_medicine m JOIN pharmacy_lot l ON l.medicine = m.code
            WHERE m.code = NEW.medicine AND l.id = NEW.lot_id AND m.over_the_counter
            AND m.status = 'active') OR NEW.returned <> 0
            OR EXISTS (SELECT FROM pharmacy_sale WHERE id = NEW.sale_id AND dispense_id IS NOT NULL) THEN
            RAISE EXCEPTION '% is not sold over the counter', NEW.medicine
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_sale_item_over_the_counter_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER over_the_counter BEFORE INSERT ON pharmacy_sale_item
        FOR EACH ROW EXECUTE FUNCTION pharmacy_check_sale_item()
    """,
    """
    CREATE FUNCTION pharmacy_keep_sale_item() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was pharmacy_sale_item := OLD;
    BEGIN
        was.returned := NEW.returned;
        IF pg_trigger_depth() < 2 OR was IS DISTINCT FROM NEW THEN
            RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER kept BEFORE UPDATE ON pharmacy_sale_item
        FOR EACH ROW EXECUTE FUNCTION pharmacy_keep_sale_item()
    """,
    """
    CREATE FUNCTION pharmacy_take_back_sold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE pharmacy_sale_item SET returned = returned + NEW.quantity WHERE id = NEW.item_id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER take_back AFTER INSERT ON pharmacy_sale_return
        FOR EACH ROW EXECUTE FUNCTION pharmacy_take_back_sold()
    """,
    # When all is said: what was sold has left the shelf, what came back lies where it says, and each sale has
    # its invoice, of that patient and of that counter.
    """
    CREATE FUNCTION pharmacy_check_sale_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (TG_TABLE_NAME = 'pharmacy_sale_item' OR to_jsonb(NEW) ->> 'store' IS NOT NULL) AND NOT EXISTS (
            SELECT FROM pharmacy_ledger WHERE reference = NEW.id AND kind IN ('sale', 'sale_return')) THEN
            RAISE EXCEPTION '% of % is not in the ledger', NEW.id, TG_TABLE_NAME
                USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_ledger_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER moved AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION pharmacy_check_sale_moved()
        """
        for table in ("pharmacy_sale_item", "pharmacy_sale_return")
    ),
    """
    CREATE FUNCTION pharmacy_check_sale() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM pharmacy_sale_invoice WHERE sale_id = NEW.id)
            OR (NEW.dispense_id IS NULL) <> EXISTS (SELECT FROM pharmacy_sale_item WHERE sale_id = NEW.id)
            OR NOT EXISTS (SELECT FROM pharmacy_till WHERE counter = NEW.counter AND store = NEW.store)
            OR NEW.dispense_id IS NOT NULL AND NOT EXISTS (SELECT FROM pharmacy_dispense d
                JOIN pharmacy_prescription p ON p.id = d.prescription_id
                WHERE d.id = NEW.dispense_id AND d.store = NEW.store AND d.state = 'handed_over'
                AND p.patient_id = NEW.patient_id AND p.admission_id IS NULL) THEN
            RAISE EXCEPTION 'sale % is not whole', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_sale_whole_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER whole AFTER INSERT ON pharmacy_sale DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION pharmacy_check_sale()
    """,
    """
    CREATE FUNCTION pharmacy_check_sale_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM billing_invoice i JOIN pharmacy_sale s ON s.patient_id = i.patient_id
            JOIN pharmacy_till t ON t.counter = i.counter AND t.store = s.store
            WHERE i.id = NEW.invoice_id AND s.id = NEW.sale_id AND i.kind = 'sale') THEN
            RAISE EXCEPTION 'invoice % is not of this sale', NEW.invoice_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_sale_invoice_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER of_the_sale BEFORE INSERT ON pharmacy_sale_invoice
        FOR EACH ROW EXECUTE FUNCTION pharmacy_check_sale_invoice()
    """,
    """
    CREATE FUNCTION pharmacy_check_sold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM pharmacy_sale_invoice WHERE invoice_id = NEW.id) THEN
            RAISE EXCEPTION 'invoice % is of no sale', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_sale_invoice_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER of_a_sale AFTER INSERT ON billing_invoice DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.kind = 'sale') EXECUTE FUNCTION pharmacy_check_sold()
    """,
    # What was sold stays as it was; only what came back moves its version, and a merge its patient.
    """
    CREATE FUNCTION pharmacy_keep_sale() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was pharmacy_sale := OLD;
    BEGIN
        was.version := NEW.version;
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
    """
    CREATE TRIGGER keep_sale BEFORE UPDATE ON pharmacy_sale
        FOR EACH ROW EXECUTE FUNCTION pharmacy_keep_sale()
    """,
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON pharmacy_sale
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
    *(
        f"""
        CREATE TRIGGER append_only BEFORE {moves} ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for moves, table in (
            ("DELETE OR TRUNCATE", "pharmacy_sale"),
            ("DELETE OR TRUNCATE", "pharmacy_sale_item"),
            ("UPDATE OR DELETE OR TRUNCATE", "pharmacy_sale_invoice"),
            ("UPDATE OR DELETE OR TRUNCATE", "pharmacy_sale_return"),
            ("UPDATE OR DELETE OR TRUNCATE", "pharmacy_sale_override"),
        )
    ),
)


def upgrade() -> None:
    """Make the tables of sales and hold their rules."""
    for statement in (*BILLING, *TABLES, *RULES):
        op.execute(statement)
