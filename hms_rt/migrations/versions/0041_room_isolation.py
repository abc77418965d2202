"""Rooms kept for an isolation, and the organism that an isolation is for.

Revision ID: 0041
Revises: 0040
"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE beds_room
        ADD COLUMN isolation text CONSTRAINT beds_room_isolation_kind_check CHECK
            (isolation IN ('contact', 'droplet', 'airborne', 'protective')),
        ADD COLUMN organism text,
        ADD COLUMN override_reason text,
        ADD COLUMN version bigint NOT NULL DEFAULT 1 CONSTRAINT beds_room_version_check CHECK (version > 0),
        ADD CONSTRAINT beds_room_organism_check CHECK (isolation IS NOT NULL OR organism IS NULL),
        ADD CONSTRAINT beds_room_override_check CHECK (isolation IS NOT NULL OR override_reason IS NULL)
    """,
    """
    ALTER TABLE beds_bed
        ADD COLUMN organism text,
        ADD CONSTRAINT beds_bed_organism_check CHECK (isolation_kind IS NOT NULL OR organism IS NULL)
    """,
    """
    ALTER TABLE ipd_admission
        ADD COLUMN organism text,
        ADD CONSTRAINT ipd_admission_organism_check CHECK (isolation IS NOT NULL OR organism IS NULL)
    """,
    "DROP TRIGGER isolation ON beds_bed",
    """
    CREATE TRIGGER isolation BEFORE UPDATE OF isolation_kind, organism ON beds_bed
        FOR EACH ROW WHEN ((OLD.isolation_kind, OLD.organism) IS DISTINCT FROM
                           (NEW.isolation_kind, NEW.organism))
        EXECUTE FUNCTION beds_lock_room()
    """,
    # Whoever lies in a room that is kept for an isolation is in it, unless somebody said why: whoever keeps
    # the room and whoever comes in lock it, so that of two at once the later sees the earlier.
    """
    CREATE FUNCTION beds_check_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM beds_room r
                   JOIN beds_bed b ON b.ward_code = r.ward_code AND b.room_code = r.code
                   LEFT JOIN beds_occupant o ON o.bed_id = b.id
                   WHERE r.ward_code = NEW.ward_code AND r.code = NEW.code AND r.override_reason IS NULL
                     AND r.isolation IS NOT NULL AND b.status = 'occupied' AND o.beside IS NULL
                     AND (b.isolation_kind IS DISTINCT FROM r.isolation
                          OR r.organism IS NOT NULL AND b.organism IS DISTINCT FROM r.organism)) THEN
            RAISE EXCEPTION 'somebody lies in room % who is not in its isolation', NEW.code
                USING ERRCODE = 'check_violation', CONSTRAINT = 'beds_room_isolation_check';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER isolation AFTER UPDATE OF isolation, organism, override_reason ON beds_room
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION beds_check_room()
    """,
    """
    CREATE OR REPLACE FUNCTION ipd_check_suitable() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        bed beds_bed;
        room beds_room;
        admission ipd_admission;
    BEGIN
        SELECT * INTO bed FROM beds_bed WHERE id = NEW.bed_id;
        SELECT * INTO room FROM beds_room WHERE ward_code = bed.ward_code AND code = bed.room_code
            FOR NO KEY UPDATE;
        SELECT * INTO admission FROM ipd_admission WHERE id = NEW.admission_id;
        IF NOT admission.needs <@ bed.features
           OR admission.isolation = 'airborne' AND NOT 'negative_pressure' = ANY (bed.features) THEN
            RAISE EXCEPTION 'bed % lacks what the patient needs', NEW.bed_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_features_check';
        END IF;
        IF room.isolation IS NOT NULL
           AND (admission.isolation IS DISTINCT FROM room.isolation
                OR room.organism IS NOT NULL AND admission.organism IS DISTINCT FROM room.organism) THEN
            RAISE EXCEPTION 'bed % is in a room that is kept for another isolation', NEW.bed_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_room_check';
        END IF;
        IF EXISTS (SELECT FROM beds_bed b LEFT JOIN beds_occupant o ON o.bed_id = b.id
                   WHERE b.ward_code = bed.ward_code AND b.room_code = bed.room_code AND b.id <> bed.id
                   AND b.status = 'occupied' AND o.beside IS NULL
                   AND (b.isolation_kind, b.organism)
                       IS DISTINCT FROM (admission.isolation, admission.organism)) THEN
            RAISE EXCEPTION 'bed % is in a room with patients of another isolation', NEW.bed_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_isolation_check';
        END IF;
        RETURN NULL;
    END $$
    """,
)


def upgrade() -> None:
    """Add what rooms are kept for."""
    for statement in STATEMENTS:
        op.execute(statement)
