"""Outpatients: clinics, counters, queues, tokens.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE opd_clinic (
        code text PRIMARY KEY,
        name text NOT NULL,
        facility_code text NOT NULL,
        version bigint NOT NULL
    )
    """,
    """
    CREATE TABLE opd_category (
        clinic_code text NOT NULL REFERENCES opd_clinic,
        letter text NOT NULL CONSTRAINT opd_category_letter_check CHECK (letter ~ '^[A-Z]$'),
        name text NOT NULL,
        PRIMARY KEY (clinic_code, letter)
    )
    """,
    """
    CREATE TABLE opd_counter (
        code text PRIMARY KEY,
        clinic_code text NOT NULL REFERENCES opd_clinic,
        name text NOT NULL,
        open boolean NOT NULL,
        version bigint NOT NULL,
        CONSTRAINT opd_counter_clinic_code_code_key UNIQUE (clinic_code, code)
    )
    """,
    """
    CREATE TABLE opd_queue (
        clinic_code text NOT NULL REFERENCES opd_clinic,
        day date NOT NULL,
        last_number integer NOT NULL CHECK (last_number >= 0),
        waiting integer NOT NULL DEFAULT 0 CHECK (waiting >= 0),
        called integer NOT NULL DEFAULT 0 CHECK (called >= 0),
        serving integer NOT NULL DEFAULT 0 CHECK (serving >= 0),
        on_hold integer NOT NULL DEFAULT 0 CHECK (on_hold >= 0),
        no_show integer NOT NULL DEFAULT 0 CHECK (no_show >= 0),
        done integer NOT NULL DEFAULT 0 CHECK (done >= 0),
        transferred integer NOT NULL DEFAULT 0 CHECK (transferred >= 0),
        cancelled integer NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
        closed integer NOT NULL DEFAULT 0 CHECK (closed >= 0),
        PRIMARY KEY (clinic_code, day)
    )
    """,
    """
    CREATE TABLE opd_summary (
        clinic_code text PRIMARY KEY REFERENCES opd_clinic,
        day date NOT NULL,
        waiting integer NOT NULL DEFAULT 0 CHECK (waiting >= 0),
        called integer NOT NULL DEFAULT 0 CHECK (called >= 0),
        serving integer NOT NULL DEFAULT 0 CHECK (serving >= 0),
        on_hold integer NOT NULL DEFAULT 0 CHECK (on_hold >= 0),
        no_show integer NOT NULL DEFAULT 0 CHECK (no_show >= 0),
        active_counters integer NOT NULL DEFAULT 0 CHECK (active_counters >= 0),
        services integer NOT NULL DEFAULT 0,
        service_p50_s integer,
        service_p90_s integer,
        service_mean_s double precision NOT NULL DEFAULT 0,
        service_deviation_s double precision NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE opd_token (
        id uuid PRIMARY KEY,
        clinic_code text NOT NULL,
        origin_code text NOT NULL,
        day date NOT NULL,
        number integer NOT NULL CONSTRAINT opd_token_number_check CHECK (number > 0),
        category text NOT NULL,
        priority text NOT NULL CONSTRAINT opd_token_priority_check CHECK (
            priority IN ('emergency', 'urgent', 'routine')),
        rank smallint NOT NULL GENERATED ALWAYS AS (
            CASE priority WHEN 'emergency' THEN 0 WHEN 'urgent' THEN 1 ELSE 2 END) STORED,
        state text NOT NULL CONSTRAINT opd_token_state_check CHECK (state IN (
            'waiting', 'called', 'serving', 'on_hold', 'no_show',
            'done', 'transferred', 'cancelled', 'closed')),
        counter_code text,
        patient_id uuid CONSTRAINT opd_token_patient_id_fkey REFERENCES patients_patient,
        patient_name text,
        mrn text,
        issued_at timestamptz NOT NULL,
        queued_at timestamptz NOT NULL,
        since timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        called_at timestamptz,
        serving_at timestamptz,
        finished_at timestamptz,
        transferred_from uuid
            CONSTRAINT opd_token_transferred_from_key UNIQUE
            CONSTRAINT opd_token_transferred_from_fkey REFERENCES opd_token,
        reason text,
        version bigint NOT NULL,
        CONSTRAINT opd_token_queue_fkey FOREIGN KEY (clinic_code, day) REFERENCES opd_queue,
        CONSTRAINT opd_token_category_fkey FOREIGN KEY (origin_code, category) REFERENCES opd_category,
        CONSTRAINT opd_token_counter_fkey FOREIGN KEY (clinic_code, counter_code)
            REFERENCES opd_counter (clinic_code, code),
        CONSTRAINT opd_token_origin_check CHECK (transferred_from IS NOT NULL OR clinic_code = origin_code),
        CONSTRAINT opd_token_counter_check CHECK (
            state NOT IN ('called', 'serving') OR (counter_code IS NOT NULL AND called_at IS NOT NULL)),
        CONSTRAINT opd_token_serving_check CHECK (
            state NOT IN ('serving', 'done') OR (serving_at IS NOT NULL AND serving_at >= called_at)),
        CONSTRAINT opd_token_finished_check CHECK (
            (state IN ('done', 'transferred', 'cancelled', 'closed')) = (finished_at IS NOT NULL))
    )
    """,
    # A number is given once per clinic and day; a transferred token carries its number along, and only
    # one token of a number goes on at any time.
    """
    CREATE UNIQUE INDEX opd_token_number_key ON opd_token (origin_code, day, number)
        WHERE transferred_from IS NULL
    """,
    """
    CREATE UNIQUE INDEX opd_token_unfinished_key ON opd_token (origin_code, day, number)
        WHERE state IN ('waiting', 'called', 'serving', 'on_hold', 'no_show')
    """,
    """
    CREATE UNIQUE INDEX opd_token_counter_busy_key ON opd_token (counter_code)
        WHERE state IN ('called', 'serving')
    """,
    """
    CREATE INDEX opd_token_line_idx ON opd_token (clinic_code, day, rank, queued_at, number)
        WHERE state = 'waiting'
    """,
    """
    CREATE INDEX opd_token_room_idx ON opd_token (clinic_code)
        WHERE state IN ('waiting', 'called', 'serving', 'on_hold', 'no_show')
    """,
    "CREATE INDEX opd_token_day_idx ON opd_token (clinic_code, day, number)",
    "CREATE INDEX opd_token_services_idx ON opd_token (clinic_code, changed_at DESC) WHERE state = 'done'",
    "CREATE INDEX opd_token_patient_id_idx ON opd_token (patient_id, day) WHERE patient_id IS NOT NULL",
    # Nobody is called to a closed counter, and no counter closes on a patient, whoever comes first.
    """
    CREATE FUNCTION opd_check_open() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM opd_counter WHERE code = NEW.counter_code AND open FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'counter % is closed', NEW.counter_code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'opd_token_counter_open_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER counter_open BEFORE INSERT OR UPDATE OF counter_code, state ON opd_token
        FOR EACH ROW WHEN (NEW.state IN ('called', 'serving')) EXECUTE FUNCTION opd_check_open()
    """,
    """
    CREATE FUNCTION opd_check_idle() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM opd_token
                   WHERE counter_code = NEW.code AND state IN ('called', 'serving')) THEN
            RAISE EXCEPTION 'counter % has a patient', NEW.code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'opd_counter_idle_check';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER idle BEFORE UPDATE OF open ON opd_counter
        FOR EACH ROW WHEN (OLD.open AND NOT NEW.open) EXECUTE FUNCTION opd_check_idle()
    """,
    """
    CREATE TABLE opd_token_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        token_id uuid NOT NULL REFERENCES opd_token,
        move text NOT NULL,
        before text,
        after text NOT NULL,
        counter_code text,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        principal_id uuid NOT NULL,
        reason text
    )
    """,
    "CREATE INDEX opd_token_event_token_id_idx ON opd_token_event (token_id, id)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON opd_token_event
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
)


def upgrade() -> None:
    """Make the department's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
