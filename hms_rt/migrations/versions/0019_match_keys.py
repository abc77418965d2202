"""Patients: keys by which those who may be one person are found.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from hms_rt.departments.patients.model.matching import Person, keys
from hms_rt.departments.patients.model.patient import Sex

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BATCH = 2_000

# Statements are run one by one: asyncpg prepares each.
STATEMENTS = (
    """
    CREATE TABLE patients_match_key (
        key text COLLATE "C" NOT NULL CONSTRAINT patients_match_key_key_check CHECK (key ~ '^[ndyp]:'),
        patient_id uuid NOT NULL CONSTRAINT patients_match_key_patient_id_fkey REFERENCES patients_patient,
        PRIMARY KEY (key, patient_id)
    )
    """,
    "CREATE INDEX patients_match_key_patient_id_idx ON patients_match_key (patient_id)",
)

_READ = sa.text(
    """
    SELECT id, family_name, given_name, sex, birth_date, phone FROM patients_patient
    WHERE NOT unidentified AND id > :after ORDER BY id LIMIT :limit
    """
)
_WRITE = sa.text("INSERT INTO patients_match_key (key, patient_id) VALUES (:key, :patient_id)")


def upgrade() -> None:
    """Make the table, and the keys of everybody who is registered."""
    for statement in STATEMENTS:
        op.execute(statement)
    connection = op.get_bind()
    after = "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(_READ, {"after": after, "limit": BATCH}).all():
        people = [
            (row.id, Person(row.family_name, row.given_name, Sex(row.sex), row.birth_date, row.phone))
            for row in rows
        ]
        made = [{"key": key, "patient_id": each} for each, person in people for key in keys(person)]
        if made:
            connection.execute(_WRITE, made)
        after = rows[-1].id
