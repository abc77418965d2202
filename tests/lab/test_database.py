"""The database by itself: every pair of states of three machines, and lists that read little."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital
from hms_rt.departments.lab.model import alert as alerts
from hms_rt.departments.lab.model import labtest, specimen
from hms_rt.departments.lab.model.alert import AlertState
from hms_rt.departments.lab.model.labtest import LabMove, LabState
from hms_rt.departments.lab.model.order import OrderState
from hms_rt.departments.lab.model.specimen import SpecimenState
from hms_rt.departments.lab.repository import alerts as alert_rows
from hms_rt.departments.lab.repository import orders, worklists
from hms_rt.departments.lab.repository.reach import Reach
from hms_rt.departments.lab.repository.worklists import Wanted
from hms_rt.kernel.principal import SYSTEM
from tests.lab.conftest import Lab, Query

Pairs = set[tuple[str, str]]


def legal_tests() -> Pairs:
    entered = (LabState.RECEIVED, LabState.RESULTED)  # a result begins the work by itself
    steps = labtest.MOVES
    return {(a.value, b.value) for move in LabMove for a, b in [*steps[move].items(), entered] if a is not b}


def legal(moves: Any) -> Pairs:
    return {(a.value, b.value) for a, several in moves.items() for b in several if a is not b}


MACHINES: tuple[tuple[str, str, Iterable[StrEnum], Pairs], ...] = (
    ("lab_test", "lab_guard_test", LabState, legal_tests()),
    ("lab_specimen", "lab_guard_specimen", SpecimenState, legal(specimen.MOVES)),
    ("lab_critical_alert", "lab_guard_alert", AlertState, legal(alerts.MOVES)),
)


@pytest.mark.parametrize(("table", "guard", "states", "wanted"), MACHINES)
async def test_the_database_lets_exactly_the_legal_moves_pass(
    hospital: Hospital, table: str, guard: str, states: Iterable[StrEnum], wanted: Pairs
) -> None:
    """In a bare copy of the table, so that no other rule refuses for it."""
    passed: Pairs = set()
    async with hospital.engine.connect() as connection:
        await connection.execute(text(f"CREATE TEMP TABLE bare (LIKE {table})"))
        columns = await connection.execute(text(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'bare'::regclass AND attnum > 0 AND attnotnull"
        ))  # fmt: skip
        for column in columns.scalars():
            await connection.execute(text(f"ALTER TABLE bare ALTER COLUMN {column} DROP NOT NULL"))
        for before in states:
            for after in states:
                await connection.execute(text("DELETE FROM bare"))
                await connection.execute(text("INSERT INTO bare (state) VALUES (:s)"), {"s": before.value})
                await connection.execute(text(
                    f"CREATE TRIGGER moves BEFORE UPDATE ON bare FOR EACH ROW EXECUTE FUNCTION {guard}()"
                ))  # fmt: skip
                point = await connection.begin_nested()
                try:
                    await connection.execute(text("UPDATE bare SET state = :s"), {"s": after.value})
                    await point.commit()
                    passed |= {(before.value, after.value)} if before is not after else set()
                except DBAPIError:
                    await point.rollback()
                await connection.execute(text("DROP TRIGGER moves ON bare"))
    assert passed == wanted


FILL = """
WITH people AS (SELECT id FROM patients_patient ORDER BY id LIMIT 1),
orders AS (
    INSERT INTO lab_order
        (id, patient_id, patient_name, mrn, ward, ordered_by, priority, ordered_at, recorded_at)
    SELECT gen_random_uuid(), people.id, 'x', 'x', 'W' || n % 50, gen_random_uuid(), 'routine', now(), now()
    FROM people, generate_series(1, 20000) n RETURNING id),
tests AS (
    INSERT INTO lab_test
        (id, order_id, code, name, specimen_kind, state, review_due, cancel_reason, delta, version)
    SELECT gen_random_uuid(), id, 'LAC', 'Lactate', 'blood', 'cancelled', false, 'x', false, 1 FROM orders)
SELECT 1
"""


def visited(plan: dict[str, Any]) -> float:
    """Rows that a plan touched, also those that a filter removed, in all loops of its leaves."""
    inner = plan.get("Plans", [])
    if not inner:
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        return float((plan["Actual Rows"] + removed) * plan["Actual Loops"])
    return sum(visited(one) for one in inner)


async def test_lists_touch_no_more_rows_however_many_orders_there_are(
    lab: Lab, hospital: Hospital, query: Query
) -> None:
    for _ in range(12):
        await lab.order("LAC")
    await query("ALTER TABLE lab_test DISABLE TRIGGER USER")
    await query(FILL)
    await query("ALTER TABLE lab_test ENABLE TRIGGER USER")
    await query("ANALYZE lab_order, lab_test, lab_critical_alert")
    mine = Reach(["ICU", "MED", "W7"], ["GEN"], lab.doctor.id)
    asked: list[tuple[str, Any]] = []

    def heard(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if "lab_" in statement:
            asked.append((statement, parameters))

    event.listen(hospital.engine.sync_engine, "before_cursor_execute", heard)
    try:
        async with hospital.engine.connect() as connection:
            everywhere = Reach(None, None, SYSTEM.id)
            for within in (mine, everywhere):
                for state in (None, OrderState.OPEN):
                    await orders.page(connection, within, state=state, limit=11)
                every = frozenset(AlertState)
                await alert_rows.page(
                    connection, within, states=every, patient_id=None, place=None, before=None, limit=11
                )
            await worklists.page(connection, Wanted(), limit=11)
            await worklists.page(connection, Wanted(review_due=True), limit=11)
            statements = list(asked)
            assert len(statements) == 8
            for statement, parameters in statements:
                raw = await connection.get_raw_connection()
                driver: Any = raw.driver_connection
                (row,) = await driver.fetch("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, *parameters)
                plan = row[0][0]["Plan"]
                assert visited(plan) < 400, statement
    finally:
        event.remove(hospital.engine.sync_engine, "before_cursor_execute", heard)
