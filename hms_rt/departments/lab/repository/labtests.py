"""Orders and their tests."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab import tables
from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.repository import rows

_ORDER = tables.lab_order.c
_TEST = tables.lab_test.c
_BOTH = tables.lab_order.join(tables.lab_test, _TEST.order_id == _ORDER.id)
_SHOWN: sa.Select[Any] = sa.select(*rows.ORDER_COLUMNS, tables.lab_test).select_from(_BOTH)
_LOCKED: sa.Select[Any] = _SHOWN.order_by(_ORDER.id, _TEST.id).with_for_update(
    of=[tables.lab_order, tables.lab_test]
)

UNFINISHED = sa.literal_column("lab_test.state NOT IN ('released', 'cancelled')", sa.Boolean)
"""As the partial index has it: bound values would hide it from a generic plan."""

_ADD = rows.insertion(tables.lab_test)
_SAVE = rows.saving(
    tables.lab_test, frozenset({"order_id", "code", "name", "specimen_kind", "panel", "definition"})
)
_TRIM = sa.text(
    """
    UPDATE lab_test SET board = NULL, board_since = NULL, version = version + 1
    WHERE id IN (
        SELECT id FROM lab_test
        WHERE board = :board AND state = 'released' AND id IN (
            SELECT id FROM lab_test WHERE board = :board AND state = 'released'
            ORDER BY board_since DESC, id DESC OFFSET :keep LIMIT 50)
        FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)

Shown = tuple[LabOrder, LabTest]


async def add_order(connection: AsyncConnection, order: LabOrder) -> None:
    """Add an order; its tests follow."""
    await connection.execute(tables.lab_order.insert().values(asdict(order)))


async def add(connection: AsyncConnection, tests: Sequence[LabTest]) -> None:
    """Add the tests of a new order."""
    await connection.execute(_ADD, rows.written(tests))


async def lock_test(connection: AsyncConnection, test_id: uuid.UUID) -> Shown | None:
    """One test and its order, locked."""
    found = (await connection.execute(_LOCKED.where(_TEST.id == test_id))).one_or_none()
    return (rows.order(found), rows.lab_test(found)) if found is not None else None


async def lock_order(
    connection: AsyncConnection, order_id: uuid.UUID
) -> tuple[LabOrder, list[LabTest]] | None:
    """An order and all its tests, locked."""
    found = (await connection.execute(_LOCKED.where(_ORDER.id == order_id))).all()
    return (rows.order(found[0]), [rows.lab_test(row) for row in found]) if found else None


async def lock_of_specimen(connection: AsyncConnection, specimen_id: uuid.UUID) -> list[LabTest]:
    """The tests of a specimen whose order is locked."""
    query = (
        sa.select(tables.lab_test)
        .where(_TEST.specimen_id == specimen_id)
        .order_by(_TEST.id)
        .with_for_update()
    )
    return [rows.lab_test(row) for row in await connection.execute(query)]


async def lock_orders_of(connection: AsyncConnection, patient_id: uuid.UUID) -> None:
    """Lock every order of a locked patient; what is read of them afterwards is what was last committed."""
    query = sa.select(_ORDER.id).where(_ORDER.patient_id == patient_id).order_by(_ORDER.id).with_for_update()
    await connection.execute(query)


async def follow(
    connection: AsyncConnection, patient_id: uuid.UUID, from_ward: str | None, to_ward: str
) -> None:
    """The patient's locked orders of ``from_ward``, and those that some board shows, go to ``to_ward``."""
    on_board = sa.exists().where(_TEST.order_id == _ORDER.id, _TEST.board.is_not(None))
    there = sa.or_(_ORDER.ward == from_ward, on_board) if from_ward is not None else on_board
    await connection.execute(
        tables.lab_order.update()
        .where(_ORDER.patient_id == patient_id, there)
        .values(ward=to_ward, clinic=None)
    )


async def lock_on_boards(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Shown]:
    """The tests of a patient's locked orders that some board shows, locked."""
    query = _LOCKED.where(_ORDER.patient_id == patient_id, _TEST.board.is_not(None))
    return _shown(await connection.execute(query))


async def save(connection: AsyncConnection, tests: Sequence[LabTest]) -> list[LabTest]:
    """Write locked tests, and say how they are now (with the new versions)."""
    if tests:
        done = await connection.execute(_SAVE, rows.written(tests))
        rows.check_written(done.rowcount, len(tests))
    return [replace(test, version=test.version + 1) for test in tests]


async def trim_board(connection: AsyncConnection, board: str, keep: int) -> list[uuid.UUID]:
    """Take released tests beyond the newest ``keep`` off a board; those being changed now are left alone."""
    return list((await connection.execute(_TRIM, {"board": board, "keep": keep})).scalars())


async def show_patient(
    connection: AsyncConnection, patient_id: uuid.UUID, name: str, mrn: str, *, restricted: bool
) -> None:
    """Copy how a locked patient is shown to every order, which locks them."""
    await connection.execute(
        tables.lab_order.update()
        .where(_ORDER.patient_id == patient_id)
        .values(patient_name=name, mrn=mrn, restricted=restricted)
    )


async def by_id(connection: AsyncConnection, test_id: uuid.UUID, *, hold: bool = False) -> Shown | None:
    """One test and its order, as last committed. ``hold``: nobody changes the test until the commit, so that
    who reads a result either reads its correction or is told of it."""
    query = _SHOWN.where(_TEST.id == test_id)
    if hold:
        query = query.with_for_update(of=[tables.lab_test], key_share=True, read=True)
    found = (await connection.execute(query)).one_or_none()
    return (rows.order(found), rows.lab_test(found)) if found is not None else None


async def on_board(connection: AsyncConnection, board: str) -> list[Shown]:
    """The tests that a ward's or clinic's room shows."""
    return _shown(await connection.execute(_SHOWN.where(_TEST.board == board)))


async def of_orders(connection: AsyncConnection, ids: Collection[uuid.UUID]) -> list[Shown]:
    """The tests of these orders, in the order in which they were ordered."""
    return _shown(await connection.execute(_SHOWN.where(_ORDER.id.in_(ids)).order_by(_TEST.id)))


def _shown(found: Any) -> list[Shown]:
    return [(rows.order(row), rows.lab_test(row)) for row in found]
