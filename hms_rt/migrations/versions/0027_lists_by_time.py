"""Indexes for lists that are bounded, and therefore sorted, by time; found by ``python -m bench.decade``.

An id tells when something was recorded, and late entry is normal: a list that is bounded by when something
happened is read in the order of that time, with the id where times are equal.

Revision ID: 0027
Revises: 0026
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    "DROP INDEX audit_log_at_idx",
    "DROP INDEX audit_log_patient_id_idx",
    "DROP INDEX audit_log_principal_id_idx",
    "CREATE INDEX audit_log_at_idx ON audit_log (at, id)",
    "CREATE INDEX audit_log_patient_id_idx ON audit_log (patient_id, at, id) WHERE patient_id IS NOT NULL",
    "CREATE INDEX audit_log_principal_id_idx ON audit_log (principal_id, at, id)",
    # By bytes, so that the actions that begin alike are one range, whatever the language of the database.
    """CREATE INDEX audit_log_action_idx ON audit_log (action COLLATE "C", at, id)""",
    "DROP INDEX lab_order_patient_id_idx",
    "DROP INDEX lab_order_ordered_by_idx",
    "DROP INDEX lab_order_place_idx",
    "DROP INDEX lab_order_place_state_idx",
    "DROP INDEX lab_order_state_idx",
    "DROP INDEX lab_order_priority_idx",
    "DROP INDEX lab_order_place_priority_idx",
    "CREATE INDEX lab_order_ordered_at_idx ON lab_order (ordered_at, id)",
    "CREATE INDEX lab_order_patient_id_idx ON lab_order (patient_id, ordered_at, id)",
    "CREATE INDEX lab_order_ordered_by_idx ON lab_order (ordered_by, ordered_at, id)",
    "CREATE INDEX lab_order_place_idx ON lab_order (place, ordered_at, id)",
    "CREATE INDEX lab_order_place_state_idx ON lab_order (place, state, ordered_at, id)",
    "CREATE INDEX lab_order_state_idx ON lab_order (state, ordered_at, id)",
    "CREATE INDEX lab_order_priority_idx ON lab_order (priority, ordered_at, id)",
    "CREATE INDEX lab_order_place_priority_idx ON lab_order (place, priority, ordered_at, id)",
    # Lists of a ward or a clinic by state: a rare state must not be looked for among all the others.
    "CREATE INDEX beds_cleaning_ward_state_idx ON beds_cleaning (ward_code, state, id)",
    "CREATE INDEX ipd_admission_ward_idx ON ipd_admission (ward_code, id)",
    "CREATE INDEX ipd_admission_requested_by_idx ON ipd_admission (requested_by, id)",
    "CREATE INDEX opd_visit_day_idx ON opd_visit (day, id)",
    "CREATE INDEX opd_visit_clinic_day_idx ON opd_visit (clinic_code, day, id)",
    "CREATE INDEX opd_visit_state_idx ON opd_visit (state, id)",
    "CREATE INDEX opd_visit_clinic_state_idx ON opd_visit (clinic_code, state, id)",
    """
    CREATE INDEX billing_charge_reversed_idx ON billing_charge (id)
        WHERE NOT (reverses IS NULL AND reversed_by IS NULL)
    """,
    "CREATE INDEX billing_invoice_state_idx ON billing_invoice (state, id)",
    """
    CREATE INDEX billing_invoice_admission_id_idx ON billing_invoice (admission_id, id)
        WHERE admission_id IS NOT NULL
    """,
    "CREATE INDEX billing_invoice_of_counter_idx ON billing_invoice (counter, id) WHERE counter IS NOT NULL",
    "CREATE INDEX billing_payment_state_idx ON billing_payment (state, id)",
    "CREATE INDEX billing_refund_state_idx ON billing_refund (state, id)",
    # Of ten years of lots nearly all shelves are empty.
    "CREATE INDEX pharmacy_stock_held_idx ON pharmacy_stock (lot_id, store) WHERE quantity > 0",
    "DROP INDEX pharmacy_stock_store_idx",
    "CREATE INDEX pharmacy_stock_store_idx ON pharmacy_stock (store, lot_id) WHERE quantity > 0",
)


def upgrade() -> None:
    """Make the indexes."""
    for statement in STATEMENTS:
        op.execute(statement)
