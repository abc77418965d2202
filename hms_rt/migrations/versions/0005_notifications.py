"""Notifications.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    # No foreign key on the user: a notice that cannot be delivered must not undo what it tells of.
    """
    CREATE TABLE notifications_notification (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        kind text NOT NULL,
        title text NOT NULL CONSTRAINT notifications_notification_title_check CHECK (
            char_length(title) BETWEEN 1 AND 120),
        subject_type text NOT NULL,
        subject_id text NOT NULL,
        patient_id uuid CONSTRAINT notifications_notification_patient_id_fkey REFERENCES patients_patient,
        priority text NOT NULL CONSTRAINT notifications_notification_priority_check CHECK (
            priority IN ('normal', 'high', 'critical')),
        created_at timestamptz NOT NULL,
        seen_at timestamptz,
        in_room boolean NOT NULL CONSTRAINT notifications_notification_in_room_check CHECK (
            seen_at IS NULL OR NOT in_room)
    )
    """,
    "CREATE INDEX notifications_notification_user_idx ON notifications_notification (user_id, id DESC)",
    """
    CREATE INDEX notifications_notification_room_idx ON notifications_notification (user_id, id)
        WHERE in_room
    """,
    """
    CREATE INDEX notifications_notification_unseen_idx ON notifications_notification (user_id, id DESC)
        WHERE seen_at IS NULL
    """,
)


def upgrade() -> None:
    """Make the table of notifications."""
    for statement in STATEMENTS:
        op.execute(statement)
