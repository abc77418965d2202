"""Billing: what a charge, an estimate and a reduction come to is held to price, quantity and tariff.

Rounded half up to the currency's last place, as ``round(numeric)`` does and the program.

Revision ID: 0056
Revises: 0055
"""

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE FUNCTION billing_scale() RETURNS integer LANGUAGE sql STABLE AS $$
        SELECT scale FROM billing_currency
    $$
    """,
    # Net is price times quantity, tax its rate of that, each rounded once.
    """
    CREATE FUNCTION billing_adds_up(quantity numeric, price numeric, rate numeric, net numeric, tax numeric)
    RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT net = round(price * quantity, billing_scale())
            AND tax = round(net * rate / 100, billing_scale())
    $$
    """,
    # On one of these days the tariff has this price: the payer's own for the class, else that of the payer's
    # standard class, else that of self-payers of the class, else the standard one.
    """
    CREATE FUNCTION billing_is_tariff(what text, who text, class text, days date[], price numeric,
        rate numeric, total numeric, share numeric) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT EXISTS (SELECT FROM unnest(days) AS d (day) CROSS JOIN LATERAL (
                SELECT p.* FROM billing_tariff t JOIN billing_price p ON p.tariff_id = t.id
                WHERE t.service = what AND t.payer IN (who, 'SELF') AND t.patient_class IN (class, 'STD')
                AND p.valid_from <= d.day AND (p.valid_until IS NULL OR p.valid_until > d.day)
                ORDER BY t.payer <> who, t.patient_class <> class LIMIT 1) p
            WHERE p.unit_price = price AND p.tax_rate = rate
            AND share = round(total * p.payer_share / 100, billing_scale()))
    $$
    """,
    # The day of a charge is that of the hospital's clocks, which the database does not know: any day that it
    # then was somewhere. A tariff that changed since the program read it is read again.
    """
    CREATE FUNCTION billing_check_price() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        days date[];
    BEGIN
        IF NOT billing_adds_up(NEW.quantity, NEW.unit_price, NEW.tax_rate, NEW.net, NEW.tax) THEN
            RAISE EXCEPTION 'charge % is not price times quantity', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_charge_amounts_check';
        END IF;
        IF NEW.kind = 'bed_day' THEN
            days := ARRAY[right(NEW.cause, 10)::date];
        ELSE
            days := ARRAY(SELECT generate_series((NEW.occurred_at AT TIME ZONE 'Etc/GMT+12')::date,
                (NEW.occurred_at AT TIME ZONE 'Etc/GMT-14')::date, interval '1 day')::date);
        END IF;
        IF NEW.kind = 'package' THEN
            days := days || (SELECT since FROM billing_package_use WHERE id::text = NEW.cause);
        END IF;
        IF NOT billing_is_tariff(NEW.service, NEW.payer, NEW.patient_class, days, NEW.unit_price,
            NEW.tax_rate, NEW.gross, NEW.payer_part) THEN
            RAISE EXCEPTION 'charge % is not at the tariff of its day', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_charge_tariff_as_read_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER priced AFTER INSERT ON billing_charge FOR EACH ROW
        WHEN (NEW.gross IS NOT NULL AND NEW.reduces IS NULL AND NEW.reverses IS NULL)
        EXECUTE FUNCTION billing_check_price()
    """,
    """
    CREATE TRIGGER priced_later AFTER UPDATE ON billing_charge FOR EACH ROW
        WHEN (NEW.gross IS NOT NULL AND OLD.gross IS NULL) EXECUTE FUNCTION billing_check_price()
    """,
    # What of one part of a charge is left when ``rest`` of its gross is. Thirty places, so that an exact half
    # is one.
    """
    CREATE FUNCTION billing_left(part numeric, rest numeric, gross numeric) RETURNS numeric
    LANGUAGE sql STABLE AS $$
        SELECT CASE WHEN gross = 0 THEN 0 ELSE round(round(part * rest, 30) / gross, billing_scale()) END
    $$
    """,
    # What is taken off a charge keeps the proportions of tax and shares; what a package includes is so much
    # of the charge as its units are.
    """
    CREATE FUNCTION billing_check_reduction() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        one billing_charge;
        before numeric;
    BEGIN
        SELECT * INTO one FROM billing_charge WHERE id = NEW.reduces;
        SELECT one.gross + coalesce(sum(gross), 0) INTO before FROM billing_charge
            WHERE reduces = one.id AND id <> NEW.id AND reverses IS NULL AND reversed_by IS NULL;
        IF (NEW.tax, NEW.payer_part, NEW.payer, NEW.patient_class, NEW.service, NEW.tax_rate)
            IS DISTINCT FROM (
                billing_left(one.tax, before + NEW.gross, one.gross)
                    - billing_left(one.tax, before, one.gross),
                billing_left(one.payer_part, before + NEW.gross, one.gross)
                    - billing_left(one.payer_part, before, one.gross),
                one.payer, one.patient_class, one.service, one.tax_rate)
            OR NEW.kind = 'included' AND NEW.gross
                <> -least(billing_left(one.gross, NEW.quantity, one.quantity), before) THEN
            RAISE EXCEPTION 'what % takes off does not keep the proportions of the charge', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_charge_reduction_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER reduction AFTER INSERT ON billing_charge FOR EACH ROW
        WHEN (NEW.reduces IS NOT NULL AND NEW.reverses IS NULL) EXECUTE FUNCTION billing_check_reduction()
    """,
    """
    ALTER TABLE billing_discount ADD CONSTRAINT billing_discount_given_check CHECK (
        amount IS NULL OR gross = amount)
    """,
    # An estimate says what it would be: by the tariff of the planned day, and adding up.
    """
    CREATE FUNCTION billing_check_planned() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT billing_adds_up(NEW.quantity, NEW.unit_price, NEW.tax_rate, NEW.net, NEW.tax)
            OR NOT (SELECT billing_is_tariff(NEW.service, e.payer, e.patient_class, ARRAY[e.planned_on],
                NEW.unit_price, NEW.tax_rate, NEW.gross, NEW.payer_part)
                FROM billing_estimate e WHERE e.id = NEW.estimate_id) THEN
            RAISE EXCEPTION 'a line of estimate % is not at the tariff of its day', NEW.estimate_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_estimate_line_tariff_as_read_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER planned AFTER INSERT ON billing_estimate_line
        FOR EACH ROW EXECUTE FUNCTION billing_check_planned()
    """,
    # Nobody pays another patient's invoice, nor one payer another payer's.
    """
    CREATE OR REPLACE FUNCTION billing_check_payer() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM billing_payment p JOIN billing_invoice i ON i.patient_id = p.patient_id
            WHERE p.id = NEW.payment_id AND i.id = NEW.invoice_id
            AND (i.share_of IS NULL OR i.payer = p.payer)) THEN
            RAISE EXCEPTION 'payment and invoice are of different patients or payers'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_allocation_patient_check';
        END IF;
        RETURN NEW;
    END $$
    """,
)


def upgrade() -> None:
    """Make the functions and triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
