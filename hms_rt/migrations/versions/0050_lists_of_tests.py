"""Lists by test, by state of an alert, by standing of a lot; found by ``python -m bench.decade``.

Orders of a test that a ward never asks for were looked for in all of its orders: what a list of orders sorts
and bounds by stands beside the code now, written once when a test is ordered.

Revision ID: 0050
Revises: 0049
"""

from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    CREATE TABLE lab_ordered_test (
        code text NOT NULL,
        ordered_at timestamptz NOT NULL,
        order_id uuid NOT NULL REFERENCES lab_order,
        place text,
        ordered_by uuid NOT NULL,
        PRIMARY KEY (code, ordered_at, order_id)
    )
    """,
    """
    INSERT INTO lab_ordered_test (code, ordered_at, order_id, place, ordered_by)
    SELECT DISTINCT t.code, o.ordered_at, o.id, o.place, o.ordered_by
    FROM lab_test t JOIN lab_order o ON o.id = t.order_id
    """,
    "CREATE INDEX lab_ordered_test_place_idx ON lab_ordered_test (place, code, ordered_at, order_id)",
    "CREATE INDEX lab_ordered_test_by_idx ON lab_ordered_test (ordered_by, code, ordered_at, order_id)",
    "DROP INDEX lab_test_code_idx",
    """
    CREATE FUNCTION lab_list_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO lab_ordered_test (code, ordered_at, order_id, place, ordered_by)
        SELECT NEW.code, o.ordered_at, o.id, o.place, o.ordered_by FROM lab_order o WHERE o.id = NEW.order_id
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER listed AFTER INSERT ON lab_test
        FOR EACH ROW EXECUTE FUNCTION lab_list_test()
    """,
    "CREATE INDEX lab_critical_alert_state_idx ON lab_critical_alert (state, id)",
    "CREATE INDEX lab_critical_alert_place_state_idx ON lab_critical_alert (place, state, id)",
    "CREATE INDEX pharmacy_lot_expired_idx ON pharmacy_lot (id) WHERE expired_at IS NOT NULL",
    "CREATE INDEX pharmacy_lot_recalled_idx ON pharmacy_lot (id) WHERE recalled_at IS NOT NULL",
)


def upgrade() -> None:
    """Make the table, its trigger and the indexes."""
    for statement in STATEMENTS:
        op.execute(statement)
