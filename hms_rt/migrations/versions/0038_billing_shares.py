"""Billing: what a payer owes is an invoice of its own, beside that of the patient.

Revision ID: 0038
Revises: 0037
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

STATEMENTS = (
    # What was issued until now is owed by the patient as a whole.
    "ALTER TABLE billing_invoice ADD COLUMN payer text NOT NULL DEFAULT 'SELF'",
    "ALTER TABLE billing_invoice ADD COLUMN owed numeric",
    "ALTER TABLE billing_invoice ADD COLUMN share_of uuid",
    "ALTER TABLE billing_invoice DISABLE TRIGGER USER",
    "UPDATE billing_invoice SET owed = CASE state WHEN 'draft' THEN patient_part ELSE total END",
    "ALTER TABLE billing_invoice ENABLE TRIGGER USER",
    "ALTER TABLE billing_invoice ALTER COLUMN owed SET NOT NULL, ALTER COLUMN payer DROP DEFAULT",
    """
    ALTER TABLE billing_invoice
        ADD CONSTRAINT billing_invoice_payer_fkey FOREIGN KEY (payer) REFERENCES billing_payer,
        ADD CONSTRAINT billing_invoice_share_of_fkey FOREIGN KEY (share_of) REFERENCES billing_invoice,
        DROP CONSTRAINT billing_invoice_kind_check,
        ADD CONSTRAINT billing_invoice_kind_check CHECK (
            kind IN ('interim', 'final', 'supplement', 'payer', 'credit_note')),
        ADD CONSTRAINT billing_invoice_share_check CHECK (
            (share_of IS NOT NULL) = (payer <> 'SELF')
            AND (kind <> 'payer' OR share_of IS NOT NULL AND state <> 'draft')
            AND (share_of IS NULL OR kind IN ('payer', 'credit_note') AND patient_part = 0 AND owed = total)),
        ADD CONSTRAINT billing_invoice_owed_check CHECK (
            owed = total OR owed = patient_part AND abs(owed) <= abs(total)),
        DROP CONSTRAINT billing_invoice_paid_check,
        ADD CONSTRAINT billing_invoice_paid_check CHECK (
            paid >= 0 AND credited >= 0 AND (paid + credited <= owed OR kind = 'credit_note')),
        DROP CONSTRAINT billing_invoice_settled_check,
        ADD CONSTRAINT billing_invoice_settled_check CHECK (CASE state
            WHEN 'draft' THEN number IS NULL AND issued_at IS NULL AND paid + credited = 0
            WHEN 'issued' THEN number IS NOT NULL AND issued_at IS NOT NULL AND paid + credited = 0
            WHEN 'part_paid' THEN number IS NOT NULL AND paid + credited > 0 AND paid + credited < owed
            WHEN 'paid' THEN number IS NOT NULL AND paid + credited = owed
            ELSE paid + credited = 0 AND voided_by IS NOT NULL AND voided_at IS NOT NULL END)
    """,
    # One invoice to each payer of what an invoice charges.
    """
    CREATE UNIQUE INDEX billing_invoice_share_key ON billing_invoice (share_of, payer)
        WHERE share_of IS NOT NULL
    """,
    "CREATE INDEX billing_invoice_payer_idx ON billing_invoice (payer, id) WHERE payer <> 'SELF'",
    """
    CREATE OR REPLACE FUNCTION billing_check_invoice(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        one billing_invoice;
        lines record;
        shares numeric;
    BEGIN
        SELECT * INTO one FROM billing_invoice WHERE id = wanted;
        SELECT coalesce(sum(CASE WHEN one.share_of IS NULL THEN l.gross ELSE l.payer_part END), 0) AS total,
            coalesce(sum(l.payer_part), 0) AS payer_part INTO lines
            FROM billing_line l JOIN billing_charge c ON c.id = l.charge_id
            WHERE l.invoice_id = coalesce(one.share_of, wanted) AND l.live
            AND (one.share_of IS NULL OR c.payer = one.payer);
        SELECT coalesce(sum(total), 0) INTO shares FROM billing_invoice
            WHERE share_of = wanted AND state <> 'void';
        IF one.state = 'void' AND (shares <> 0
                OR EXISTS (SELECT FROM billing_line WHERE invoice_id = wanted AND live))
            OR one.state <> 'void' AND (one.total, one.payer_part) <> (lines.total, lines.payer_part)
            OR one.share_of IS NULL AND one.state NOT IN ('draft', 'void') AND one.owed + shares <> one.total
            OR one.state = 'draft' AND (one.owed <> one.patient_part OR shares <> 0)
            OR one.paid <> (SELECT coalesce(sum(amount), 0) FROM billing_allocation WHERE invoice_id = wanted)
            OR one.credited <> (SELECT coalesce(-sum(owed), 0) FROM billing_invoice WHERE credits = wanted)
        THEN
            PERFORM billing_wrong('invoice', wanted);
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION billing_check_share() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM billing_check_invoice(NEW.share_of);
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER share AFTER INSERT OR UPDATE ON billing_invoice
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.share_of IS NOT NULL)
        EXECUTE FUNCTION billing_check_share()
    """,
    """
    CREATE OR REPLACE FUNCTION billing_keep_document() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        may_change text[] := string_to_array(TG_ARGV[0], ' ');
        before jsonb := to_jsonb(OLD);
        after jsonb := to_jsonb(NEW);
        name text;
    BEGIN
        IF TG_TABLE_NAME = 'billing_invoice' AND before ->> 'state' = 'draft' THEN
            may_change := may_change
                || '{number,issued_at,counter,total,patient_part,payer_part,owed}'::text[];
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
    """
    CREATE TRIGGER whole_units_owed BEFORE INSERT OR UPDATE ON billing_invoice FOR EACH ROW
        EXECUTE FUNCTION billing_check_scale('owed')
    """,
)


def upgrade() -> None:
    """Add the columns, and change the rules."""
    for statement in STATEMENTS:
        op.execute(statement)
