"""Billing: what a payer refuses is credited to the payer and asked of somebody else, to the cent.

Revision ID: 0058
Revises: 0057
"""

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE billing_refusal (
        id uuid PRIMARY KEY,
        invoice_id uuid NOT NULL CONSTRAINT billing_refusal_invoice_id_fkey REFERENCES billing_invoice,
        payer text NOT NULL CONSTRAINT billing_refusal_payer_fkey REFERENCES billing_payer,
        amount numeric NOT NULL CONSTRAINT billing_refusal_amount_check CHECK (amount > 0),
        reason text NOT NULL CONSTRAINT billing_refusal_reason_check CHECK (length(reason) >= 3),
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL
    )
    """,
    "CREATE INDEX billing_refusal_invoice_id_idx ON billing_refusal (invoice_id)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_refusal
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER whole_units BEFORE INSERT OR UPDATE ON billing_refusal FOR EACH ROW
        EXECUTE FUNCTION billing_check_scale('amount')
    """,
    """
    ALTER TABLE billing_invoice
        ADD COLUMN refusal_id uuid
            CONSTRAINT billing_invoice_refusal_id_fkey REFERENCES billing_refusal,
        DROP CONSTRAINT billing_invoice_kind_check,
        ADD CONSTRAINT billing_invoice_kind_check CHECK (
            kind IN ('interim', 'final', 'supplement', 'payer', 'refused', 'sale', 'credit_note')),
        DROP CONSTRAINT billing_invoice_share_check,
        ADD CONSTRAINT billing_invoice_share_check CHECK (CASE
            WHEN refusal_id IS NOT NULL THEN
                share_of IS NULL AND kind IN ('refused', 'credit_note') AND state <> 'draft' AND owed = total
            WHEN kind = 'credit_note' THEN
                CASE WHEN share_of IS NULL THEN payer = 'SELF' ELSE patient_part = 0 AND owed = total END
            ELSE kind <> 'refused' AND (share_of IS NOT NULL) = (payer <> 'SELF')
                AND (kind = 'payer') = (share_of IS NOT NULL)
                AND (kind <> 'payer' OR state <> 'draft' AND patient_part = 0 AND owed = total) END)
    """,
    # Each refusal has one credit note and one invoice.
    """
    CREATE UNIQUE INDEX billing_invoice_refusal_key ON billing_invoice (refusal_id, kind)
        WHERE refusal_id IS NOT NULL
    """,
    # What is credited of a payer's part may be on several papers since: some of it was asked of others.
    "DROP INDEX billing_invoice_share_key",
    """
    CREATE UNIQUE INDEX billing_invoice_share_key ON billing_invoice (share_of, payer) WHERE kind = 'payer'
    """,
    "CREATE INDEX billing_invoice_share_of_idx ON billing_invoice (share_of) WHERE share_of IS NOT NULL",
    """
    CREATE OR REPLACE FUNCTION billing_check_invoice(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        one billing_invoice;
        lines record;
        shares numeric;
    BEGIN
        SELECT * INTO one FROM billing_invoice WHERE id = wanted;
        IF one.paid <> (SELECT coalesce(sum(amount), 0) FROM billing_allocation WHERE invoice_id = wanted)
            OR one.credited <> (SELECT coalesce(-sum(owed), 0) FROM billing_invoice WHERE credits = wanted)
            OR one.refusal_id IS NOT NULL
                AND EXISTS (SELECT FROM billing_line WHERE invoice_id = wanted)
        THEN
            PERFORM billing_wrong('invoice', wanted);
        END IF;
        IF one.refusal_id IS NOT NULL OR one.share_of IS NOT NULL AND one.kind = 'credit_note' THEN
            RETURN;
        END IF;
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
        THEN
            PERFORM billing_wrong('invoice', wanted);
        END IF;
    END $$
    """,
    # What one is credited, the other owes.
    """
    CREATE FUNCTION billing_check_refusal() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid := coalesce((to_jsonb(NEW) ->> 'refusal_id')::uuid, NEW.id);
    BEGIN
        IF NOT EXISTS (SELECT FROM billing_refusal r
            JOIN billing_invoice i ON i.id = r.invoice_id
            JOIN billing_invoice n ON n.refusal_id = r.id AND n.kind = 'credit_note'
            JOIN billing_invoice m ON m.refusal_id = r.id AND m.kind = 'refused'
            WHERE r.id = wanted AND i.kind IN ('payer', 'refused') AND i.payer <> r.payer
            AND (n.credits, n.payer, n.total) = (i.id, i.payer, -r.amount)
            AND (m.payer, m.total) = (r.payer, r.amount)
            AND i.patient_id = n.patient_id AND i.patient_id = m.patient_id) THEN
            PERFORM billing_wrong('refusal', wanted);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER papers AFTER INSERT ON billing_refusal
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_refusal()
    """,
    """
    CREATE CONSTRAINT TRIGGER refusal AFTER INSERT ON billing_invoice
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.refusal_id IS NOT NULL)
        EXECUTE FUNCTION billing_check_refusal()
    """,
    """
    CREATE OR REPLACE FUNCTION billing_check_void() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.refusal_id IS NOT NULL OR EXISTS (SELECT FROM billing_invoice WHERE credits = NEW.id) THEN
            RAISE EXCEPTION 'the invoice was credited, or asks for what was refused'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_invoice_void_credited_check';
        END IF;
        RETURN NEW;
    END $$
    """,
)


def upgrade() -> None:
    """Make the table, and change the rules."""
    for statement in STATEMENTS:
        op.execute(statement)
