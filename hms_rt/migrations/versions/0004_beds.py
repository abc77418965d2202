"""Rooms and beds.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE TABLE beds_facility (code text PRIMARY KEY, name text NOT NULL)",
    """
    CREATE TABLE beds_building (
        facility_code text NOT NULL REFERENCES beds_facility,
        code text NOT NULL,
        name text NOT NULL,
        PRIMARY KEY (facility_code, code)
    )
    """,
    """
    CREATE TABLE beds_ward (
        code text PRIMARY KEY,
        name text NOT NULL,
        facility_code text NOT NULL,
        building_code text NOT NULL,
        version bigint NOT NULL,
        FOREIGN KEY (facility_code, building_code) REFERENCES beds_building
    )
    """,
    """
    CREATE TABLE beds_room (
        ward_code text NOT NULL REFERENCES beds_ward,
        code text NOT NULL,
        PRIMARY KEY (ward_code, code)
    )
    """,
    """
    CREATE TABLE beds_bed (
        id uuid PRIMARY KEY,
        ward_code text NOT NULL,
        room_code text NOT NULL,
        code text NOT NULL,
        status text NOT NULL CONSTRAINT beds_bed_status_check CHECK (status IN
            ('available', 'reserved', 'occupied', 'cleaning', 'contaminated', 'out_of_service')),
        isolation boolean NOT NULL,
        since timestamptz NOT NULL,
        reserved_for uuid,
        reserved_until timestamptz,
        version bigint NOT NULL,
        CONSTRAINT beds_bed_ward_code_code_key UNIQUE (ward_code, code),
        CONSTRAINT beds_bed_reservation_check CHECK
            ((status = 'reserved') = (reserved_until IS NOT NULL)
             AND (reserved_for IS NULL OR status = 'reserved')),
        FOREIGN KEY (ward_code, room_code) REFERENCES beds_room
    )
    """,
    "CREATE INDEX beds_bed_reserved_until_idx ON beds_bed (reserved_until) WHERE status = 'reserved'",
    """
    CREATE TABLE beds_occupant (
        bed_id uuid PRIMARY KEY REFERENCES beds_bed,
        stay_id uuid NOT NULL CONSTRAINT beds_occupant_stay_id_key UNIQUE,
        patient_id uuid NOT NULL CONSTRAINT beds_occupant_patient_id_key UNIQUE,
        name text NOT NULL,
        mrn text NOT NULL,
        sex text,
        birth_date date,
        since timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE beds_occupancy (
        ward_code text PRIMARY KEY REFERENCES beds_ward,
        available integer NOT NULL CHECK (available >= 0),
        reserved integer NOT NULL CHECK (reserved >= 0),
        occupied integer NOT NULL CHECK (occupied >= 0),
        cleaning integer NOT NULL CHECK (cleaning >= 0),
        contaminated integer NOT NULL CHECK (contaminated >= 0),
        out_of_service integer NOT NULL CHECK (out_of_service >= 0)
    )
    """,
    # A bed is occupied exactly while somebody is in it, whatever wrote the rows.
    """
    CREATE FUNCTION beds_check_occupied() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wanted uuid;
    BEGIN
        IF TG_TABLE_NAME = 'beds_bed' THEN
            wanted := NEW.id;
        ELSIF TG_OP = 'DELETE' THEN
            wanted := OLD.bed_id;
        ELSE
            wanted := NEW.bed_id;
        END IF;
        IF EXISTS (SELECT FROM beds_bed b WHERE b.id = wanted AND (b.status = 'occupied') IS DISTINCT FROM
                   EXISTS (SELECT FROM beds_occupant o WHERE o.bed_id = wanted)) THEN
            RAISE EXCEPTION 'bed % is occupied exactly while a patient is in it', wanted
                USING ERRCODE = 'check_violation', CONSTRAINT = 'beds_bed_occupied_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER occupied AFTER INSERT OR UPDATE OF status ON beds_bed
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION beds_check_occupied()
    """,
    """
    CREATE CONSTRAINT TRIGGER occupied AFTER INSERT OR DELETE OR UPDATE OF bed_id ON beds_occupant
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION beds_check_occupied()
    """,
)


def upgrade() -> None:
    """Make the department's tables."""
    for statement in STATEMENTS:
        op.execute(statement)
