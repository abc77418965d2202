"""Why laboratory orders were made, and during which visit or admission.

Revision ID: 0040
Revises: 0039
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Written once, with the order. Of orders before it nothing is known."""
    op.execute(
        """
        CREATE TABLE lab_order_context (
            order_id uuid PRIMARY KEY CONSTRAINT lab_order_context_order_id_fkey REFERENCES lab_order,
            question text NOT NULL,
            diagnoses text[] NOT NULL,
            encounter_kind text CONSTRAINT lab_order_context_encounter_kind_check CHECK (
                encounter_kind IN ('visit', 'admission')),
            encounter_id uuid,
            CONSTRAINT lab_order_context_encounter_check CHECK (
                (encounter_kind IS NULL) = (encounter_id IS NULL))
        )
        """
    )
    op.execute(
        """
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lab_order_context
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
    )
