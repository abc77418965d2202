"""Pharmacy: returns in parts that never exceed what was handed over; quarantine; what expired stays here.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE pharmacy_store DROP CONSTRAINT pharmacy_store_kind_check",
    """
    ALTER TABLE pharmacy_store ADD CONSTRAINT pharmacy_store_kind_check CHECK (
        kind IN ('dispensary', 'ward', 'quarantine'))
    """,
    "ALTER TABLE pharmacy_lot ADD COLUMN expired_at timestamptz",
    "ALTER TABLE pharmacy_line ADD COLUMN returned numeric NOT NULL DEFAULT 0",
    """
    ALTER TABLE pharmacy_line ADD CONSTRAINT pharmacy_line_returned_check CHECK (
        returned >= 0 AND returned <= dispensed)
    """,
    "ALTER TABLE pharmacy_dispense_item ADD COLUMN returned numeric NOT NULL DEFAULT 0",
    """
    ALTER TABLE pharmacy_dispense_item ADD CONSTRAINT pharmacy_dispense_item_returned_check CHECK (
        returned >= 0 AND returned <= quantity)
    """,
    # What came back of an item is the sum of its returns, because nothing else writes it.
    "DROP TRIGGER append_only ON pharmacy_dispense_item",
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON pharmacy_dispense_item
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE FUNCTION pharmacy_keep_item() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was pharmacy_dispense_item := OLD;
    BEGIN
        was.returned := NEW.returned;
        IF pg_trigger_depth() < 2 OR was IS DISTINCT FROM NEW THEN
            RAISE EXCEPTION 'history in % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TABLE pharmacy_return (
        id uuid PRIMARY KEY,
        item_id uuid NOT NULL CONSTRAINT pharmacy_return_item_id_fkey REFERENCES pharmacy_dispense_item,
        quantity numeric NOT NULL CONSTRAINT pharmacy_return_quantity_check CHECK (
            quantity > 0 AND scale(quantity) <= 4),
        disposition text NOT NULL CONSTRAINT pharmacy_return_disposition_check CHECK (
            disposition IN ('restock', 'quarantine', 'destroy')),
        store text CONSTRAINT pharmacy_return_store_fkey REFERENCES pharmacy_store,
        reason text NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        CONSTRAINT pharmacy_return_store_check CHECK ((disposition = 'destroy') = (store IS NULL))
    )
    """,
    "CREATE INDEX pharmacy_return_item_id_idx ON pharmacy_return (item_id, id)",
    """
    INSERT INTO pharmacy_return
    SELECT gen_random_uuid(), i.id, i.quantity, CASE WHEN l.store IS NULL THEN 'destroy' ELSE 'restock' END,
        l.store, d.reason, d.ended_at, d.ended_by
    FROM pharmacy_dispense d JOIN pharmacy_dispense_item i ON i.dispense_id = d.id
    LEFT JOIN LATERAL (SELECT store FROM pharmacy_ledger WHERE reference = d.id AND kind = 'return'
        AND lot_id = i.lot_id LIMIT 1) l ON true
    WHERE d.state = 'returned'
    """,
    """
    UPDATE pharmacy_dispense_item i SET returned = i.quantity FROM pharmacy_dispense d
    WHERE d.id = i.dispense_id AND d.state = 'returned'
    """,
    """
    UPDATE pharmacy_line l SET returned = r.quantity FROM (
        SELECT line_id, sum(returned) AS quantity FROM pharmacy_dispense_item GROUP BY 1) r
    WHERE r.line_id = l.id AND r.quantity > 0
    """,
    # So far a movement of the ledger named the dispense; from now on the one return that it is.
    "ALTER TABLE pharmacy_ledger DISABLE TRIGGER append_only",
    """
    UPDATE pharmacy_ledger l SET reference = r.id
    FROM (SELECT id, dispense_id, lot_id, delta, row_number() OVER (
              PARTITION BY dispense_id, lot_id, delta ORDER BY id) AS nth
          FROM (SELECT r.id, i.dispense_id, i.lot_id, r.quantity AS delta FROM pharmacy_return r
                JOIN pharmacy_dispense_item i ON i.id = r.item_id) of_items) r,
        (SELECT id, row_number() OVER (PARTITION BY reference, lot_id, delta ORDER BY id) AS nth
         FROM pharmacy_ledger WHERE kind = 'return') k
    WHERE k.id = l.id AND l.reference = r.dispense_id AND l.lot_id = r.lot_id AND l.delta = r.delta
        AND k.nth = r.nth
    """,
    "ALTER TABLE pharmacy_ledger ENABLE TRIGGER append_only",
    "CREATE UNIQUE INDEX pharmacy_ledger_return_key ON pharmacy_ledger (reference) WHERE kind = 'return'",
    """
    CREATE TRIGGER kept BEFORE UPDATE ON pharmacy_dispense_item
        FOR EACH ROW EXECUTE FUNCTION pharmacy_keep_item()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pharmacy_return
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    # Only what the patient has comes back, and the sums of the item and of the line follow.
    """
    CREATE FUNCTION pharmacy_take_back() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        item pharmacy_dispense_item;
    BEGIN
        SELECT * INTO STRICT item FROM pharmacy_dispense_item WHERE id = NEW.item_id;
        PERFORM FROM pharmacy_dispense WHERE id = item.dispense_id AND state = 'handed_over'
            FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'dispense % is not with the patient', item.dispense_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_return_handed_over_check';
        END IF;
        UPDATE pharmacy_dispense_item SET returned = returned + NEW.quantity WHERE id = item.id;
        UPDATE pharmacy_line SET returned = returned + NEW.quantity WHERE id = item.line_id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER take_back AFTER INSERT ON pharmacy_return
        FOR EACH ROW EXECUTE FUNCTION pharmacy_take_back()
    """,
    # When all is said: what came back lies in the store that took it, and a dispense is returned exactly when
    # all of it came back.
    """
    CREATE FUNCTION pharmacy_check_return() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.store IS NOT NULL AND NOT EXISTS (
            SELECT FROM pharmacy_ledger WHERE reference = NEW.id AND kind = 'return') THEN
            RAISE EXCEPTION 'return % is not in the ledger', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_return_ledger_check';
        END IF;
        IF EXISTS (SELECT FROM pharmacy_dispense_item i JOIN pharmacy_dispense d ON d.id = i.dispense_id
            WHERE i.id = NEW.item_id AND d.state = 'handed_over' AND NOT EXISTS (
                SELECT FROM pharmacy_dispense_item o
                WHERE o.dispense_id = d.id AND o.returned < o.quantity)) THEN
            RAISE EXCEPTION 'all of the dispense came back: it is returned'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_dispense_returned_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER accounted AFTER INSERT ON pharmacy_return DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION pharmacy_check_return()
    """,
    """
    CREATE FUNCTION pharmacy_check_returned() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM pharmacy_dispense_item WHERE dispense_id = NEW.id AND returned < quantity) THEN
            RAISE EXCEPTION 'something of dispense % did not come back', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_dispense_returned_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER all_came_back AFTER INSERT OR UPDATE ON pharmacy_dispense
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'returned')
        EXECUTE FUNCTION pharmacy_check_returned()
    """,
    # Where it is still the day on which a lot may be handed over, as far west as people live, PostgreSQL lets
    # it go; the hospital's own midnight sets ``expired_at``.
    """
    CREATE FUNCTION pharmacy_require_usable(lot_id uuid, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        lot pharmacy_lot;
    BEGIN
        SELECT * INTO STRICT lot FROM pharmacy_lot l WHERE l.id = lot_id FOR SHARE;
        IF lot.recalled_at IS NOT NULL THEN
            RAISE EXCEPTION 'lot % is recalled', lot.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_recalled_check';
        END IF;
        IF lot.expired_at IS NOT NULL OR lot.expires_on < (at AT TIME ZONE 'Etc/GMT+12')::date THEN
            RAISE EXCEPTION 'lot % is expired', lot.number
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_expired_check';
        END IF;
    END $$
    """,
    # A write-off needs its approval, a return its row; what is recalled, expired or in quarantine reaches no
    # patient and no shelf.
    """
    CREATE OR REPLACE FUNCTION pharmacy_check_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        quarantine boolean := (SELECT kind = 'quarantine' FROM pharmacy_store WHERE code = NEW.store);
    BEGIN
        IF NEW.kind = 'write_off' AND NOT EXISTS (SELECT FROM pharmacy_write_off w WHERE w.id = NEW.reference
            AND w.state = 'approved' AND w.lot_id = NEW.lot_id AND w.store = NEW.store
            AND w.quantity = -NEW.delta) THEN
            RAISE EXCEPTION 'write-off % is not approved', NEW.reference
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_approved_check';
        END IF;
        IF NEW.kind = 'return' AND NOT EXISTS (SELECT FROM pharmacy_return r
            JOIN pharmacy_dispense_item i ON i.id = r.item_id WHERE r.id = NEW.reference
            AND i.lot_id = NEW.lot_id AND r.store = NEW.store AND r.quantity = NEW.delta) THEN
            RAISE EXCEPTION 'nothing like movement % was brought back', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_return_check';
        END IF;
        IF NEW.kind = 'dispense' AND quarantine THEN
            RAISE EXCEPTION 'store % is a quarantine', NEW.store
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_ledger_quarantine_check';
        END IF;
        IF NEW.kind = 'dispense' OR NEW.kind = 'transfer_in' AND NOT quarantine THEN
            PERFORM pharmacy_require_usable(NEW.lot_id, NEW.occurred_at);
        ELSE
            PERFORM FROM pharmacy_lot WHERE id = NEW.lot_id FOR SHARE;
        END IF;
        RETURN NEW;
    END $$
    """,
    # What was prepared is handed over only while it still may be.
    """
    CREATE FUNCTION pharmacy_check_hand_over() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pharmacy_require_usable(i.lot_id, NEW.handed_over_at)
            FROM (SELECT DISTINCT lot_id FROM pharmacy_dispense_item WHERE dispense_id = NEW.id
                ORDER BY lot_id) i;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER usable BEFORE UPDATE ON pharmacy_dispense
        FOR EACH ROW WHEN (NEW.state = 'handed_over' AND OLD.state <> 'handed_over')
        EXECUTE FUNCTION pharmacy_check_hand_over()
    """,
)


def upgrade() -> None:
    """Make the table of returns and hold its rules."""
    for statement in STATEMENTS:
        op.execute(statement)
