"""Gaps of rotas that those in charge were told of, and a timer of each group that looks for them.

Revision ID: 0047
Revises: 0046
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Groups that are there are looked at at once."""
    op.execute(
        """
        CREATE TABLE notifications_gap_told (
            group_number bigint NOT NULL CONSTRAINT notifications_gap_told_group_number_fkey
                REFERENCES notifications_group (number),
            starts_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            told_again boolean NOT NULL,
            CONSTRAINT notifications_gap_told_pkey PRIMARY KEY (group_number, starts_at),
            CONSTRAINT notifications_gap_told_time_check CHECK (starts_at < ends_at)
        )
        """
    )
    op.execute(
        """
        INSERT INTO timers (id, kind, key, due_at, run_at, state, attempts, payload, version, set_at)
        SELECT gen_random_uuid(), 'notifications.on_call_gaps', code, now(), now(), 'waiting', 0, '{}', 1,
            now()
        FROM notifications_group WHERE active ON CONFLICT (kind, key) DO NOTHING
        """
    )
