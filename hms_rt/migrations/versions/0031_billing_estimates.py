"""Billing: estimates; interim, final and supplementary invoices of an admission.

Revision ID: 0031
Revises: 0030
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE billing_series DROP CONSTRAINT billing_series_series_check",
    """
    ALTER TABLE billing_series ADD CONSTRAINT billing_series_series_check CHECK (
        series IN ('invoice', 'credit_note', 'receipt', 'estimate'))
    """,
    """
    CREATE TABLE billing_estimate (
        id uuid PRIMARY KEY,
        facility text NOT NULL,
        number bigint NOT NULL,
        patient_id uuid NOT NULL CONSTRAINT billing_estimate_patient_id_fkey REFERENCES patients_patient,
        payer text NOT NULL CONSTRAINT billing_estimate_payer_fkey REFERENCES billing_payer,
        patient_class text NOT NULL CONSTRAINT billing_estimate_patient_class_fkey REFERENCES billing_class,
        planned_on date NOT NULL,
        valid_until date NOT NULL,
        note text,
        total numeric NOT NULL,
        payer_part numeric NOT NULL,
        patient_part numeric NOT NULL,
        created_at timestamptz NOT NULL,
        created_by uuid NOT NULL,
        CONSTRAINT billing_estimate_number_key UNIQUE (facility, number),
        CONSTRAINT billing_estimate_total_check CHECK (
            total = payer_part + patient_part AND payer_part >= 0 AND patient_part >= 0)
    )
    """,
    "CREATE INDEX billing_estimate_patient_id_idx ON billing_estimate (patient_id, id)",
    """
    CREATE TABLE billing_estimate_line (
        estimate_id uuid NOT NULL CONSTRAINT billing_estimate_line_estimate_id_fkey
            REFERENCES billing_estimate,
        position integer NOT NULL,
        service text NOT NULL CONSTRAINT billing_estimate_line_service_fkey REFERENCES billing_service,
        description text NOT NULL,
        quantity numeric NOT NULL CONSTRAINT billing_estimate_line_quantity_check CHECK (quantity > 0),
        unit_price numeric NOT NULL,
        tax_rate numeric NOT NULL,
        net numeric NOT NULL,
        tax numeric NOT NULL,
        gross numeric NOT NULL,
        payer_part numeric NOT NULL,
        patient_part numeric NOT NULL,
        PRIMARY KEY (estimate_id, position),
        CONSTRAINT billing_estimate_line_gross_check CHECK (
            gross = net + tax AND gross = payer_part + patient_part)
    )
    """,
    """
    CREATE FUNCTION billing_check_estimate() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid := coalesce((to_jsonb(NEW) ->> 'estimate_id')::uuid, (to_jsonb(NEW) ->> 'id')::uuid);
    BEGIN
        IF NOT EXISTS (SELECT FROM billing_estimate e WHERE e.id = wanted AND (e.total, e.payer_part) = (
            SELECT sum(gross), sum(payer_part) FROM billing_estimate_line WHERE estimate_id = wanted)) THEN
            PERFORM billing_wrong('estimate', wanted);
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER sums AFTER INSERT ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_estimate()
        """
        for table in ("billing_estimate", "billing_estimate_line")
    ),
    # An estimate is never changed: another one is written. It follows a merge.
    """
    CREATE TRIGGER keep_document BEFORE UPDATE ON billing_estimate
        FOR EACH ROW EXECUTE FUNCTION billing_keep_document('')
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON billing_estimate
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_estimate_line
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON billing_estimate
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
    *(
        f"""
        CREATE TRIGGER whole_units BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW
            EXECUTE FUNCTION billing_check_scale({columns})
        """
        for table, columns in (
            ("billing_estimate", "'total', 'payer_part', 'patient_part'"),
            ("billing_estimate_line", "'net', 'tax', 'gross', 'payer_part', 'patient_part'"),
        )
    ),
    # An admission has one final invoice, when the patient left and all that was done is on an invoice; what
    # is charged later goes on supplementary ones.
    "ALTER TABLE billing_invoice DROP CONSTRAINT billing_invoice_kind_check",
    """
    ALTER TABLE billing_invoice ADD CONSTRAINT billing_invoice_kind_check CHECK (
        kind IN ('interim', 'final', 'supplement', 'credit_note'))
    """,
    """
    CREATE UNIQUE INDEX billing_invoice_final_key ON billing_invoice (admission_id)
        WHERE kind = 'final' AND state <> 'void' AND admission_id IS NOT NULL
    """,
    """
    CREATE FUNCTION billing_check_kind() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        finished boolean := EXISTS (SELECT FROM billing_invoice f WHERE f.admission_id = NEW.admission_id
            AND f.kind = 'final' AND f.state NOT IN ('draft', 'void'));
    BEGIN
        IF NEW.kind IN ('interim', 'supplement')
            AND (NEW.admission_id IS NULL OR finished <> (NEW.kind = 'supplement')) THEN
            RAISE EXCEPTION 'an invoice of this kind does not fit the admission'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_invoice_kind_fits_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER kind_fits BEFORE INSERT ON billing_invoice
        FOR EACH ROW EXECUTE FUNCTION billing_check_kind()
    """,
    """
    CREATE FUNCTION billing_check_final() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM billing_stay WHERE admission_id = NEW.admission_id AND ward IS NOT NULL)
            OR EXISTS (SELECT FROM billing_charge c WHERE c.admission_id = NEW.admission_id
                AND c.reverses IS NULL AND c.reversed_by IS NULL AND NOT EXISTS (
                    SELECT FROM billing_line l JOIN billing_invoice i ON i.id = l.invoice_id
                    WHERE l.charge_id = c.id AND l.live AND i.state <> 'draft')) THEN
            RAISE EXCEPTION 'the admission is not over, or something of it is on no invoice'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_invoice_final_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER final_is_complete AFTER UPDATE OF state ON billing_invoice
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (OLD.state = 'draft' AND NEW.state NOT IN ('draft', 'void') AND NEW.kind = 'final'
            AND NEW.admission_id IS NOT NULL)
        EXECUTE FUNCTION billing_check_final()
    """,
)


def upgrade() -> None:
    """Make tables and triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
