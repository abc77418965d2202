"""Appointments: schedules, absences, slots, appointments and their history; the line of a clinic.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE opd_schedule (
        id uuid PRIMARY KEY,
        clinic_code text NOT NULL CONSTRAINT opd_schedule_clinic_code_fkey REFERENCES opd_clinic,
        doctor_id uuid NOT NULL CONSTRAINT opd_schedule_doctor_id_fkey REFERENCES identity_user,
        weekdays smallint[] NOT NULL CONSTRAINT opd_schedule_weekdays_check CHECK
            (cardinality(weekdays) BETWEEN 1 AND 7 AND weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
        starts time NOT NULL,
        ends time NOT NULL,
        slot_minutes integer NOT NULL CONSTRAINT opd_schedule_slot_minutes_check CHECK
            (slot_minutes BETWEEN 5 AND 240),
        capacity integer NOT NULL CONSTRAINT opd_schedule_capacity_check CHECK (capacity > 0),
        overbook integer NOT NULL CONSTRAINT opd_schedule_overbook_check CHECK (overbook >= 0),
        first_day date NOT NULL,
        last_day date,
        grown_until date NOT NULL,
        version bigint NOT NULL,
        CONSTRAINT opd_schedule_order_check CHECK (starts < ends),
        CONSTRAINT opd_schedule_days_check CHECK (last_day >= first_day - 1)
    )
    """,
    "CREATE INDEX opd_schedule_clinic_code_idx ON opd_schedule (clinic_code, id)",
    "CREATE INDEX opd_schedule_doctor_id_idx ON opd_schedule (doctor_id)",
    """
    CREATE TABLE opd_absence (
        id uuid PRIMARY KEY,
        clinic_code text CONSTRAINT opd_absence_clinic_code_fkey REFERENCES opd_clinic,
        doctor_id uuid CONSTRAINT opd_absence_doctor_id_fkey REFERENCES identity_user,
        kind text NOT NULL CONSTRAINT opd_absence_kind_check CHECK (kind IN ('leave', 'holiday', 'other')),
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        reason text NOT NULL,
        revoked boolean NOT NULL DEFAULT false,
        version bigint NOT NULL,
        CONSTRAINT opd_absence_order_check CHECK (starts_at < ends_at)
    )
    """,
    "CREATE INDEX opd_absence_ends_at_idx ON opd_absence (ends_at, id) WHERE NOT revoked",
    """
    CREATE TABLE opd_slot (
        id uuid PRIMARY KEY,
        schedule_id uuid NOT NULL CONSTRAINT opd_slot_schedule_id_fkey REFERENCES opd_schedule,
        clinic_code text NOT NULL CONSTRAINT opd_slot_clinic_code_fkey REFERENCES opd_clinic,
        doctor_id uuid NOT NULL,
        day date NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        capacity integer NOT NULL CONSTRAINT opd_slot_some_check CHECK (capacity > 0),
        overbook integer NOT NULL CONSTRAINT opd_slot_overbook_check CHECK (overbook >= 0),
        booked integer NOT NULL DEFAULT 0,
        absence_id uuid CONSTRAINT opd_slot_absence_id_fkey REFERENCES opd_absence,
        withdrawn text,
        CONSTRAINT opd_slot_capacity_check CHECK (booked BETWEEN 0 AND capacity + overbook),
        CONSTRAINT opd_slot_order_check CHECK (starts_at < ends_at),
        CONSTRAINT opd_slot_place_key UNIQUE (id, clinic_code, doctor_id, starts_at)
    )
    """,
    # The same pattern makes a slot once, however often it grows; one that was withdrawn may come again.
    """
    CREATE UNIQUE INDEX opd_slot_doctor_starts_at_key ON opd_slot (doctor_id, starts_at)
        WHERE withdrawn IS NULL
    """,
    "CREATE INDEX opd_slot_clinic_starts_at_idx ON opd_slot (clinic_code, starts_at, id)",
    "CREATE INDEX opd_slot_schedule_id_idx ON opd_slot (schedule_id, day)",
    "CREATE INDEX opd_slot_absence_id_idx ON opd_slot (absence_id) WHERE absence_id IS NOT NULL",
    # A doctor is in one place at a time. There is no exclusion constraint over uuid without btree_gist, so
    # that patterns of one doctor grow one after the other.
    """
    CREATE FUNCTION opd_check_one_place() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(-7326, hashtext(NEW.doctor_id::text));
        IF EXISTS (SELECT FROM opd_slot
                   WHERE doctor_id = NEW.doctor_id AND withdrawn IS NULL AND id <> NEW.id
                     AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
                     AND starts_at > NEW.starts_at - interval '1 day'
                     AND NOT (starts_at = NEW.starts_at AND schedule_id = NEW.schedule_id)) THEN
            RAISE EXCEPTION 'the doctor is elsewhere at that time'
                USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'opd_slot_one_place_excl';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER one_place BEFORE INSERT OR UPDATE OF doctor_id, starts_at, ends_at, withdrawn ON opd_slot
        FOR EACH ROW WHEN (NEW.withdrawn IS NULL) EXECUTE FUNCTION opd_check_one_place()
    """,
    """
    CREATE TABLE opd_appointment (
        id uuid PRIMARY KEY,
        slot_id uuid NOT NULL,
        clinic_code text NOT NULL,
        doctor_id uuid NOT NULL,
        day date NOT NULL,
        starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        patient_id uuid NOT NULL CONSTRAINT opd_appointment_patient_id_fkey REFERENCES patients_patient,
        patient_name text NOT NULL,
        mrn text NOT NULL,
        category text NOT NULL,
        note text NOT NULL,
        state text NOT NULL CONSTRAINT opd_appointment_state_check CHECK (state IN
            ('booked', 'arrived', 'fulfilled', 'cancelled', 'no_show', 'rescheduled')),
        overbooked boolean NOT NULL,
        since timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        rescheduled_from uuid
            CONSTRAINT opd_appointment_rescheduled_from_key UNIQUE
            CONSTRAINT opd_appointment_rescheduled_from_fkey REFERENCES opd_appointment,
        token_id uuid
            CONSTRAINT opd_appointment_token_id_key UNIQUE
            CONSTRAINT opd_appointment_token_id_fkey REFERENCES opd_token,
        arrived_at timestamptz,
        finished_at timestamptz,
        reason text,
        version bigint NOT NULL,
        CONSTRAINT opd_appointment_slot_fkey FOREIGN KEY (slot_id, clinic_code, doctor_id, starts_at)
            REFERENCES opd_slot (id, clinic_code, doctor_id, starts_at),
        CONSTRAINT opd_appointment_category_fkey FOREIGN KEY (clinic_code, category) REFERENCES opd_category,
        CONSTRAINT opd_appointment_arrived_check CHECK
            ((state IN ('arrived', 'fulfilled')) = (arrived_at IS NOT NULL AND token_id IS NOT NULL)),
        CONSTRAINT opd_appointment_finished_check CHECK
            ((state IN ('booked', 'arrived')) = (finished_at IS NULL)),
        CONSTRAINT opd_appointment_reason_check CHECK
            (state NOT IN ('cancelled', 'rescheduled') OR reason IS NOT NULL)
    )
    """,
    """
    CREATE UNIQUE INDEX opd_appointment_patient_slot_key ON opd_appointment (patient_id, slot_id)
        WHERE state IN ('booked', 'arrived')
    """,
    "CREATE INDEX opd_appointment_slot_id_idx ON opd_appointment (slot_id)",
    "CREATE INDEX opd_appointment_starts_at_idx ON opd_appointment (starts_at, id)",
    "CREATE INDEX opd_appointment_clinic_idx ON opd_appointment (clinic_code, starts_at, id)",
    "CREATE INDEX opd_appointment_doctor_idx ON opd_appointment (doctor_id, starts_at, id)",
    "CREATE INDEX opd_appointment_patient_idx ON opd_appointment (patient_id, starts_at, id)",
    "CREATE INDEX opd_appointment_booked_idx ON opd_appointment (clinic_code, day) WHERE state = 'booked'",
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON opd_appointment
        FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()
    """,
    # The places of a slot are counted here and nowhere else, so that nothing books past them.
    """
    CREATE FUNCTION opd_hold_place() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        held CONSTANT text[] := ARRAY['booked', 'arrived', 'fulfilled', 'no_show'];
    BEGIN
        IF TG_OP <> 'INSERT' AND OLD.state = ANY (held)
           AND (TG_OP = 'DELETE' OR NEW.state <> ALL (held) OR NEW.slot_id <> OLD.slot_id) THEN
            UPDATE opd_slot SET booked = booked - 1 WHERE id = OLD.slot_id;
        END IF;
        IF TG_OP <> 'DELETE' AND NEW.state = ANY (held)
           AND (TG_OP = 'INSERT' OR OLD.state <> ALL (held) OR NEW.slot_id <> OLD.slot_id) THEN
            UPDATE opd_slot SET booked = booked + 1
                WHERE id = NEW.slot_id AND absence_id IS NULL AND withdrawn IS NULL
                  AND booked < capacity + CASE WHEN NEW.overbooked THEN overbook ELSE 0 END;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'no place in the slot'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'opd_slot_capacity_check';
            END IF;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER hold_place AFTER INSERT OR DELETE OR UPDATE OF state, slot_id ON opd_appointment
        FOR EACH ROW EXECUTE FUNCTION opd_hold_place()
    """,
    # What is over stays over: no statement brings a cancelled or missed appointment back.
    """
    CREATE FUNCTION opd_refuse_revival() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a finished appointment does not change its state'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'opd_appointment_final_check';
    END $$
    """,
    """
    CREATE TRIGGER final BEFORE UPDATE OF state ON opd_appointment FOR EACH ROW
        WHEN (OLD.finished_at IS NOT NULL AND NEW.state <> OLD.state) EXECUTE FUNCTION opd_refuse_revival()
    """,
    """
    CREATE TABLE opd_appointment_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        appointment_id uuid NOT NULL
            CONSTRAINT opd_appointment_event_appointment_id_fkey REFERENCES opd_appointment,
        move text NOT NULL,
        before text,
        after text NOT NULL,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        principal_id uuid NOT NULL,
        reason text
    )
    """,
    "CREATE INDEX opd_appointment_event_appointment_id_idx ON opd_appointment_event (appointment_id, id)",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON opd_appointment_event
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    "ALTER TABLE opd_token ADD COLUMN due_at timestamptz",
    "CREATE INDEX opd_token_way_idx ON opd_token (origin_code, day, number)",
    # Who calls the next one locks the line of the clinic, so that turns are kept whoever calls meanwhile.
    """
    CREATE TABLE opd_line (
        clinic_code text PRIMARY KEY CONSTRAINT opd_line_clinic_code_fkey REFERENCES opd_clinic,
        in_row integer NOT NULL DEFAULT 0,
        at_most integer NOT NULL DEFAULT 2 CONSTRAINT opd_line_at_most_check CHECK (at_most BETWEEN 1 AND 20),
        CONSTRAINT opd_line_in_row_check CHECK (in_row BETWEEN 0 AND at_most)
    )
    """,
    "INSERT INTO opd_line (clinic_code) SELECT code FROM opd_clinic",
    """
    CREATE TABLE opd_announcement (
        clinic_code text NOT NULL CONSTRAINT opd_announcement_clinic_code_fkey REFERENCES opd_clinic,
        position smallint NOT NULL,
        language text NOT NULL CONSTRAINT opd_announcement_language_check CHECK
            (language ~ '^[a-z]{2,3}(-[A-Z]{2})?$'),
        text text NOT NULL,
        PRIMARY KEY (clinic_code, position),
        CONSTRAINT opd_announcement_language_key UNIQUE (clinic_code, language)
    )
    """,
    # What was promised when a token joined a queue, and how long it then waited.
    """
    CREATE TABLE opd_wait (
        token_id uuid PRIMARY KEY CONSTRAINT opd_wait_token_id_fkey REFERENCES opd_token,
        clinic_code text NOT NULL,
        day date NOT NULL,
        appointment boolean NOT NULL,
        joined_at timestamptz NOT NULL,
        ahead integer NOT NULL CONSTRAINT opd_wait_ahead_check CHECK (ahead >= 0),
        p50_s integer,
        p90_s integer,
        waited_s integer CONSTRAINT opd_wait_waited_check CHECK (waited_s >= 0),
        CONSTRAINT opd_wait_promise_check CHECK ((p50_s IS NULL) = (p90_s IS NULL) AND p50_s <= p90_s)
    )
    """,
    "CREATE INDEX opd_wait_clinic_day_idx ON opd_wait (clinic_code, day)",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
