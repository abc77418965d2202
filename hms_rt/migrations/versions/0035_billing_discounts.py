"""Billing: discounts with authority, held to what they are of.

Revision ID: 0035
Revises: 0034
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

KINDS = "'consultation', 'test', 'medicine', 'bed_day', 'procedure', 'other', 'discount', 'included'"

STATEMENTS = (
    # What takes something off a charge: a discount, or a package that includes it.
    "ALTER TABLE billing_charge DROP CONSTRAINT billing_charge_kind_check",
    f"ALTER TABLE billing_charge ADD CONSTRAINT billing_charge_kind_check CHECK (kind IN ({KINDS}))",
    """
    ALTER TABLE billing_charge ADD COLUMN reduces uuid
        CONSTRAINT billing_charge_reduces_fkey REFERENCES billing_charge
    """,
    """
    ALTER TABLE billing_charge ADD CONSTRAINT billing_charge_reduces_check CHECK (
        (kind IN ('discount', 'included')) = (reduces IS NOT NULL)
        AND (reduces IS NULL OR gross IS NOT NULL))
    """,
    "ALTER TABLE billing_charge DROP CONSTRAINT billing_charge_sign_check",
    """
    ALTER TABLE billing_charge ADD CONSTRAINT billing_charge_sign_check CHECK (
        net IS NULL OR CASE WHEN (reduces IS NULL) = (reverses IS NULL)
            THEN least(net, tax, gross, payer_part, patient_part) >= 0
            ELSE greatest(net, tax, gross, payer_part, patient_part) <= 0 END)
    """,
    "CREATE INDEX billing_charge_reduces_idx ON billing_charge (reduces) WHERE reduces IS NOT NULL",
    """
    CREATE TABLE billing_discount_limit (
        holder text PRIMARY KEY,
        percent numeric NOT NULL CONSTRAINT billing_discount_limit_percent_check CHECK (
            percent BETWEEN 0 AND 100 AND scale(percent) <= 3),
        amount numeric CONSTRAINT billing_discount_limit_amount_check CHECK (amount > 0),
        version integer NOT NULL
    )
    """,
    """
    CREATE TABLE billing_discount (
        id uuid PRIMARY KEY,
        invoice_id uuid NOT NULL CONSTRAINT billing_discount_invoice_id_fkey REFERENCES billing_invoice,
        charge_id uuid CONSTRAINT billing_discount_charge_id_fkey REFERENCES billing_charge,
        percent numeric CONSTRAINT billing_discount_percent_check CHECK (percent > 0 AND percent <= 100),
        amount numeric CONSTRAINT billing_discount_amount_check CHECK (amount > 0),
        reason text NOT NULL CONSTRAINT billing_discount_reason_check CHECK (length(reason) >= 3),
        state text NOT NULL CONSTRAINT billing_discount_state_check CHECK (
            state IN ('granted', 'requested', 'approved', 'declined')),
        gross numeric NOT NULL CONSTRAINT billing_discount_gross_check CHECK (gross > 0),
        share numeric NOT NULL CONSTRAINT billing_discount_share_check CHECK (share > 0 AND share <= 100),
        authority numeric NOT NULL,
        requested_by uuid NOT NULL,
        requested_at timestamptz NOT NULL,
        decided_by uuid,
        decided_at timestamptz,
        version integer NOT NULL,
        CONSTRAINT billing_discount_either_check CHECK (num_nonnulls(percent, amount) = 1),
        CONSTRAINT billing_discount_authority_check CHECK (state <> 'granted' OR share <= authority),
        CONSTRAINT billing_discount_second_person_check CHECK (decided_by <> requested_by),
        CONSTRAINT billing_discount_decided_check CHECK (
            (state IN ('approved', 'declined')) = (decided_by IS NOT NULL)
            AND (decided_by IS NULL) = (decided_at IS NULL))
    )
    """,
    "CREATE INDEX billing_discount_invoice_id_idx ON billing_discount (invoice_id)",
    "CREATE INDEX billing_discount_requested_idx ON billing_discount (id) WHERE state = 'requested'",
    # No part of a charge is reduced below nothing, and nothing is left of a reduction of what was reversed.
    """
    CREATE FUNCTION billing_check_reduced() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        original billing_charge;
        parts record;
    BEGIN
        SELECT * INTO original FROM billing_charge WHERE id = coalesce(NEW.reduces, NEW.id);
        SELECT coalesce(sum(net), 0) AS net, coalesce(sum(tax), 0) AS tax, coalesce(sum(gross), 0) AS gross,
            coalesce(sum(payer_part), 0) AS payer_part, coalesce(sum(patient_part), 0) AS patient_part,
            coalesce(bool_and(patient_id = original.patient_id), true) AS theirs INTO parts
            FROM billing_charge
            WHERE reduces = original.id AND reverses IS NULL AND reversed_by IS NULL;
        IF original.reduces IS NOT NULL OR original.reverses IS NOT NULL AND NEW.reduces IS NOT NULL
            OR NOT parts.theirs OR original.reversed_by IS NOT NULL AND parts.gross <> 0
            OR least(original.net + parts.net, original.tax + parts.tax, original.gross + parts.gross,
                original.payer_part + parts.payer_part, original.patient_part + parts.patient_part) < 0 THEN
            RAISE EXCEPTION 'more is taken off charge % than there is', original.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'billing_charge_reduced_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER reduced AFTER INSERT OR UPDATE ON billing_charge
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.reduces IS NOT NULL OR NEW.reversed_by IS NOT NULL)
        EXECUTE FUNCTION billing_check_reduced()
    """,
    # A discount takes off what was granted or approved, neither more nor less.
    """
    CREATE FUNCTION billing_check_discount() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted text := coalesce(to_jsonb(NEW) ->> 'source', to_jsonb(NEW) ->> 'id');
        given numeric := (SELECT coalesce(-sum(gross), 0) FROM billing_charge
            WHERE kind = 'discount' AND source = wanted AND reverses IS NULL);
    BEGIN
        IF given <> coalesce((SELECT gross FROM billing_discount
            WHERE id::text = wanted AND state IN ('granted', 'approved')), 0) THEN
            PERFORM billing_wrong('discount', wanted::uuid);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE INDEX billing_charge_discount_idx ON billing_charge (source) WHERE kind = 'discount'
    """,
    """
    CREATE CONSTRAINT TRIGGER discount AFTER INSERT ON billing_charge
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'discount')
        EXECUTE FUNCTION billing_check_discount()
    """,
    """
    CREATE CONSTRAINT TRIGGER discount AFTER INSERT OR UPDATE ON billing_discount
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_discount()
    """,
    """
    CREATE TRIGGER keep_document BEFORE UPDATE ON billing_discount FOR EACH ROW
        EXECUTE FUNCTION billing_keep_document('state gross share decided_by decided_at version')
    """,
    """
    CREATE FUNCTION billing_keep_discount() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'requested' THEN
            RAISE EXCEPTION 'the discount is decided' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER decided_once BEFORE UPDATE ON billing_discount
        FOR EACH ROW EXECUTE FUNCTION billing_keep_discount()
    """,
    """
    CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON billing_discount
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    CREATE TRIGGER whole_units BEFORE INSERT OR UPDATE ON billing_discount FOR EACH ROW
        EXECUTE FUNCTION billing_check_scale('amount', 'gross')
    """,
    """
    CREATE TRIGGER whole_units BEFORE INSERT OR UPDATE ON billing_discount_limit FOR EACH ROW
        EXECUTE FUNCTION billing_check_scale('amount')
    """,
    # What cost nothing is credited, too.
    "ALTER TABLE billing_invoice DROP CONSTRAINT billing_invoice_credits_check",
    """
    ALTER TABLE billing_invoice ADD CONSTRAINT billing_invoice_credits_check CHECK (
        (kind = 'credit_note') = (credits IS NOT NULL)
        AND (kind <> 'credit_note' OR state = 'issued' AND total <= 0 AND paid = 0 AND credited = 0))
    """,
)


def upgrade() -> None:
    """Make tables and triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
