"""Pharmacy: what only the program held of dispenses is held by the database.

First expired, first out; items equal the ledger; what a line got and got back is the sum of its items;
dispenses, prescriptions and write-offs move as the program's tables of moves say.

Revision ID: 0052
Revises: 0051
"""

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Lots of a medicine that may be handed over, first to expire first.
    """
    CREATE INDEX pharmacy_lot_first_idx ON pharmacy_lot (medicine, expires_on)
        WHERE recalled_at IS NULL AND expired_at IS NULL
    """,
    # What lies in ``shop`` and expires before a lot goes first. A lot that is over at the earliest place on
    # earth is in nobody's way: the hospital's own midnight marks it. Read when something is taken, after the
    # ledger has booked it: what comes in at the same time is not on the shelf yet.
    """
    CREATE FUNCTION pharmacy_is_first(one pharmacy_lot, shop text, at timestamptz) RETURNS boolean
    LANGUAGE sql AS $$
        SELECT NOT EXISTS (SELECT FROM pharmacy_lot l
            JOIN pharmacy_stock s ON s.lot_id = l.id AND s.store = shop AND s.quantity > 0
            WHERE l.medicine = one.medicine AND l.expires_on < one.expires_on
            AND l.recalled_at IS NULL AND l.expired_at IS NULL
            AND l.expires_on >= (at AT TIME ZONE 'Etc/GMT-14')::date)
    $$
    """,
    """
    CREATE FUNCTION pharmacy_check_item() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        made pharmacy_dispense;
        line pharmacy_line;
        lot pharmacy_lot;
        broken text;
    BEGIN
        SELECT * INTO made FROM pharmacy_dispense WHERE id = NEW.dispense_id FOR SHARE;
        SELECT * INTO line FROM pharmacy_line WHERE id = NEW.line_id;
        SELECT * INTO lot FROM pharmacy_lot WHERE id = NEW.lot_id;
        IF made.state <> 'prepared' OR line.prescription_id <> made.prescription_id OR NEW.returned <> 0 THEN
            broken := 'line';
        ELSIF lot.medicine <> NEW.medicine OR NEW.medicine <> line.medicine AND (NEW.reason IS NULL
            OR NOT EXISTS (SELECT FROM pharmacy_medicine a JOIN pharmacy_medicine b ON b.code = NEW.medicine
                WHERE a.code = line.medicine AND lower(a.generic) = lower(b.generic)
                AND (a.strength, a.strength_unit, a.per, a.dispense_unit)
                    = (b.strength, b.strength_unit, b.per, b.dispense_unit))) THEN
            broken := 'medicine';
        ELSIF NEW.reason IS NULL AND NOT pharmacy_is_first(lot, made.store, made.prepared_at) THEN
            broken := 'first';
        END IF;
        IF broken IS NOT NULL THEN
            RAISE EXCEPTION 'item % of lot % does not fit its dispense, or is not the first to expire',
                NEW.id, lot.number
                USING ERRCODE = 'check_violation',
                    CONSTRAINT = 'pharmacy_dispense_item_' || broken || '_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER fits AFTER INSERT ON pharmacy_dispense_item
        FOR EACH ROW EXECUTE FUNCTION pharmacy_check_item()
    """,
    # When all is said, what a dispense holds left its store, lot by lot, and is back if it was cancelled.
    """
    CREATE FUNCTION pharmacy_check_dispense(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        made pharmacy_dispense;
    BEGIN
        SELECT * INTO made FROM pharmacy_dispense WHERE id = wanted;
        IF NOT FOUND OR EXISTS (
            SELECT FROM (SELECT lot_id, made.store, sum(quantity) AS quantity FROM pharmacy_dispense_item
                WHERE dispense_id = wanted GROUP BY lot_id) i
            FULL JOIN (SELECT lot_id, store, -sum(delta) FILTER (WHERE kind = 'dispense') AS taken,
                    coalesce(sum(delta) FILTER (WHERE kind = 'dispense_cancelled'), 0) AS back
                FROM pharmacy_ledger
                WHERE reference = wanted AND kind IN ('dispense', 'dispense_cancelled')
                GROUP BY lot_id, store) m USING (lot_id, store)
            WHERE (i.quantity, CASE made.state WHEN 'cancelled' THEN i.quantity ELSE 0 END)
                IS DISTINCT FROM (m.taken, m.back)) THEN
            RAISE EXCEPTION 'dispense % and the ledger disagree', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_dispense_ledger_check';
        END IF;
    END $$
    """,
    # And what a line got, and got back, is the sum of its items; no more is prepared than is left. The line
    # is locked, so that of two at once the second sees the first.
    """
    CREATE FUNCTION pharmacy_check_line(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        line pharmacy_line;
        sums record;
    BEGIN
        SELECT * INTO line FROM pharmacy_line WHERE id = wanted FOR NO KEY UPDATE;
        SELECT coalesce(sum(i.quantity) FILTER (WHERE d.state IN ('handed_over', 'returned')), 0) AS given,
            coalesce(sum(i.quantity) FILTER (WHERE d.state = 'prepared'), 0) AS waiting,
            coalesce(sum(i.returned), 0) AS back INTO sums
            FROM pharmacy_dispense d JOIN pharmacy_dispense_item i ON i.dispense_id = d.id
            WHERE d.prescription_id = line.prescription_id AND i.line_id = wanted;
        IF (line.dispensed, line.returned) <> (sums.given, sums.back)
            OR sums.given + sums.waiting > line.quantity
            OR sums.waiting > 0 AND line.not_dispensed IS NOT NULL THEN
            RAISE EXCEPTION 'line % and what was dispensed for it disagree', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_line_sum_check';
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION pharmacy_check_supply() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        CASE TG_TABLE_NAME
            WHEN 'pharmacy_ledger' THEN
                PERFORM pharmacy_check_dispense(NEW.reference);
            WHEN 'pharmacy_line' THEN
                PERFORM pharmacy_check_line(NEW.id);
            WHEN 'pharmacy_dispense_item' THEN
                PERFORM pharmacy_check_dispense(NEW.dispense_id);
                PERFORM pharmacy_check_line(NEW.line_id);
            ELSE
                PERFORM pharmacy_check_dispense(NEW.id);
                PERFORM pharmacy_check_line(l.line_id) FROM (SELECT DISTINCT line_id
                    FROM pharmacy_dispense_item WHERE dispense_id = NEW.id ORDER BY line_id) l;
        END CASE;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER {name} AFTER {when} DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW {condition} EXECUTE FUNCTION pharmacy_check_supply()
        """
        for name, when, condition in (
            (
                "supply",
                "INSERT ON pharmacy_ledger",
                "WHEN (NEW.kind IN ('dispense', 'dispense_cancelled'))",
            ),
            ("supply", "INSERT ON pharmacy_dispense_item", ""),
            (
                "supply",
                "UPDATE OF state ON pharmacy_dispense",
                "WHEN (NEW.state <> OLD.state)",
            ),
            (
                "supply_added",
                "INSERT ON pharmacy_line",
                "WHEN (NEW.dispensed <> 0 OR NEW.returned <> 0)",
            ),
            (
                "supply",
                "UPDATE ON pharmacy_line",
                "WHEN ((NEW.quantity, NEW.dispensed, NEW.returned, NEW.not_dispensed)"
                " IS DISTINCT FROM (OLD.quantity, OLD.dispensed, OLD.returned, OLD.not_dispensed))",
            ),
        )
    ),
    # From which state to which (DESIGN 8); whose it is, from where and by whom stays. Something is prepared
    # and handed over only for a prescription that is in force.
    """
    CREATE FUNCTION pharmacy_check_dispense_move() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was pharmacy_dispense := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
        before text := CASE TG_OP WHEN 'INSERT' THEN '' ELSE was.state END;
    BEGIN
        IF (before, NEW.state) NOT IN (('', 'prepared'), ('prepared', 'handed_over'),
            ('prepared', 'cancelled'), ('handed_over', 'handed_over'), ('handed_over', 'returned')) THEN
            RAISE EXCEPTION 'a dispense that is % cannot become %', before, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_dispense_move_check';
        END IF;
        was.state := NEW.state;
        was.version := NEW.version;
        IF NEW.state = 'handed_over' AND before = 'prepared' THEN
            was.handed_over_by := NEW.handed_over_by;
            was.handed_over_at := NEW.handed_over_at;
        ELSIF NEW.state IN ('returned', 'cancelled') THEN
            was.ended_by := NEW.ended_by;
            was.ended_at := NEW.ended_at;
            was.reason := NEW.reason;
        END IF;
        IF was IS DISTINCT FROM NEW THEN
            RAISE EXCEPTION 'what pharmacy_dispense holds does not change'
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.state = 'prepared' OR before = 'prepared' AND NEW.state = 'handed_over' THEN
            PERFORM FROM pharmacy_prescription WHERE id = NEW.prescription_id
                AND state IN ('active', 'partially_dispensed') FOR SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'prescription % is not in force', NEW.prescription_id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_dispense_in_force_check';
            END IF;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER legal_move AFTER INSERT OR UPDATE ON pharmacy_dispense
        FOR EACH ROW EXECUTE FUNCTION pharmacy_check_dispense_move()
    """,
    """
    CREATE FUNCTION pharmacy_check_prescription_move() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.state, NEW.state) NOT IN (('draft', 'active'), ('draft', 'cancelled'), ('active', 'on_hold'),
            ('on_hold', 'active'), ('active', 'partially_dispensed'), ('active', 'dispensed'),
            ('partially_dispensed', 'dispensed'), ('active', 'stopped'), ('partially_dispensed', 'stopped'))
            AND NOT ((OLD.state, NEW.state) = ('dispensed', 'stopped')
                AND NEW.admission_id IS NOT NULL AND NOT NEW.take_home) THEN
            RAISE EXCEPTION 'a prescription that is % cannot become %', OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_prescription_move_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER legal_move AFTER UPDATE OF state ON pharmacy_prescription
        FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION pharmacy_check_prescription_move()
    """,
    """
    CREATE FUNCTION pharmacy_check_dispensed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM pharmacy_line WHERE prescription_id = NEW.id
            AND not_dispensed IS NULL AND dispensed < quantity) THEN
            RAISE EXCEPTION 'something of prescription % is not dispensed', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_prescription_dispensed_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER all_dispensed AFTER UPDATE OF state ON pharmacy_prescription
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.state = 'dispensed' AND OLD.state <> 'dispensed')
        EXECUTE FUNCTION pharmacy_check_dispensed()
    """,
    # What comes back goes on the shelf that it came from, or to a quarantine.
    """
    CREATE FUNCTION pharmacy_check_return_store() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT (CASE NEW.disposition
            WHEN 'restock' THEN EXISTS (SELECT FROM pharmacy_dispense_item i
                JOIN pharmacy_dispense d ON d.id = i.dispense_id
                WHERE i.id = NEW.item_id AND d.store = NEW.store)
            ELSE EXISTS (SELECT FROM pharmacy_store WHERE code = NEW.store AND kind = 'quarantine') END) THEN
            RAISE EXCEPTION 'return % does not go to store %', NEW.id, NEW.store
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_return_place_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER place AFTER INSERT ON pharmacy_return
        FOR EACH ROW WHEN (NEW.disposition <> 'destroy') EXECUTE FUNCTION pharmacy_check_return_store()
    """,
    # A write-off begins as a request; approved, it is in the ledger.
    """
    CREATE FUNCTION pharmacy_check_write_off() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR NOT EXISTS (
            SELECT FROM pharmacy_ledger WHERE reference = NEW.id AND kind = 'write_off') THEN
            RAISE EXCEPTION 'write-off % was not asked for, or not booked', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_write_off_booked_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER asked_for AFTER INSERT ON pharmacy_write_off DEFERRABLE INITIALLY IMMEDIATE
        FOR EACH ROW WHEN (NEW.state <> 'requested') EXECUTE FUNCTION pharmacy_check_write_off()
    """,
    """
    CREATE CONSTRAINT TRIGGER booked AFTER UPDATE OF state ON pharmacy_write_off
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'approved')
        EXECUTE FUNCTION pharmacy_check_write_off()
    """,
    # The last day of use of a lot is what the pack says: a wrong one is written off.
    """
    CREATE FUNCTION pharmacy_keep_expiry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'lot % stays what it is', OLD.number USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER keep_expiry BEFORE UPDATE OF expires_on ON pharmacy_lot
        FOR EACH ROW WHEN (NEW.expires_on <> OLD.expires_on) EXECUTE FUNCTION pharmacy_keep_expiry()
    """,
    *(
        f"""
        CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("pharmacy_lot", "pharmacy_dispense", "pharmacy_prescription", "pharmacy_line")
    ),
)


def upgrade() -> None:
    """Make the functions and triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
