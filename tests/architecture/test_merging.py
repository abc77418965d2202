"""A merge of patients reaches every department: no table with a patient is forgotten."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from hms_rt.app import MERGING
from hms_rt.storage.embedded import EmbeddedUris
from hms_rt.storage.metadata import metadata

FOLLOWS_OTHERWISE = {
    "audit_log.patient_id": "history is never rewritten; a merge is accounted for under both patients",
    "beds_hold.patient_id": "follows the admission by foreign key",
    "beds_occupant.patient_id": "follows the stay by foreign key",
    "ipd_stay.patient_id": "follows the admission by foreign key",
    "patients_match_key.patient_id": "finds the record merged away, which answers the survivor",
    "patients_merge.from_id": "says who was merged",
    "patients_merge.into_id": "says into whom",
    "patients_patient.merged_into": "is the pointer itself",
}
"""Columns that name a patient and are in no department's list (``<department>/merging.py``), and why."""

UNGUARDED = {
    "patients_match_key": "is not work: the record merged away is found by its name, too",
    "audit_log": "accounts for what was done with the record merged away, too",
    "notifications_notification": "a notice that cannot be delivered must not undo what it tells of",
}
"""Tables that take rows about a patient who was merged away, and why. The others have the trigger."""

GUARDS = """
    SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = 'patients_refuse_merged'
"""
INDEXED = """
    SELECT DISTINCT c.relname || '.' || a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = '(' || a.attname || ' IS NOT NULL)'
"""


def _names_a_patient(column: sa.Column[object]) -> bool:
    return column.name == "patient_id" or any(
        key.target_fullname == "patients_patient.id" for key in column.foreign_keys
    )


def _columns() -> set[str]:
    return {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if _names_a_patient(column)
    }


LISTED = [f"{one.table.name}.{one.column}" for merging in MERGING for one in merging.TABLES]


def test_every_column_that_names_a_patient_is_in_one_departments_list() -> None:
    assert len(LISTED) == len(set(LISTED)), "a column is listed twice"
    assert set(LISTED) & set(FOLLOWS_OTHERWISE) == set()
    assert _columns() == set(LISTED) | set(FOLLOWS_OTHERWISE), "list it in <department>/merging.py: TABLES"


async def _names(uris: EmbeddedUris, query: str) -> set[str]:
    engine = create_async_engine(uris.postgres_uri)
    try:
        async with engine.connect() as connection:
            return set((await connection.execute(sa.text(query))).scalars())
    finally:
        await engine.dispose()


async def test_every_table_refuses_work_for_a_patient_who_was_merged_away(stack: EmbeddedUris) -> None:
    with_patient = {name.split(".")[0] for name in _columns() if name.endswith(".patient_id")}
    assert await _names(stack, GUARDS) == with_patient - set(UNGUARDED), (
        "CREATE TRIGGER not_merged BEFORE INSERT OR UPDATE OF patient_id ON <table>"
        " FOR EACH ROW EXECUTE FUNCTION patients_refuse_merged()"
    )


async def test_an_index_leads_to_the_rows_of_a_patient(stack: EmbeddedUris) -> None:
    assert set(LISTED) - await _names(stack, INDEXED) == set()
