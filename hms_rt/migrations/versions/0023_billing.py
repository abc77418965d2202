"""Billing: currency, tariffs, coverage, charges, the days of a stay.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

KINDS = "'consultation', 'test', 'medicine', 'bed_day', 'procedure', 'other', 'discount'"

STATEMENTS = (
    """
    CREATE TABLE billing_currency (
        id smallint PRIMARY KEY DEFAULT 1 CONSTRAINT billing_currency_single_check CHECK (id = 1),
        code text NOT NULL CONSTRAINT billing_currency_code_check CHECK (code ~ '^[A-Z]{3}$'),
        scale smallint NOT NULL CONSTRAINT billing_currency_scale_check CHECK (scale BETWEEN 0 AND 3)
    )
    """,
    "INSERT INTO billing_currency VALUES (1, 'EUR', 2)",
    # Amounts are in whole units of the currency, whoever writes them. The columns are the arguments.
    """
    CREATE FUNCTION billing_check_scale() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        places integer := (SELECT scale FROM billing_currency);
        name text;
        amount numeric;
    BEGIN
        FOREACH name IN ARRAY TG_ARGV LOOP
            amount := (to_jsonb(NEW) ->> name)::numeric;
            IF amount <> round(amount, places) OR amount = 'NaN' OR abs(amount) = 'Infinity' THEN
                RAISE EXCEPTION '% of % is not in whole units of the currency', name, TG_TABLE_NAME
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_currency_units_check';
            END IF;
        END LOOP;
        RETURN NEW;
    END $$
    """,
    "CREATE TABLE billing_payer (code text PRIMARY KEY, name text NOT NULL)",
    "INSERT INTO billing_payer VALUES ('SELF', 'The patient')",
    "CREATE TABLE billing_class (code text PRIMARY KEY, name text NOT NULL)",
    "INSERT INTO billing_class VALUES ('STD', 'Standard')",
    f"""
    CREATE TABLE billing_service (
        code text PRIMARY KEY,
        name text NOT NULL,
        kind text NOT NULL CONSTRAINT billing_service_kind_check CHECK (kind IN ({KINDS})),
        source text,
        chargeable boolean NOT NULL,
        version integer NOT NULL,
        CONSTRAINT billing_service_source_key UNIQUE (kind, source),
        CONSTRAINT billing_service_source_check CHECK (
            (source IS NOT NULL) = (kind IN ('consultation', 'test', 'medicine', 'bed_day')))
    )
    """,
    """
    CREATE TABLE billing_tariff (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        service text NOT NULL CONSTRAINT billing_tariff_service_fkey REFERENCES billing_service,
        payer text NOT NULL CONSTRAINT billing_tariff_payer_fkey REFERENCES billing_payer,
        patient_class text NOT NULL CONSTRAINT billing_tariff_patient_class_fkey REFERENCES billing_class,
        CONSTRAINT billing_tariff_key UNIQUE (service, payer, patient_class)
    )
    """,
    # One price a day: the number of the tariff as a range of one number, since GiST compares ranges out of
    # the box, and plain columns only with an extension that not every server has.
    """
    CREATE TABLE billing_price (
        id uuid PRIMARY KEY,
        tariff_id bigint NOT NULL CONSTRAINT billing_price_tariff_id_fkey REFERENCES billing_tariff,
        valid_from date NOT NULL,
        valid_until date,
        unit_price numeric NOT NULL CONSTRAINT billing_price_unit_price_check CHECK (
            unit_price >= 0 AND unit_price < 1000000000 AND scale(unit_price) <= 6),
        tax_rate numeric NOT NULL CONSTRAINT billing_price_tax_rate_check CHECK (
            tax_rate BETWEEN 0 AND 100 AND scale(tax_rate) <= 3),
        payer_share numeric NOT NULL CONSTRAINT billing_price_payer_share_check CHECK (
            payer_share BETWEEN 0 AND 100 AND scale(payer_share) <= 3),
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        CONSTRAINT billing_price_valid_check CHECK (valid_until > valid_from),
        CONSTRAINT billing_price_valid_excl EXCLUDE USING gist (
            int8range(tariff_id, tariff_id, '[]') WITH &&, daterange(valid_from, valid_until) WITH &&)
    )
    """,
    # A price ends; what it was stays as it is.
    """
    CREATE FUNCTION billing_keep_price() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        was billing_price := OLD;
    BEGIN
        was.valid_until := NEW.valid_until;
        IF was IS DISTINCT FROM NEW THEN
            RAISE EXCEPTION 'a price only ends: set another one' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_price BEFORE UPDATE ON billing_price
        FOR EACH ROW EXECUTE FUNCTION billing_keep_price()
    """,
    """
    CREATE TABLE billing_coverage (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT billing_coverage_patient_id_fkey REFERENCES patients_patient,
        payer text NOT NULL CONSTRAINT billing_coverage_payer_fkey REFERENCES billing_payer,
        patient_class text NOT NULL CONSTRAINT billing_coverage_patient_class_fkey REFERENCES billing_class,
        policy text,
        since date NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL
    )
    """,
    "CREATE INDEX billing_coverage_patient_id_idx ON billing_coverage (patient_id, since, id)",
    """
    CREATE TABLE billing_stay (
        admission_id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT billing_stay_patient_id_fkey REFERENCES patients_patient,
        ward text,
        arrived date NOT NULL,
        next_day date NOT NULL,
        CONSTRAINT billing_stay_next_day_check CHECK (next_day >= arrived)
    )
    """,
    "CREATE INDEX billing_stay_patient_id_idx ON billing_stay (patient_id)",
    f"""
    CREATE TABLE billing_charge (
        id uuid PRIMARY KEY,
        patient_id uuid NOT NULL CONSTRAINT billing_charge_patient_id_fkey REFERENCES patients_patient,
        admission_id uuid,
        kind text NOT NULL CONSTRAINT billing_charge_kind_check CHECK (kind IN ({KINDS})),
        cause text NOT NULL,
        source text NOT NULL,
        service text CONSTRAINT billing_charge_service_fkey REFERENCES billing_service,
        description text NOT NULL,
        quantity numeric NOT NULL CONSTRAINT billing_charge_quantity_check CHECK (
            quantity > 0 AND quantity < 1000000000 AND scale(quantity) <= 4),
        payer text NOT NULL CONSTRAINT billing_charge_payer_fkey REFERENCES billing_payer,
        patient_class text NOT NULL CONSTRAINT billing_charge_patient_class_fkey REFERENCES billing_class,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        unit_price numeric,
        tax_rate numeric,
        net numeric,
        tax numeric,
        gross numeric,
        payer_part numeric,
        patient_part numeric,
        reverses uuid CONSTRAINT billing_charge_reverses_fkey REFERENCES billing_charge
            CONSTRAINT billing_charge_reverses_key UNIQUE,
        reversed_by uuid CONSTRAINT billing_charge_reversed_by_fkey REFERENCES billing_charge
            DEFERRABLE INITIALLY DEFERRED,
        reason text,
        CONSTRAINT billing_charge_priced_check CHECK (
            num_nulls(unit_price, tax_rate, net, tax, gross, payer_part, patient_part) IN (0, 7)
            AND gross = net + tax AND gross = payer_part + patient_part),
        CONSTRAINT billing_charge_service_check CHECK (gross IS NULL OR service IS NOT NULL),
        CONSTRAINT billing_charge_sign_check CHECK (
            kind = 'discount' OR net IS NULL OR (net >= 0 OR reverses IS NOT NULL)
                AND (net <= 0 OR reverses IS NULL)),
        CONSTRAINT billing_charge_reason_check CHECK (reverses IS NULL OR reason IS NOT NULL)
    )
    """,
    # Whatever departments do is charged once: a second row for the same cause is refused, unless the first
    # was reversed.
    """
    CREATE UNIQUE INDEX billing_charge_cause_key ON billing_charge (kind, cause)
        WHERE reverses IS NULL AND reversed_by IS NULL
    """,
    "CREATE INDEX billing_charge_patient_id_idx ON billing_charge (patient_id, id)",
    """
    CREATE INDEX billing_charge_admission_id_idx ON billing_charge (admission_id, id)
        WHERE admission_id IS NOT NULL
    """,
    """
    CREATE INDEX billing_charge_to_price_idx ON billing_charge (id)
        WHERE gross IS NULL AND reverses IS NULL AND reversed_by IS NULL
    """,
    # The ledger only grows. A row gets its price once, is marked as reversed once, and follows a merge.
    """
    CREATE FUNCTION billing_keep_charge() RETURNS trigger LANGUAGE plpgsql AS $$
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
    """
    CREATE TRIGGER keep_charge BEFORE UPDATE ON billing_charge
        FOR EACH ROW EXECUTE FUNCTION billing_keep_charge()
    """,
    # A reversal is the exact opposite of one charge of the same patient, and each names the other.
    """
    CREATE FUNCTION billing_check_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        original billing_charge;
    BEGIN
        IF NEW.reverses IS NULL THEN
            IF NEW.reversed_by IS NULL OR EXISTS (
                SELECT FROM billing_charge WHERE id = NEW.reversed_by AND reverses = NEW.id) THEN
                RETURN NULL;
            END IF;
        ELSE
            SELECT * INTO original FROM billing_charge WHERE id = NEW.reverses;
            IF original.reversed_by = NEW.id AND original.reverses IS NULL
                AND original.patient_id = NEW.patient_id AND original.kind = NEW.kind
                AND original.quantity = NEW.quantity AND (-NEW.net, -NEW.tax, -NEW.gross, -NEW.payer_part)
                IS NOT DISTINCT FROM (original.net, original.tax, original.gross, original.payer_part) THEN
                RETURN NULL;
            END IF;
        END IF;
        RAISE EXCEPTION 'charge % and its reversal disagree', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_charge_reversal_check';
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER reversal AFTER INSERT OR UPDATE ON billing_charge
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.reverses IS NOT NULL OR NEW.reversed_by IS NOT NULL)
        EXECUTE FUNCTION billing_check_reversal()
    """,
    """
    CREATE TRIGGER whole_units BEFORE INSERT OR UPDATE ON billing_charge FOR EACH ROW
        EXECUTE FUNCTION billing_check_scale('net', 'tax', 'gross', 'payer_part', 'patient_part')
    """,
    # What was priced in one currency is not worth the same number of another one.
    """
    CREATE FUNCTION billing_keep_currency() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM billing_price)
            OR EXISTS (SELECT FROM billing_charge WHERE gross IS NOT NULL) THEN
            RAISE EXCEPTION 'there are prices in this currency'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_currency_kept_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_currency BEFORE UPDATE ON billing_currency
        FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION billing_keep_currency()
    """,
    *(
        f"""
        CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("billing_currency", "billing_price", "billing_charge")
    ),
    *(
        f"""
        CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON {table}
            FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
        """
        for table in ("billing_coverage", "billing_stay", "billing_charge")
    ),
)


def upgrade() -> None:
    """Make the department's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
