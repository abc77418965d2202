"""Allergies that become known while a prescription is in force: nothing of the line is dispensed.

Revision ID: 0053
Revises: 0052
"""

from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    "ALTER TABLE pharmacy_line ADD COLUMN allergy_alert boolean NOT NULL DEFAULT false",
    "ALTER TABLE pharmacy_override DROP CONSTRAINT pharmacy_override_pkey",
    "ALTER TABLE pharmacy_override ADD CONSTRAINT pharmacy_override_pkey PRIMARY KEY (line_id, kind, warned)",
    """
    CREATE FUNCTION pharmacy_refuse_alerted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM pharmacy_line l WHERE l.id = NEW.line_id AND l.allergy_alert) THEN
            RAISE EXCEPTION 'an allergy became known since it was prescribed' USING
                ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_dispense_item_alert_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER alert BEFORE INSERT ON pharmacy_dispense_item
        FOR EACH ROW EXECUTE FUNCTION pharmacy_refuse_alerted()
    """,
    """
    CREATE FUNCTION pharmacy_refuse_alerted_hand_over() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT FROM pharmacy_dispense_item i JOIN pharmacy_line l ON l.id = i.line_id
            WHERE i.dispense_id = NEW.id AND l.allergy_alert) THEN
            RAISE EXCEPTION 'an allergy became known since it was prepared' USING
                ERRCODE = 'check_violation', CONSTRAINT = 'pharmacy_dispense_alert_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER alert BEFORE UPDATE ON pharmacy_dispense
        FOR EACH ROW WHEN (OLD.state = 'prepared' AND NEW.state = 'handed_over')
        EXECUTE FUNCTION pharmacy_refuse_alerted_hand_over()
    """,
)


def upgrade() -> None:
    """Add the alert and what refuses to go past it."""
    for statement in STATEMENTS:
        op.execute(statement)
