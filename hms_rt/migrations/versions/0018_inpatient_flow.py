"""Beds: features, isolation, holds, cleaning, closing. Stays: never overlapping, swapped, born; hours.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BEDS = (
    """
    ALTER TABLE beds_bed
        ADD COLUMN kind text NOT NULL DEFAULT 'bed' CONSTRAINT beds_bed_kind_check CHECK
            (kind IN ('bed', 'cot')),
        ADD COLUMN features text[] NOT NULL DEFAULT '{}' CONSTRAINT beds_bed_features_check CHECK
            (features <@ ARRAY['oxygen', 'suction', 'monitor', 'telemetry', 'ventilator', 'dialysis',
                               'negative_pressure', 'bariatric']),
        ADD COLUMN isolation_kind text CONSTRAINT beds_bed_isolation_kind_check CHECK
            (isolation_kind IN ('contact', 'droplet', 'airborne', 'protective')),
        ADD COLUMN out_of_service_reason text,
        ADD COLUMN expected_back_at timestamptz,
        ADD CONSTRAINT beds_bed_isolated_check CHECK (isolation OR isolation_kind IS NULL)
    """,
    "UPDATE beds_bed SET out_of_service_reason = 'not recorded' WHERE status = 'out_of_service'",
    """
    ALTER TABLE beds_bed ADD CONSTRAINT beds_bed_out_of_service_check CHECK
        ((status = 'out_of_service') = (out_of_service_reason IS NOT NULL)
         AND (status = 'out_of_service' OR expected_back_at IS NULL))
    """,
    "CREATE INDEX beds_bed_room_idx ON beds_bed (ward_code, room_code)",
    """
    ALTER TABLE beds_occupant
        ADD COLUMN leaving_since timestamptz,
        ADD COLUMN outstanding integer CONSTRAINT beds_occupant_outstanding_check CHECK (outstanding >= 0),
        ADD CONSTRAINT beds_occupant_leaving_check CHECK ((leaving_since IS NULL) = (outstanding IS NULL))
    """,
    """
    CREATE TABLE beds_hold (
        bed_id uuid PRIMARY KEY CONSTRAINT beds_hold_bed_id_fkey REFERENCES beds_bed,
        admission_id uuid NOT NULL CONSTRAINT beds_hold_admission_id_key UNIQUE,
        patient_id uuid NOT NULL,
        name text NOT NULL,
        mrn text NOT NULL,
        sex text,
        birth_date date,
        from_ward text,
        from_bed text,
        held_at timestamptz NOT NULL,
        CONSTRAINT beds_hold_admission_id_fkey FOREIGN KEY (admission_id, patient_id)
            REFERENCES ipd_admission (id, patient_id) ON UPDATE CASCADE
    )
    """,
    """
    CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON beds_hold
        FOR EACH ROW WHEN (NEW.patient_id IS NOT NULL) EXECUTE FUNCTION patients_refuse_merged()
    """,
    "CREATE INDEX beds_hold_patient_id_idx ON beds_hold (patient_id)",
    # A hold lives exactly as long as the bed is reserved for its admission, whatever wrote the rows.
    """
    CREATE FUNCTION beds_check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
    BEGIN
        IF TG_TABLE_NAME = 'beds_bed' THEN
            wanted := NEW.id;
        ELSE
            wanted := NEW.bed_id;
        END IF;
        IF EXISTS (SELECT FROM beds_hold h JOIN beds_bed b ON b.id = h.bed_id
                   WHERE h.bed_id = wanted AND b.reserved_for IS DISTINCT FROM h.admission_id) THEN
            RAISE EXCEPTION 'bed % is held for an admission that it is not reserved for', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'beds_hold_reserved_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER hold AFTER UPDATE OF status, reserved_for ON beds_bed
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION beds_check_hold()
    """,
    """
    CREATE CONSTRAINT TRIGGER bed AFTER INSERT OR UPDATE ON beds_hold
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION beds_check_hold()
    """,
    """
    CREATE TABLE beds_cleaning (
        id uuid PRIMARY KEY,
        bed_id uuid NOT NULL CONSTRAINT beds_cleaning_bed_id_fkey REFERENCES beds_bed,
        ward_code text NOT NULL CONSTRAINT beds_cleaning_ward_code_fkey REFERENCES beds_ward,
        kind text NOT NULL CONSTRAINT beds_cleaning_kind_check CHECK
            (kind IN ('routine', 'terminal', 'spot')),
        state text NOT NULL CONSTRAINT beds_cleaning_state_check CHECK (state IN
            ('requested', 'claimed', 'done', 'cancelled')),
        requested_at timestamptz NOT NULL,
        requested_by uuid NOT NULL,
        due_at timestamptz NOT NULL,
        note text NOT NULL,
        claimed_at timestamptz,
        claimed_by uuid,
        claimed_by_name text,
        finished_at timestamptz,
        finished_by uuid,
        overdue_at timestamptz,
        version bigint NOT NULL CONSTRAINT beds_cleaning_version_check CHECK (version > 0),
        CONSTRAINT beds_cleaning_claimed_check CHECK
            ((claimed_at IS NULL) = (claimed_by IS NULL) AND (claimed_by IS NULL) = (claimed_by_name IS NULL)
             AND CASE state WHEN 'requested' THEN claimed_at IS NULL
                            WHEN 'claimed' THEN claimed_at IS NOT NULL ELSE true END),
        CONSTRAINT beds_cleaning_finished_check CHECK
            ((state IN ('done', 'cancelled')) = (finished_at IS NOT NULL)
             AND (finished_at IS NULL) = (finished_by IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX beds_cleaning_open_bed_key ON beds_cleaning (bed_id)"
    " WHERE state IN ('requested', 'claimed')",
    "CREATE INDEX beds_cleaning_ward_code_idx ON beds_cleaning (ward_code, id)",
    "CREATE INDEX beds_cleaning_open_idx ON beds_cleaning (ward_code, due_at)"
    " WHERE state IN ('requested', 'claimed')",
    "CREATE INDEX beds_cleaning_due_at_idx ON beds_cleaning (due_at)"
    " WHERE state IN ('requested', 'claimed') AND overdue_at IS NULL",
    """
    CREATE TRIGGER no_deletion BEFORE DELETE ON beds_cleaning
        FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
    """,
    """
    INSERT INTO beds_cleaning (id, bed_id, ward_code, kind, state, requested_at, requested_by, due_at, note,
                               version)
    SELECT gen_random_uuid(), id, ward_code, CASE status WHEN 'cleaning' THEN 'routine' ELSE 'terminal' END,
           'requested', since, '00000000-0000-0000-0000-000000000000', since + interval '90 minutes', '', 1
    FROM beds_bed WHERE status IN ('cleaning', 'contaminated')
    """,
    # A bed that waits to be cleaned is on somebody's list, or it is lost.
    """
    CREATE FUNCTION beds_check_cleaning() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
    BEGIN
        IF TG_TABLE_NAME = 'beds_bed' THEN
            wanted := NEW.id;
        ELSE
            wanted := NEW.bed_id;
        END IF;
        IF EXISTS (SELECT FROM beds_bed b WHERE b.id = wanted AND b.status IN ('cleaning', 'contaminated'))
           AND NOT EXISTS (SELECT FROM beds_cleaning c WHERE c.bed_id = wanted AND c.kind <> 'spot'
                           AND c.state IN ('requested', 'claimed')) THEN
            RAISE EXCEPTION 'bed % waits to be cleaned, but nobody is asked to', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'beds_bed_cleaning_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER requested AFTER INSERT OR UPDATE OF status ON beds_bed
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION beds_check_cleaning()
    """,
    """
    CREATE CONSTRAINT TRIGGER bed AFTER UPDATE ON beds_cleaning
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION beds_check_cleaning()
    """,
    # Whoever puts a patient into a room and whoever isolates one there see each other: they lock the room.
    """
    CREATE FUNCTION beds_lock_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM beds_room r WHERE r.ward_code = NEW.ward_code AND r.code = NEW.room_code
            FOR NO KEY UPDATE;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER isolation BEFORE UPDATE OF isolation_kind ON beds_bed
        FOR EACH ROW WHEN (OLD.isolation_kind IS DISTINCT FROM NEW.isolation_kind)
        EXECUTE FUNCTION beds_lock_room()
    """,
)

STAYS = (
    """
    ALTER TABLE ipd_admission
        ADD COLUMN needs text[] NOT NULL DEFAULT '{}' CONSTRAINT ipd_admission_needs_check CHECK
            (needs <@ ARRAY['oxygen', 'suction', 'monitor', 'telemetry', 'ventilator', 'dialysis',
                            'negative_pressure', 'bariatric']),
        ADD COLUMN isolation text CONSTRAINT ipd_admission_isolation_check CHECK
            (isolation IN ('contact', 'droplet', 'airborne', 'protective'))
    """,
    "ALTER TABLE ipd_stay ADD COLUMN override_reason text",
    "CREATE INDEX ipd_stay_patient_id_idx ON ipd_stay (patient_id, started_at)",
    "ALTER TABLE ipd_event DROP CONSTRAINT ipd_event_move_check",
    """
    ALTER TABLE ipd_event ADD CONSTRAINT ipd_event_move_check CHECK (move IN
        ('request', 'accept', 'assign', 'transfer', 'order_discharge', 'revoke_discharge', 'depart', 'cancel',
         'cancel_admit', 'cancel_transfer', 'cancel_discharge', 'hold', 'release_hold', 'expire_hold', 'swap',
         'birth', 'change_needs'))
    """,
    # Nobody is in two beds, and no bed has two patients, at any time of the past either. Without
    # btree_gist: the key and the time as one number, so that ranges of different keys never meet.
    """
    CREATE FUNCTION ipd_span(key uuid, started timestamptz, ended timestamptz) RETURNS numrange
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT numrange(base + extract(epoch FROM started), base + extract(epoch FROM ended))
        FROM (SELECT ((('x' || left(digits, 16))::bit(64)::bigint::numeric + 9223372036854775808)
                      * 18446744073709551616
                      + ('x' || right(digits, 16))::bit(64)::bigint::numeric + 9223372036854775808)
                     * 1000000000000 AS base
              FROM (SELECT replace(key::text, '-', '') AS digits) AS hex) AS number
    $$
    """,
    """
    ALTER TABLE ipd_stay
        ADD CONSTRAINT ipd_stay_patient_excl EXCLUDE USING gist
            (ipd_span(patient_id, started_at, coalesce(ended_at, '9999-01-01Z')) WITH &&)
            WHERE (NOT entered_in_error),
        ADD CONSTRAINT ipd_stay_bed_excl EXCLUDE USING gist
            (ipd_span(bed_id, started_at, coalesce(ended_at, '9999-01-01Z')) WITH &&)
            WHERE (NOT entered_in_error)
    """,
    # A patient lies where the bed has what they need, and shares the room with nobody whose isolation
    # differs: unless somebody gave a reason, which is kept with the stay.
    """
    CREATE FUNCTION ipd_check_suitable() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        bed beds_bed;
        admission ipd_admission;
    BEGIN
        SELECT * INTO bed FROM beds_bed WHERE id = NEW.bed_id;
        PERFORM FROM beds_room WHERE ward_code = bed.ward_code AND code = bed.room_code FOR NO KEY UPDATE;
        SELECT * INTO admission FROM ipd_admission WHERE id = NEW.admission_id;
        IF NOT admission.needs <@ bed.features
           OR admission.isolation = 'airborne' AND NOT 'negative_pressure' = ANY (bed.features) THEN
            RAISE EXCEPTION 'bed % lacks what the patient needs', NEW.bed_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_features_check';
        END IF;
        IF EXISTS (SELECT FROM beds_bed b
                   WHERE b.ward_code = bed.ward_code AND b.room_code = bed.room_code AND b.id <> bed.id
                   AND b.status = 'occupied' AND b.isolation_kind IS DISTINCT FROM admission.isolation) THEN
            RAISE EXCEPTION 'bed % is in a room with patients of another isolation', NEW.bed_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_isolation_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER suitable AFTER INSERT ON ipd_stay
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.override_reason IS NULL AND NEW.ended_at IS NULL AND NOT NEW.entered_in_error)
        EXECUTE FUNCTION ipd_check_suitable()
    """,
    # Who has left, or will not come, holds no bed.
    """
    CREATE FUNCTION ipd_check_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
    BEGIN
        IF TG_TABLE_NAME = 'ipd_admission' THEN
            wanted := NEW.id;
        ELSE
            wanted := NEW.admission_id;
        END IF;
        IF EXISTS (SELECT FROM beds_hold WHERE admission_id = wanted) AND NOT EXISTS
           (SELECT FROM ipd_admission WHERE id = wanted
            AND state IN ('accepted', 'admitted', 'discharge_ordered')) THEN
            RAISE EXCEPTION 'a bed is held for admission %, which needs none', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_admission_hold_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER hold AFTER UPDATE OF state ON ipd_admission
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_hold()
    """,
    """
    CREATE CONSTRAINT TRIGGER admission AFTER INSERT OR UPDATE ON beds_hold
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_hold()
    """,
    """
    CREATE TABLE ipd_birth (
        child_id uuid PRIMARY KEY CONSTRAINT ipd_birth_child_id_fkey REFERENCES patients_patient,
        mother_id uuid NOT NULL CONSTRAINT ipd_birth_mother_id_fkey REFERENCES patients_patient,
        admission_id uuid NOT NULL CONSTRAINT ipd_birth_admission_id_fkey REFERENCES ipd_admission,
        child_admission_id uuid NOT NULL
            CONSTRAINT ipd_birth_child_admission_id_key UNIQUE
            CONSTRAINT ipd_birth_child_admission_id_fkey REFERENCES ipd_admission,
        number integer NOT NULL CONSTRAINT ipd_birth_number_check CHECK (number > 0),
        born_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        CONSTRAINT ipd_birth_admission_id_number_key UNIQUE (admission_id, number),
        CONSTRAINT ipd_birth_mother_check CHECK (child_id <> mother_id)
    )
    """,
    "CREATE INDEX ipd_birth_mother_id_idx ON ipd_birth (mother_id)",
    """
    CREATE TABLE ipd_round (
        id uuid PRIMARY KEY,
        admission_id uuid NOT NULL CONSTRAINT ipd_round_admission_id_fkey REFERENCES ipd_admission,
        ward_code text NOT NULL CONSTRAINT ipd_round_ward_code_fkey REFERENCES beds_ward,
        entry_id uuid NOT NULL CONSTRAINT ipd_round_entry_id_key UNIQUE
            CONSTRAINT ipd_round_entry_id_fkey REFERENCES patients_record_entry,
        occurred_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        recorded_by uuid NOT NULL,
        recorded_by_name text NOT NULL
    )
    """,
    "CREATE INDEX ipd_round_admission_id_idx ON ipd_round (admission_id, occurred_at)",
    """
    CREATE TABLE ipd_summary (
        admission_id uuid NOT NULL CONSTRAINT ipd_summary_admission_id_fkey REFERENCES ipd_admission,
        number integer NOT NULL CONSTRAINT ipd_summary_number_check CHECK (number > 0),
        entry_id uuid NOT NULL CONSTRAINT ipd_summary_entry_id_key UNIQUE
            CONSTRAINT ipd_summary_entry_id_fkey REFERENCES patients_record_entry,
        written_at timestamptz NOT NULL,
        written_by uuid NOT NULL,
        CONSTRAINT ipd_summary_pkey PRIMARY KEY (admission_id, number)
    )
    """,
    *(
        f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION hms_refuse_rewrite()
        """
        for table in ("ipd_round", "ipd_summary")
    ),
    "CREATE INDEX ipd_stay_ward_code_idx ON ipd_stay (ward_code) WHERE ended_at IS NULL",
)

HOURS = (
    """
    CREATE TABLE ipd_occupancy_hour (
        ward_code text NOT NULL CONSTRAINT ipd_occupancy_hour_ward_code_fkey REFERENCES beds_ward,
        hour timestamptz NOT NULL,
        beds integer NOT NULL CONSTRAINT ipd_occupancy_hour_beds_check CHECK (beds >= 0),
        at_start integer NOT NULL CONSTRAINT ipd_occupancy_hour_at_start_check CHECK (at_start >= 0),
        arrivals integer NOT NULL CONSTRAINT ipd_occupancy_hour_arrivals_check CHECK (arrivals >= 0),
        departures integer NOT NULL CONSTRAINT ipd_occupancy_hour_departures_check CHECK (departures >= 0),
        occupied_seconds integer NOT NULL
            CONSTRAINT ipd_occupancy_hour_occupied_seconds_check CHECK (occupied_seconds >= 0),
        revision integer NOT NULL,
        computed_at timestamptz NOT NULL,
        CONSTRAINT ipd_occupancy_hour_pkey PRIMARY KEY (ward_code, hour)
    )
    """,
    """
    CREATE TABLE ipd_occupancy_mark (
        id smallint PRIMARY KEY CONSTRAINT ipd_occupancy_mark_id_check CHECK (id = 1),
        finished_until timestamptz NOT NULL
    )
    """,
    """
    INSERT INTO ipd_occupancy_mark
    SELECT 1, date_trunc('hour', least(coalesce((SELECT min(started_at) FROM ipd_stay), now()), now()), 'UTC')
    """,
    """
    CREATE TABLE ipd_occupancy_stale (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        ward_code text NOT NULL,
        since timestamptz NOT NULL,
        until timestamptz NOT NULL
    )
    """,
    # Every write of a stay says which time it touched; the timer that finishes hours looks again at those.
    """
    CREATE FUNCTION ipd_mark_stale() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        since timestamptz := NEW.started_at;
        until timestamptz := coalesce(NEW.ended_at, 'infinity');
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.entered_in_error = NEW.entered_in_error
           AND OLD.started_at = NEW.started_at AND OLD.ward_code = NEW.ward_code THEN
            IF OLD.ended_at IS NOT DISTINCT FROM NEW.ended_at THEN
                RETURN NULL;
            END IF;
            since := least(coalesce(OLD.ended_at, 'infinity'), until);
            until := greatest(coalesce(OLD.ended_at, 'infinity'), until);
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO ipd_occupancy_stale (ward_code, since, until)
            VALUES (OLD.ward_code, OLD.started_at, coalesce(OLD.ended_at, 'infinity'));
        END IF;
        INSERT INTO ipd_occupancy_stale (ward_code, since, until) VALUES (NEW.ward_code, since, until);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER stale AFTER INSERT OR UPDATE ON ipd_stay
        FOR EACH ROW EXECUTE FUNCTION ipd_mark_stale()
    """,
    """
    CREATE INDEX ipd_stay_during_idx ON ipd_stay USING gist (tstzrange(started_at, ended_at, '[]'))
        WHERE NOT entered_in_error
    """,
)

STATEMENTS = (*BEDS, *STAYS, *HOURS)


def upgrade() -> None:
    """Make tables, columns and rules."""
    for statement in STATEMENTS:
        op.execute(statement)
