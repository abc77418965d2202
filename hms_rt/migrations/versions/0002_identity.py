"""Identity: users, assignments, sessions, unattended screens.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    CREATE TABLE identity_user (
        id uuid PRIMARY KEY,
        username text NOT NULL
            CONSTRAINT identity_user_username_key UNIQUE
            CONSTRAINT identity_user_username_check CHECK (username = lower(username) AND username <> ''),
        display_name text NOT NULL,
        password_hash text NOT NULL,
        roles text[] NOT NULL CONSTRAINT identity_user_roles_check CHECK (
            roles <@ ARRAY['admin', 'doctor', 'nurse', 'reception', 'pharmacy', 'lab']),
        active boolean NOT NULL,
        rights_version integer NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE identity_assignment (
        user_id uuid NOT NULL CONSTRAINT identity_assignment_user_id_fkey REFERENCES identity_user,
        kind text NOT NULL CONSTRAINT identity_assignment_kind_check CHECK (kind IN (
            'ward', 'clinic', 'counter', 'charge_nurse', 'cashier', 'privacy_officer', 'housekeeping',
            'on_call')),
        place text NOT NULL CONSTRAINT identity_assignment_place_check CHECK (
            place <> '' OR kind NOT IN ('ward', 'clinic', 'counter', 'charge_nurse')),
        given_by uuid NOT NULL,
        given_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, kind, place)
    )
    """,
    "CREATE INDEX identity_assignment_place_idx ON identity_assignment (place, kind)",
    """
    CREATE TABLE identity_session (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL CONSTRAINT identity_session_user_id_fkey REFERENCES identity_user,
        created_at timestamptz NOT NULL,
        refreshed_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        ended_why text,
        refresh_digest bytea NOT NULL
            CONSTRAINT identity_session_refresh_digest_check CHECK (octet_length(refresh_digest) = 32),
        previous_digest bytea
            CONSTRAINT identity_session_previous_digest_check CHECK (octet_length(previous_digest) = 32),
        CONSTRAINT identity_session_ended_check CHECK ((ended_at IS NULL) = (ended_why IS NULL))
    )
    """,
    "CREATE INDEX identity_session_open_idx ON identity_session (user_id) WHERE ended_at IS NULL",
    "CREATE INDEX identity_session_expiry_idx ON identity_session (expires_at) WHERE ended_at IS NULL",
    """
    CREATE TABLE identity_device (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        rooms text[] NOT NULL
            CONSTRAINT identity_device_rooms_check CHECK (cardinality(rooms) BETWEEN 1 AND 20),
        link_digest bytea CONSTRAINT identity_device_link_digest_key UNIQUE,
        link_expires_at timestamptz,
        session_id uuid CONSTRAINT identity_device_session_id_key UNIQUE,
        enrolled_at timestamptz,
        revoked_at timestamptz,
        rights_version integer NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT identity_device_link_check CHECK ((link_digest IS NULL) = (link_expires_at IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX identity_device_name_key ON identity_device (lower(name)) WHERE revoked_at IS NULL",
)


def upgrade() -> None:
    """Make the tables of identity."""
    for statement in STATEMENTS:
        op.execute(statement)
