"""Durable timers; on-call groups, their members, rotas, shifts and covers.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    CREATE TABLE timers (
        id uuid PRIMARY KEY,
        kind text NOT NULL CONSTRAINT timers_kind_check CHECK (kind ~ '^[a-z][a-z0-9_.]{0,62}$'),
        key text NOT NULL CONSTRAINT timers_key_check CHECK (char_length(key) BETWEEN 1 AND 200),
        due_at timestamptz NOT NULL,
        run_at timestamptz NOT NULL,
        state text NOT NULL CONSTRAINT timers_state_check CHECK (
            state IN ('waiting', 'fired', 'cancelled', 'dead')),
        attempts integer NOT NULL CONSTRAINT timers_attempts_check CHECK (attempts >= 0),
        payload jsonb NOT NULL CONSTRAINT timers_payload_check CHECK (
            jsonb_typeof(payload) = 'object' AND octet_length(payload::text) <= 2000),
        error text,
        version integer NOT NULL,
        set_at timestamptz NOT NULL,
        ended_at timestamptz,
        CONSTRAINT timers_key_key UNIQUE (kind, key),
        CONSTRAINT timers_ended_check CHECK ((state = 'waiting') = (ended_at IS NULL))
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX timers_waiting_idx ON timers (run_at) WHERE state = 'waiting'",
    "CREATE INDEX timers_state_idx ON timers (state, id DESC)",
    "CREATE INDEX timers_ended_idx ON timers (ended_at) WHERE state IN ('fired', 'cancelled')",
    # One row per telling, with sums moved by deltas: what the sender sees of who has read it.
    """
    CREATE TABLE notifications_batch (
        id uuid PRIMARY KEY,
        sender_id uuid NOT NULL,
        kind text NOT NULL,
        title text NOT NULL,
        subject_type text NOT NULL,
        subject_id text NOT NULL,
        patient_id uuid CONSTRAINT notifications_batch_patient_id_fkey REFERENCES patients_patient,
        priority text NOT NULL,
        created_at timestamptz NOT NULL,
        acknowledge_by timestamptz,
        told integer NOT NULL,
        seen integer NOT NULL,
        acknowledged integer NOT NULL,
        CONSTRAINT notifications_batch_sums_check CHECK (
            0 <= acknowledged AND acknowledged <= seen AND seen <= told)
    )
    """,
    "CREATE INDEX notifications_batch_sender_idx ON notifications_batch (sender_id, id DESC)",
    "CREATE INDEX notifications_batch_subject_idx ON notifications_batch (subject_type, subject_id, id)",
    "CREATE INDEX notifications_batch_kind_idx ON notifications_batch (sender_id, kind, id DESC)",
    """
    CREATE INDEX notifications_batch_patient_idx ON notifications_batch (patient_id)
        WHERE patient_id IS NOT NULL
    """,
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON notifications_batch
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
    """
    ALTER TABLE notifications_notification
        ADD COLUMN batch_id uuid CONSTRAINT notifications_notification_batch_id_fkey
            REFERENCES notifications_batch,
        ADD COLUMN wants_acknowledgement boolean NOT NULL DEFAULT false,
        ADD COLUMN acknowledged_at timestamptz,
        ADD COLUMN expires_at timestamptz,
        ADD COLUMN held boolean NOT NULL DEFAULT false,
        DROP CONSTRAINT notifications_notification_in_room_check,
        ADD CONSTRAINT notifications_notification_in_room_check CHECK (
            NOT in_room OR (acknowledged_at IS NULL AND (seen_at IS NULL OR wants_acknowledgement))),
        ADD CONSTRAINT notifications_notification_held_check CHECK (
            NOT held OR (NOT in_room AND seen_at IS NULL AND priority <> 'critical')),
        ADD CONSTRAINT notifications_notification_acknowledged_check CHECK (
            acknowledged_at IS NULL OR (wants_acknowledgement AND seen_at IS NOT NULL))
    """,
    "CREATE INDEX notifications_notification_batch_idx ON notifications_notification (batch_id, id)",
    "CREATE INDEX notifications_notification_held_idx ON notifications_notification (user_id) WHERE held",
    "CREATE INDEX notifications_notification_kind_idx ON notifications_notification (user_id, kind, id DESC)",
    """
    CREATE INDEX notifications_notification_priority_idx
        ON notifications_notification (user_id, priority, id DESC)
    """,
    """
    CREATE INDEX notifications_notification_open_idx ON notifications_notification (user_id, id DESC)
        WHERE wants_acknowledgement AND acknowledged_at IS NULL
    """,
    """
    CREATE TABLE notifications_preferences (
        user_id uuid PRIMARY KEY REFERENCES identity_user,
        muted text[] NOT NULL,
        quiet_from time,
        quiet_until time,
        language text CONSTRAINT notifications_preferences_language_check CHECK (language ~ '^[a-z]{2,3}$'),
        updated_at timestamptz NOT NULL,
        CONSTRAINT notifications_preferences_quiet_check CHECK (
            (quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from IS DISTINCT FROM quiet_until
            OR quiet_from IS NULL AND quiet_until IS NULL)
    )
    """,
    # Numbers beside the codes: exclusion constraints compare ranges, and PostgreSQL without extensions has
    # none of texts. int8range(number, number, '[]') && … is number = number.
    """
    CREATE TABLE notifications_group (
        code text PRIMARY KEY CONSTRAINT notifications_group_code_check CHECK (
            code ~ '^[A-Z0-9][A-Z0-9_-]{0,15}$'),
        number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT notifications_group_number_key UNIQUE,
        name text NOT NULL,
        place_kind text NOT NULL CONSTRAINT notifications_group_place_kind_check CHECK (
            place_kind IN ('ward', 'clinic', 'speciality', 'hospital')),
        place text NOT NULL CONSTRAINT notifications_group_place_check CHECK (
            (place = '') = (place_kind = 'hospital')),
        exactly_one boolean NOT NULL,
        active boolean NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT notifications_group_wanted_key UNIQUE (number, exactly_one)
    )
    """,
    "CREATE INDEX notifications_group_place_idx ON notifications_group (place_kind, place, code)",
    """
    CREATE TABLE notifications_member (
        group_number bigint NOT NULL REFERENCES notifications_group (number),
        user_id uuid NOT NULL REFERENCES identity_user,
        number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT notifications_member_number_key UNIQUE,
        active boolean NOT NULL,
        added_by uuid NOT NULL,
        added_at timestamptz NOT NULL,
        PRIMARY KEY (group_number, user_id),
        CONSTRAINT notifications_member_group_key UNIQUE (number, group_number)
    )
    """,
    "CREATE INDEX notifications_member_user_idx ON notifications_member (user_id) WHERE active",
    """
    CREATE TABLE notifications_rota (
        id uuid PRIMARY KEY,
        group_number bigint NOT NULL REFERENCES notifications_group (number),
        valid_from date NOT NULL,
        valid_until date NOT NULL CONSTRAINT notifications_rota_valid_check CHECK (valid_until >= valid_from),
        weeks integer NOT NULL CONSTRAINT notifications_rota_weeks_check CHECK (weeks BETWEEN 1 AND 12),
        lines jsonb NOT NULL,
        ended_at timestamptz,
        version integer NOT NULL,
        created_by uuid NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX notifications_rota_group_idx ON notifications_rota (group_number, id DESC)",
    # exactly_one is repeated from the group (and held to it), so that the rule can be a constraint.
    """
    CREATE TABLE notifications_shift (
        id uuid PRIMARY KEY,
        number bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT notifications_shift_number_key UNIQUE,
        group_number bigint NOT NULL,
        exactly_one boolean NOT NULL,
        member_number bigint NOT NULL,
        rota_id uuid CONSTRAINT notifications_shift_rota_id_fkey REFERENCES notifications_rota,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        cancelled_at timestamptz,
        version integer NOT NULL,
        created_by uuid NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT notifications_shift_time_check CHECK (ends_at > starts_at),
        CONSTRAINT notifications_shift_length_check CHECK (ends_at - starts_at <= interval '32 days'),
        CONSTRAINT notifications_shift_group_fkey FOREIGN KEY (group_number, exactly_one)
            REFERENCES notifications_group (number, exactly_one),
        CONSTRAINT notifications_shift_member_fkey FOREIGN KEY (member_number, group_number)
            REFERENCES notifications_member (number, group_number),
        CONSTRAINT notifications_shift_one_at_a_time EXCLUDE USING gist (
            int8range(group_number, group_number, '[]') WITH &&,
            tstzrange(starts_at, ends_at) WITH &&) WHERE (exactly_one AND cancelled_at IS NULL),
        CONSTRAINT notifications_shift_same_person EXCLUDE USING gist (
            int8range(member_number, member_number, '[]') WITH &&,
            tstzrange(starts_at, ends_at) WITH &&) WHERE (cancelled_at IS NULL)
    )
    """,
    """
    CREATE INDEX notifications_shift_time_idx ON notifications_shift (group_number, starts_at, id)
        WHERE cancelled_at IS NULL
    """,
    "CREATE INDEX notifications_shift_rota_idx ON notifications_shift (rota_id) WHERE rota_id IS NOT NULL",
    """
    CREATE TABLE notifications_cover (
        id uuid PRIMARY KEY,
        shift_number bigint NOT NULL CONSTRAINT notifications_cover_shift_fkey
            REFERENCES notifications_shift (number),
        group_number bigint NOT NULL,
        member_number bigint NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        reason text NOT NULL,
        swap_id uuid,
        cancelled_at timestamptz,
        version integer NOT NULL,
        created_by uuid NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT notifications_cover_time_check CHECK (ends_at > starts_at),
        CONSTRAINT notifications_cover_member_fkey FOREIGN KEY (member_number, group_number)
            REFERENCES notifications_member (number, group_number),
        CONSTRAINT notifications_cover_one_at_a_time EXCLUDE USING gist (
            int8range(shift_number, shift_number, '[]') WITH &&,
            tstzrange(starts_at, ends_at) WITH &&) WHERE (cancelled_at IS NULL)
    )
    """,
    """
    CREATE FUNCTION notifications_check_cover() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT FROM notifications_shift s WHERE s.number = NEW.shift_number
            AND s.group_number = NEW.group_number
            AND s.starts_at <= NEW.starts_at AND NEW.ends_at <= s.ends_at
        ) THEN
            RAISE EXCEPTION 'a cover lies within its shift' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'notifications_cover_within_shift';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER within_shift BEFORE INSERT OR UPDATE OF shift_number, starts_at, ends_at, group_number
        ON notifications_cover FOR EACH ROW EXECUTE FUNCTION notifications_check_cover()
    """,
    """
    CREATE INDEX notifications_cover_shift_idx ON notifications_cover (shift_number)
        WHERE cancelled_at IS NULL
    """,
)


def upgrade() -> None:
    """Make the tables of timers and of on-call duty."""
    for statement in STATEMENTS:
        op.execute(statement)
