"""Pharmacy: how much of a medicine a store may hand over, its reorder level, and what was told of expiry.

Revision ID: 0034
Revises: 0033
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE pharmacy_store ADD COLUMN near_expiry_days smallint
        CONSTRAINT pharmacy_store_near_expiry_days_check CHECK (near_expiry_days BETWEEN 1 AND 1000)
    """,
    """
    CREATE TABLE pharmacy_shelf (
        store text NOT NULL CONSTRAINT pharmacy_shelf_store_fkey REFERENCES pharmacy_store,
        medicine text NOT NULL CONSTRAINT pharmacy_shelf_medicine_fkey REFERENCES pharmacy_medicine,
        usable numeric NOT NULL DEFAULT 0 CONSTRAINT pharmacy_shelf_usable_check CHECK (usable >= 0),
        reorder_level numeric CONSTRAINT pharmacy_shelf_reorder_level_check CHECK (
            reorder_level >= 0 AND scale(reorder_level) <= 4),
        told boolean NOT NULL DEFAULT false,
        version integer NOT NULL DEFAULT 0,
        low boolean NOT NULL GENERATED ALWAYS AS (
            CASE WHEN reorder_level IS NULL THEN false ELSE usable <= reorder_level END) STORED,
        PRIMARY KEY (store, medicine)
    )
    """,
    "CREATE INDEX pharmacy_shelf_low_idx ON pharmacy_shelf (store, medicine) WHERE low",
    """
    INSERT INTO pharmacy_shelf (store, medicine, usable)
    SELECT s.store, l.medicine, coalesce(sum(s.quantity) FILTER (WHERE l.recalled_at IS NULL), 0)
    FROM pharmacy_stock s JOIN pharmacy_lot l ON l.id = s.lot_id GROUP BY 1, 2
    """,
    """
    CREATE FUNCTION pharmacy_guard_shelf() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_trigger_depth() < 2 AND (TG_OP = 'DELETE' OR TG_OP = 'INSERT' AND NEW.usable <> 0
            OR TG_OP = 'UPDATE' AND (NEW.store, NEW.medicine, NEW.usable)
                IS DISTINCT FROM (OLD.store, OLD.medicine, OLD.usable)) THEN
            RAISE EXCEPTION 'what a shelf holds follows the ledger alone'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN coalesce(NEW, OLD);
    END $$
    """,
    """
    CREATE TRIGGER guarded BEFORE INSERT OR UPDATE OR DELETE ON pharmacy_shelf
        FOR EACH ROW EXECUTE FUNCTION pharmacy_guard_shelf()
    """,
    # Stock is the sum of the ledger, and a shelf the sum of its stock that may be handed over.
    """
    CREATE OR REPLACE FUNCTION pharmacy_move_stock() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        lot pharmacy_lot;
    BEGIN
        INSERT INTO pharmacy_stock VALUES (NEW.lot_id, NEW.store, 0) ON CONFLICT DO NOTHING;
        UPDATE pharmacy_stock SET quantity = quantity + NEW.delta
            WHERE lot_id = NEW.lot_id AND store = NEW.store;
        SELECT * INTO STRICT lot FROM pharmacy_lot WHERE id = NEW.lot_id;
        INSERT INTO pharmacy_shelf (store, medicine) VALUES (NEW.store, lot.medicine) ON CONFLICT DO NOTHING;
        IF lot.recalled_at IS NULL AND lot.expired_at IS NULL THEN
            UPDATE pharmacy_shelf SET usable = usable + NEW.delta
                WHERE store = NEW.store AND medicine = lot.medicine;
        END IF;
        RETURN NULL;
    END $$
    """,
    # A lot that is recalled or expired stays so, and leaves the sums of its shelves.
    """
    CREATE FUNCTION pharmacy_block_lot() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.recalled_at IS NOT NULL AND NEW.recalled_at IS NULL)
            OR (OLD.expired_at IS NOT NULL AND NEW.expired_at IS NULL)
            OR (NEW.id, NEW.medicine, NEW.number) IS DISTINCT FROM (OLD.id, OLD.medicine, OLD.number) THEN
            RAISE EXCEPTION 'lot % stays what it is', OLD.number USING ERRCODE = 'restrict_violation';
        END IF;
        IF OLD.recalled_at IS NULL AND OLD.expired_at IS NULL
            AND (NEW.recalled_at IS NOT NULL OR NEW.expired_at IS NOT NULL) THEN
            UPDATE pharmacy_shelf h SET usable = h.usable - s.quantity FROM pharmacy_stock s
                WHERE s.lot_id = NEW.id AND h.store = s.store AND h.medicine = NEW.medicine;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER blocked AFTER UPDATE ON pharmacy_lot
        FOR EACH ROW EXECUTE FUNCTION pharmacy_block_lot()
    """,
    """
    CREATE TABLE pharmacy_expiry_notice (
        store text NOT NULL CONSTRAINT pharmacy_expiry_notice_store_fkey REFERENCES pharmacy_store,
        lot_id uuid NOT NULL CONSTRAINT pharmacy_expiry_notice_lot_id_fkey REFERENCES pharmacy_lot,
        kind text NOT NULL CONSTRAINT pharmacy_expiry_notice_kind_check CHECK (
            kind IN ('near_expiry', 'expired')),
        told_at timestamptz NOT NULL,
        PRIMARY KEY (store, lot_id, kind)
    )
    """,
    "CREATE INDEX pharmacy_expiry_notice_lot_id_idx ON pharmacy_expiry_notice (lot_id)",
    "CREATE INDEX pharmacy_lot_expires_on_idx ON pharmacy_lot (expires_on, id)",
    """
    INSERT INTO timers (id, kind, key, due_at, run_at, state, attempts, payload, version, set_at)
    SELECT gen_random_uuid(), 'pharmacy.expiry', code, now(), now(), 'waiting', 0, '{}', 1, now()
    FROM pharmacy_store
    """,
)


def upgrade() -> None:
    """Make the sums of shelves, levels and notices of expiry."""
    for statement in STATEMENTS:
        op.execute(statement)
