"""Children room in: beside their mother's bed, held there by the database.

Revision ID: 0032
Revises: 0031
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE ipd_stay
        ADD COLUMN beside uuid CONSTRAINT ipd_stay_beside_fkey REFERENCES ipd_admission,
        ADD COLUMN apart_reason text,
        ADD CONSTRAINT ipd_stay_apart_check CHECK
            (apart_reason IS NULL OR beside IS NOT NULL AND apart_reason <> ''),
        ADD CONSTRAINT ipd_stay_beside_other_check CHECK (beside <> admission_id)
    """,
    "CREATE INDEX ipd_stay_beside_idx ON ipd_stay (beside) WHERE beside IS NOT NULL",
    """
    ALTER TABLE beds_occupant
        ADD COLUMN beside uuid CONSTRAINT beds_occupant_beside_fkey REFERENCES beds_bed
    """,
    "ALTER TABLE ipd_event DROP CONSTRAINT ipd_event_move_check",
    """
    ALTER TABLE ipd_event ADD CONSTRAINT ipd_event_move_check CHECK (move IN
        ('request', 'accept', 'assign', 'transfer', 'order_discharge', 'revoke_discharge', 'depart', 'cancel',
         'cancel_admit', 'cancel_transfer', 'cancel_discharge', 'hold', 'release_hold', 'expire_hold', 'swap',
         'birth', 'change_needs', 'room_in', 'separate'))
    """,
    # Who lies in a cot of the mother's room already rooms in.
    """
    UPDATE ipd_stay c SET beside = m.admission_id
    FROM ipd_birth b JOIN ipd_stay m ON m.admission_id = b.admission_id AND m.ended_at IS NULL
    JOIN beds_bed hers ON hers.id = m.bed_id, beds_bed cot
    WHERE c.admission_id = b.child_admission_id AND c.ended_at IS NULL AND cot.id = c.bed_id
      AND (cot.kind, cot.ward_code, cot.room_code) = ('cot', hers.ward_code, hers.room_code)
    """,
    """
    UPDATE beds_occupant o SET beside = m.bed_id
    FROM ipd_stay c JOIN ipd_stay m ON m.admission_id = c.beside AND m.ended_at IS NULL
    WHERE c.id = o.stay_id AND c.ended_at IS NULL
    """,
    # A child who rooms in lies in a cot of the room where its mother lies, and the board says beside which
    # bed: whoever moves either says in the same transaction what becomes of the other. The mother's
    # admission is locked, so that of two who move mother and child at once the later sees the earlier.
    """
    CREATE FUNCTION ipd_check_beside() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        child ipd_stay;
        mother uuid;
    BEGIN
        IF TG_TABLE_NAME = 'ipd_stay' THEN
            SELECT * INTO child FROM ipd_stay WHERE id = NEW.id;
        ELSE
            SELECT * INTO child FROM ipd_stay WHERE id = NEW.stay_id;
            IF (child.beside IS NULL OR child.apart_reason IS NOT NULL) AND EXISTS
               (SELECT FROM beds_occupant o WHERE o.stay_id = NEW.stay_id AND o.beside IS NOT NULL) THEN
                RAISE EXCEPTION 'nobody rooms in beside bed %', NEW.beside
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'beds_occupant_beside_check';
            END IF;
        END IF;
        IF child.beside IS NOT NULL AND child.ended_at IS NULL AND NOT EXISTS
           (SELECT FROM ipd_birth b JOIN ipd_admission a ON a.id = child.beside
            WHERE b.child_id = child.patient_id AND b.mother_id = a.patient_id) THEN
            RAISE EXCEPTION 'stay % is beside somebody who is not the mother', child.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_mother_check';
        END IF;
        FOREACH mother IN ARRAY ARRAY[child.beside, child.admission_id] LOOP
            CONTINUE WHEN mother IS NULL;
            PERFORM FROM ipd_admission WHERE id = mother FOR NO KEY UPDATE;
            IF EXISTS (
                SELECT FROM ipd_stay c
                JOIN beds_bed cot ON cot.id = c.bed_id
                LEFT JOIN beds_occupant o ON o.bed_id = c.bed_id
                LEFT JOIN ipd_stay m ON m.admission_id = mother AND m.ended_at IS NULL
                LEFT JOIN beds_bed bed ON bed.id = m.bed_id
                WHERE c.beside = mother AND c.ended_at IS NULL
                  AND CASE WHEN c.apart_reason IS NULL
                      THEN (cot.kind, cot.ward_code, cot.room_code, o.beside)
                           IS DISTINCT FROM ('cot', bed.ward_code, bed.room_code, bed.id)
                      ELSE o.beside IS NOT NULL END
            ) THEN
                RAISE EXCEPTION 'a child of admission % is not where its mother lies', mother
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_beside_check';
            END IF;
        END LOOP;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER beside AFTER INSERT OR UPDATE OF bed_id, ended_at, beside, apart_reason
        ON ipd_stay DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_beside()
    """,
    """
    CREATE CONSTRAINT TRIGGER beside AFTER INSERT OR UPDATE OF beside, bed_id, stay_id ON beds_occupant
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ipd_check_beside()
    """,
    # The isolation of a mother counts for the child beside her.
    """
    CREATE OR REPLACE FUNCTION ipd_check_suitable() RETURNS trigger LANGUAGE plpgsql AS $$
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
        IF EXISTS (SELECT FROM beds_bed b LEFT JOIN beds_occupant o ON o.bed_id = b.id
                   WHERE b.ward_code = bed.ward_code AND b.room_code = bed.room_code AND b.id <> bed.id
                   AND b.status = 'occupied' AND o.beside IS NULL
                   AND b.isolation_kind IS DISTINCT FROM admission.isolation) THEN
            RAISE EXCEPTION 'bed % is in a room with patients of another isolation', NEW.bed_id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ipd_stay_isolation_check';
        END IF;
        RETURN NULL;
    END $$
    """,
)


def upgrade() -> None:
    """Say beside whom children lie, and keep it so."""
    for statement in STATEMENTS:
        op.execute(statement)
