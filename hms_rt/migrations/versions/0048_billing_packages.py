"""Billing: packages, what they include, and for whom they are applied.

Revision ID: 0048
Revises: 0047
"""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

KINDS = "'consultation', 'test', 'medicine', 'bed_day', 'procedure', 'other', 'package'"

STATEMENTS = (
    "ALTER TABLE billing_service DROP CONSTRAINT billing_service_kind_check",
    f"ALTER TABLE billing_service ADD CONSTRAINT billing_service_kind_check CHECK (kind IN ({KINDS}))",
    "ALTER TABLE billing_charge DROP CONSTRAINT billing_charge_kind_check",
    f"""
    ALTER TABLE billing_charge ADD CONSTRAINT billing_charge_kind_check CHECK (
        kind IN ({KINDS}, 'discount', 'included'))
    """,
    """
    CREATE TABLE billing_package_item (
        package text NOT NULL CONSTRAINT billing_package_item_package_fkey REFERENCES billing_service,
        service text NOT NULL CONSTRAINT billing_package_item_service_fkey REFERENCES billing_service,
        quantity numeric NOT NULL CONSTRAINT billing_package_item_quantity_check CHECK (quantity > 0),
        PRIMARY KEY (package, service),
        CONSTRAINT billing_package_item_other_check CHECK (package <> service)
    )
    """,
    """
    CREATE TABLE billing_package_use (
        id uuid PRIMARY KEY,
        package text NOT NULL CONSTRAINT billing_package_use_package_fkey REFERENCES billing_service,
        patient_id uuid NOT NULL CONSTRAINT billing_package_use_patient_id_fkey REFERENCES patients_patient,
        admission_id uuid,
        since date NOT NULL,
        until date NOT NULL,
        state text NOT NULL CONSTRAINT billing_package_use_state_check CHECK (
            state IN ('applied', 'withdrawn')),
        applied_at timestamptz NOT NULL,
        applied_by uuid NOT NULL,
        withdrawn_at timestamptz,
        withdrawn_by uuid,
        reason text,
        version integer NOT NULL,
        CONSTRAINT billing_package_use_days_check CHECK (until >= since),
        CONSTRAINT billing_package_use_withdrawn_check CHECK (
            (state = 'withdrawn') = (withdrawn_at IS NOT NULL)
            AND num_nonnulls(withdrawn_at, withdrawn_by, reason) IN (0, 3))
    )
    """,
    "CREATE INDEX billing_package_use_patient_id_idx ON billing_package_use (patient_id, id)",
    """
    CREATE TABLE billing_package_left (
        use_id uuid NOT NULL CONSTRAINT billing_package_left_use_id_fkey REFERENCES billing_package_use,
        service text NOT NULL CONSTRAINT billing_package_left_service_fkey REFERENCES billing_service,
        quantity numeric NOT NULL,
        used numeric NOT NULL,
        PRIMARY KEY (use_id, service),
        CONSTRAINT billing_package_left_used_check CHECK (used BETWEEN 0 AND quantity)
    )
    """,
    # What is used of a package is what it takes off charges, and a withdrawn one takes nothing off.
    """
    CREATE FUNCTION billing_check_included() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        told jsonb := to_jsonb(NEW);
        used_by uuid := coalesce(told ->> 'use_id', told ->> 'source', told ->> 'id')::uuid;
    BEGIN
        IF EXISTS (
            SELECT FROM (SELECT * FROM billing_package_left WHERE use_id = used_by) l FULL JOIN (
                SELECT service, sum(quantity) AS quantity FROM billing_charge
                WHERE kind = 'included' AND source = used_by::text AND reverses IS NULL
                AND reversed_by IS NULL GROUP BY service) c ON c.service = l.service
            WHERE coalesce(l.used, 0) <> coalesce(c.quantity, 0))
            OR EXISTS (SELECT FROM billing_package_use u JOIN billing_package_left l ON l.use_id = u.id
                WHERE u.id = used_by AND u.state = 'withdrawn' AND l.used > 0)
            OR (SELECT count(*) FROM billing_charge WHERE kind = 'package' AND cause = used_by::text
                AND reverses IS NULL AND reversed_by IS NULL)
                <> (SELECT count(*) FROM billing_package_use WHERE id = used_by AND state = 'applied') THEN
            PERFORM billing_wrong('package', used_by);
        END IF;
        RETURN NULL;
    END $$
    """,
    "CREATE INDEX billing_charge_included_idx ON billing_charge (source) WHERE kind = 'included'",
    """
    CREATE CONSTRAINT TRIGGER included AFTER INSERT OR UPDATE ON billing_charge
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'included')
        EXECUTE FUNCTION billing_check_included()
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER included AFTER INSERT OR UPDATE ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_included()
        """
        for table in ("billing_package_use", "billing_package_left")
    ),
    """
    CREATE TRIGGER keep_document BEFORE UPDATE ON billing_package_use FOR EACH ROW
        EXECUTE FUNCTION billing_keep_document('state withdrawn_at withdrawn_by reason version')
    """,
    """
    CREATE FUNCTION billing_keep_package_left() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.use_id, NEW.service, NEW.quantity) <> (OLD.use_id, OLD.service, OLD.quantity) THEN
            RAISE EXCEPTION 'what a package includes does not change' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_content BEFORE UPDATE ON billing_package_left
        FOR EACH ROW EXECUTE FUNCTION billing_keep_package_left()
    """,
    """
    CREATE FUNCTION billing_keep_package_use() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state = 'withdrawn' AND NEW.patient_id = OLD.patient_id THEN
            RAISE EXCEPTION 'the package is withdrawn' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER withdrawn_once BEFORE UPDATE ON billing_package_use
        FOR EACH ROW EXECUTE FUNCTION billing_keep_package_use()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_package_item
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    *(
        f"""
        CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("billing_package_use", "billing_package_left")
    ),
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON billing_package_use
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
)


def upgrade() -> None:
    """Make tables and triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
