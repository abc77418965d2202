"""Pharmacy: lots, stock that follows an append-only ledger, write-offs, dispenses.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE pharmacy_lot (
        id uuid PRIMARY KEY,
        medicine text NOT NULL CONSTRAINT pharmacy_lot_medicine_fkey REFERENCES pharmacy_medicine,
        number text NOT NULL,
        expires_on date NOT NULL,
        recall_reason text,
        recalled_at timestamptz,
        recalled_by uuid,
        version integer NOT NULL,
        CONSTRAINT pharmacy_lot_number_key UNIQUE (medicine, number),
        CONSTRAINT pharmacy_lot_recall_check CHECK (
            (recall_reason IS NULL) = (recalled_at IS NULL) AND (recalled_by IS NULL) = (recalled_at IS NULL))
    )
    """,
    """
    CREATE TABLE pharmacy_stock (
        lot_id uuid NOT NULL CONSTRAINT pharmacy_stock_lot_id_fkey REFERENCES pharmacy_lot,
        store text NOT NULL CONSTRAINT pharmacy_stock_store_fkey REFERENCES pharmacy_store,
        quantity numeric NOT NULL CONSTRAINT pharmacy_stock_quantity_check CHECK (quantity >= 0),
        PRIMARY KEY (lot_id, store)
    )
    """,
    "CREATE INDEX pharmacy_stock_store_idx ON pharmacy_stock (store, lot_id)",
    """
    CREATE TABLE pharmacy_write_off (
        id uuid PRIMARY KEY,
        lot_id uuid NOT NULL CONSTRAINT pharmacy_write_off_lot_id_fkey REFERENCES pharmacy_lot,
        store text NOT NULL CONSTRAINT pharmacy_write_off_store_fkey REFERENCES pharmacy_store,
        quantity numeric NOT NULL CONSTRAINT pharmacy_write_off_quantity_check CHECK (
            quantity > 0 AND scale(quantity) <= 4),
        reason text NOT NULL,
        state text NOT NULL CONSTRAINT pharmacy_write_off_state_check CHECK (
            state IN ('requested', 'approved', 'refused')),
        requested_by uuid NOT NULL,
        requested_at timestamptz NOT NULL,
        decided_by uuid,
        decided_at timestamptz,
        version integer NOT NULL,
        CONSTRAINT pharmacy_write_off_decided_check CHECK (
            (state = 'requested') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
        CONSTRAINT pharmacy_write_off_two_people_check CHECK (decided_by <> requested_by)
    )
    """,
    """
    CREATE FUNCTION pharmacy_keep_write_off() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'requested' OR (NEW.lot_id, NEW.store, NEW.quantity, NEW.requested_by)
            IS DISTINCT FROM (OLD.lot_id, OLD.store, OLD.quantity, OLD.requested_by) THEN
            RAISE EXCEPTION 'write-off % is decided or rewritten', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER decided_once BEFORE UPDATE ON pharmacy_write_off
        FOR EACH ROW EXECUTE FUNCTION pharmacy_keep_write_off()
    """,
    """
    CREATE TABLE pharmacy_ledger (
        id uuid PRIMARY KEY,
        lot_id uuid NOT NULL CONSTRAINT pharmacy_ledger_lot_id_fkey REFERENCES pharmacy_lot,
        store text NOT NULL CONSTRAINT pharmacy_ledger_store_fkey REFERENCES pharmacy_store,
        kind text NOT NULL,
        delta numeric NOT NULL,
        reference uuid,
        reason text,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        CONSTRAINT pharmacy_ledger_delta_check CHECK (delta <> 0 AND scale(delta) <= 4 AND CASE kind
            WHEN 'receive' THEN delta > 0 WHEN 'dispense' THEN delta < 0
            WHEN 'dispense_cancelled' THEN delta > 0 WHEN 'return' THEN delta > 0
            WHEN 'transfer_out' THEN delta < 0 WHEN 'transfer_in' THEN delta > 0
            WHEN 'write_off' THEN delta < 0 WHEN 'count' THEN reason IS NOT NULL ELSE false END)
    )
    """,
    "CREATE INDEX pharmacy_ledger_lot_id_idx ON pharmacy_ledger (lot_id, id)",
    "CREATE INDEX pharmacy_ledger_reference_idx ON pharmacy_ledger (reference) WHERE reference IS NOT NULL",
    """
    CREATE UNIQUE INDEX pharmacy_ledger_write_off_key ON pharmacy_ledger (reference) WHERE kind = 'write_off'
    """,
    # A write-off needs its approval; what was recalled leaves for no patient and no ward.
    """
    CREATE FUNCTION pharmacy_check_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.kind = 'write_off' AND NOT EXISTS (SELECT FROM pharmacy_write_off w WHERE w.id = NEW.reference
            AND w.state = 'approved' AND w.lot_id = NEW.lot_id AND w.store = NEW.store
            AND w.quantity = -NEW.delta) THEN
            RAISE EXCEPTION 'write-off % is not approved', NEW.reference
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_approved_check';
        END IF;
        IF NEW.kind IN ('dispense', 'transfer_out') THEN
            PERFORM FROM pharmacy_lot WHERE id = NEW.lot_id AND recalled_at IS NULL FOR SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'lot % is recalled', NEW.lot_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_recalled_check';
            END IF;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER checked BEFORE INSERT ON pharmacy_ledger
        FOR EACH ROW EXECUTE FUNCTION pharmacy_check_ledger()
    """,
    # Stock is the sum of the ledger, because nothing else writes it.
    """
    CREATE FUNCTION pharmacy_move_stock() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO pharmacy_stock VALUES (NEW.lot_id, NEW.store, 0) ON CONFLICT DO NOTHING;
        UPDATE pharmacy_stock SET quantity = quantity + NEW.delta
            WHERE lot_id = NEW.lot_id AND store = NEW.store;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER move_stock AFTER INSERT ON pharmacy_ledger
        FOR EACH ROW EXECUTE FUNCTION pharmacy_move_stock()
    """,
    """
    CREATE FUNCTION pharmacy_guard_stock() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_trigger_depth() < 2 THEN
            RAISE EXCEPTION 'stock follows the ledger alone' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN coalesce(NEW, OLD);
    END $$
    """,
    """
    CREATE TRIGGER guarded BEFORE INSERT OR UPDATE OR DELETE ON pharmacy_stock
        FOR EACH ROW EXECUTE FUNCTION pharmacy_guard_stock()
    """,
    # What leaves one store by a transfer arrives in another, of the same lot.
    """
    CREATE FUNCTION pharmacy_check_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT sum(delta) <> 0 OR count(*) <> 2 OR count(DISTINCT lot_id) <> 1
                OR count(DISTINCT store) <> 2 FROM pharmacy_ledger
            WHERE reference = NEW.reference AND kind IN ('transfer_out', 'transfer_in')) IS NOT FALSE THEN
            RAISE EXCEPTION 'transfer % does not balance', NEW.reference
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_transfer_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON pharmacy_ledger DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.kind IN ('transfer_out', 'transfer_in'))
        EXECUTE FUNCTION pharmacy_check_transfer()
    """,
    """
    CREATE TABLE pharmacy_dispense (
        id uuid PRIMARY KEY,
        prescription_id uuid NOT NULL CONSTRAINT pharmacy_dispense_prescription_id_fkey
            REFERENCES pharmacy_prescription,
        store text NOT NULL CONSTRAINT pharmacy_dispense_store_fkey REFERENCES pharmacy_store,
        state text NOT NULL CONSTRAINT pharmacy_dispense_state_check CHECK (
            state IN ('prepared', 'handed_over', 'returned', 'cancelled')),
        prepared_by uuid NOT NULL,
        prepared_at timestamptz NOT NULL,
        handed_over_by uuid,
        handed_over_at timestamptz,
        ended_by uuid,
        ended_at timestamptz,
        reason text,
        version integer NOT NULL,
        CONSTRAINT pharmacy_dispense_handed_over_check CHECK (
            state NOT IN ('handed_over', 'returned') OR handed_over_by IS NOT NULL),
        CONSTRAINT pharmacy_dispense_ended_check CHECK (
            (state IN ('returned', 'cancelled')) = (ended_by IS NOT NULL AND reason IS NOT NULL))
    )
    """,
    "CREATE INDEX pharmacy_dispense_prescription_id_idx ON pharmacy_dispense (prescription_id, id)",
    """
    CREATE TABLE pharmacy_dispense_item (
        id uuid PRIMARY KEY,
        dispense_id uuid NOT NULL CONSTRAINT pharmacy_dispense_item_dispense_id_fkey
            REFERENCES pharmacy_dispense,
        line_id uuid NOT NULL CONSTRAINT pharmacy_dispense_item_line_id_fkey REFERENCES pharmacy_line,
        lot_id uuid NOT NULL CONSTRAINT pharmacy_dispense_item_lot_id_fkey REFERENCES pharmacy_lot,
        medicine text NOT NULL,
        quantity numeric NOT NULL CONSTRAINT pharmacy_dispense_item_quantity_check CHECK (
            quantity > 0 AND scale(quantity) <= 4),
        reason text
    )
    """,
    "CREATE INDEX pharmacy_dispense_item_dispense_id_idx ON pharmacy_dispense_item (dispense_id, id)",
    "CREATE INDEX pharmacy_dispense_item_lot_id_idx ON pharmacy_dispense_item (lot_id, id)",
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("pharmacy_ledger", "pharmacy_dispense_item")
    ),
    """
    CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON pharmacy_write_off
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
)


def upgrade() -> None:
    """Make the tables of stock."""
    for statement in STATEMENTS:
        op.execute(statement)
